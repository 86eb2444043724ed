"""`segcore app`: the Streamlit app, from a checkout or an installed wheel."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from segcore.cli.arguments import Commands
from segcore.data.open_options import OpenOptions, add_open_arguments
from segcore.errors import SegcoreError
from segcore.paths import path_text
from segcore.terminal import print_text

_DESCRIPTION = """\
Open the app. It shows the built-in drive unless --data names another dataset. Without --runs it reads ./checkpoints,
or, where there is no such folder, the runs that come with Segcore."""
_EPILOG = """\
Options of Streamlit may follow, such as --server.port 8600, --server.address 0.0.0.0 or --server.headless true;
`streamlit run --help` lists them."""


def add_app(commands: Commands) -> None:
    """Add the command `segcore app`."""
    parser = commands.add_parser(
        "app", help="open the app in a browser", description=_DESCRIPTION, epilog=_EPILOG, allow_abbrev=False
    )
    parser.add_argument("--data", type=path_text, metavar="SOURCE", help="a folder, a zip, or drive (default: drive)")
    parser.add_argument(
        "--runs", type=path_text, metavar="DIR", help="folder of runs (default: checkpoints, else the shipped runs)"
    )
    add_open_arguments(parser)
    parser.set_defaults(run=open_app, streamlit_words=[])


def open_app(arguments: argparse.Namespace) -> int:
    """Run Streamlit in this process, which ends when the server is stopped; signals reach the server itself."""
    command = streamlit_command(arguments)
    if arguments.runs is None and runs_folder(None) != "checkpoints":
        print_text("No folder checkpoints here: the app shows the runs that come with Segcore. For yours: --runs DIR")
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its check for a newer version asks the network
    sys.argv = command
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0


def streamlit_command(arguments: argparse.Namespace) -> list[str]:
    """The words of `streamlit run app.py [OPTIONS] -- [ARGUMENTS OF THE APP]`.

    Raises:
        SegcoreError: for a word that neither the app nor Streamlit knows.
    """
    from segcore.ui.shell.app_files import entry_script

    options = streamlit_options(arguments.streamlit_words)
    words = ["--runs", runs_folder(arguments.runs), *OpenOptions.of(arguments).words]
    words += ["--data", arguments.data] if arguments.data is not None else []
    return ["streamlit", "run", str(entry_script()), *options, "--", *words]


def streamlit_options(words: Sequence[str]) -> list[str]:
    """Options of Streamlit with their values; each is named `--section.option`.

    >>> streamlit_options(["--server.port", "8600", "--server.headless=true"])
    ['--server.port', '8600', '--server.headless=true']

    Raises:
        SegcoreError: for anything else.
    """
    takes_value = False
    for word in words:
        is_option = word.startswith("--") and "." in word.partition("=")[0]
        if not is_option and not (takes_value and not word.startswith("--")):
            raise SegcoreError(
                f"No argument {word!r} of `segcore app`. segcore app --help lists them; "
                "options of Streamlit have a dot in their name, such as --server.port 8600."
            )
        takes_value = is_option and "=" not in word
    return list(words)


def runs_folder(wanted: str | None) -> str:
    """The folder of runs that the app reads: the one given, else ./checkpoints, else the shipped runs."""
    from segcore.ui.shell.app_files import shipped_runs

    if wanted is not None:
        return wanted
    shipped = None if Path("checkpoints").is_dir() else shipped_runs()
    return "checkpoints" if shipped is None else str(shipped)
