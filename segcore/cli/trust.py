"""`segcore trust`: agree to run the code that came with a run."""

from __future__ import annotations

import argparse

from segcore.cli.arguments import Commands
from segcore.errors import CodeError
from segcore.extensions import trust
from segcore.extensions.code_file import CODE_FOLDER, CodeName
from segcore.paths import local_path, path_text
from segcore.runs import load_run
from segcore.terminal import print_text


def add_trust(commands: Commands) -> None:
    """Add the command `segcore trust`."""
    parser = commands.add_parser(
        "trust",
        help="agree to run the code that came with a run",
        description="A run of a network of somebody's own holds a copy of its file, which is not run before somebody "
        "on this machine agrees. Read the files first; they may do anything that you may do.",
    )
    parser.add_argument("run_folder", type=path_text, metavar="RUN", help="the run's folder")
    parser.set_defaults(run=agree)


def agree(arguments: argparse.Namespace) -> int:
    """Agree to the content of each file of code in a run.

    Raises:
        CodeError: when the run holds none.
        RunError: when there is no run in that folder.
    """
    folder = local_path(arguments.run_folder)
    files = sorted((folder / CODE_FOLDER).glob("*.py"))
    if not files:
        load_run(folder)  # raises where there is no run
        raise CodeError(f"{folder} holds no code: no {CODE_FOLDER}/*.py. Its model needs no agreement.")
    for path in files:
        digest = CodeName(path, path.stem).digest()
        trust.add(digest, f"{folder.name}/{path.name}")
        print_text(f"{path} may be run on this machine (SHA-256 {digest}), as noted in {trust.store()}.")
    return 0
