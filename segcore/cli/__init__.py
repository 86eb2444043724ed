"""The `segcore` command.

Each sub-command is a module with a function `add_<name>` that declares its arguments and the function that runs it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from segcore.cli.app import add_app
from segcore.cli.arguments import FAILED, INTERRUPTED
from segcore.cli.data import add_data
from segcore.cli.evaluate import add_evaluate
from segcore.cli.export import add_export
from segcore.cli.figures import add_figures
from segcore.cli.import_predictions import add_import
from segcore.cli.leaderboard import add_leaderboard
from segcore.cli.models import add_models
from segcore.cli.predict import add_predict
from segcore.cli.profile import add_profile
from segcore.cli.report import add_report
from segcore.cli.runs import add_runs
from segcore.cli.search import add_search
from segcore.cli.trust import add_trust
from segcore.errors import SegcoreError, plain
from segcore.terminal import print_text

_COMMANDS = (  # in the order of the help
    add_app, add_data, add_models, add_runs, add_evaluate, add_import, add_predict, add_profile, add_search,
    add_leaderboard, add_report, add_figures, add_export, add_trust,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `segcore` command.

    Args:
        argv: Arguments without the program's name; None takes those of the process.

    Returns:
        The exit code: 0 on success, 2 after an error message, 130 after Ctrl-C; `segcore data check --strict` adds 1.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["train"]:
        from segcore.training.command_line import main as train

        return train(words[1:], prog="segcore train")
    parser = _parser()
    try:
        arguments, unknown = parser.parse_known_args(words)
        if unknown and "streamlit_words" not in arguments:
            parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        arguments.streamlit_words = unknown  # `segcore app` hands them on to Streamlit
        return int(arguments.run(arguments))
    except SegcoreError as error:
        print_text(f"segcore: {error}", file=sys.stderr)
        return FAILED
    except OSError as error:
        print_text(f"segcore: {plain(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print_text("segcore: interrupted", file=sys.stderr)
        return INTERRUPTED


class _Versions(argparse.Action):
    """Prints the packages that influence a result, a line each."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:  # noqa: ANN401
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from segcore.runs.provenance import versions

        print_text("\n".join(f"{name}=={version}" for name, version in versions().items()))
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    from segcore import __version__

    parser = argparse.ArgumentParser("segcore", description="Train, explore and honestly compare segmentation models.")
    parser.add_argument("--version", action="version", version=f"segcore {__version__}")
    parser.add_argument("--versions", action=_Versions, help="print the packages used with their versions, and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in _COMMANDS:
        add(commands)
    # For the help alone: `main` passes these arguments on to the parser of `train.py`.
    commands.add_parser("train", help="train models; segcore train --help lists all settings", add_help=False)
    return parser
