"""The `segcore` command.

Each sub-command is a module with a function `add_<name>` that declares its arguments and the function that runs it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from segcore.cli.app import add_app
from segcore.cli.arguments import FAILED, INTERRUPTED, Commands
from segcore.cli.data import add_data
from segcore.cli.evaluate import add_evaluate
from segcore.cli.export import add_export
from segcore.cli.leaderboard import add_leaderboard
from segcore.cli.predict import add_predict
from segcore.cli.profile import add_profile
from segcore.cli.report import add_report
from segcore.cli.runs import add_runs
from segcore.cli.search import add_search
from segcore.errors import SegcoreError, plain


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
        print(f"segcore: {error}", file=sys.stderr)
        return FAILED
    except OSError as error:
        print(f"segcore: {plain(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("segcore: interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    from segcore import __version__

    parser = argparse.ArgumentParser("segcore", description="Train, explore and honestly compare segmentation models.")
    parser.add_argument("--version", action="version", version=f"segcore {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add_app(commands)
    add_data(commands)
    add_runs(commands)
    add_evaluate(commands)
    add_predict(commands)
    add_profile(commands)
    add_search(commands)
    add_leaderboard(commands)
    add_report(commands)
    add_export(commands)
    add_train(commands)
    return parser


def add_train(commands: Commands) -> None:
    """List `segcore train` in the help; `main` passes its arguments on to the parser of `train.py`."""
    commands.add_parser("train", help="train models; segcore train --help lists all settings", add_help=False)
