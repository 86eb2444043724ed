"""The `segcore` command.

Each sub-command is a module with a function `add_<name>` that declares its arguments and the function that runs it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from segcore.cli.app import add_app
from segcore.cli.arguments import FAILED, INTERRUPTED
from segcore.cli.data import add_data
from segcore.cli.evaluate import add_evaluate
from segcore.cli.export import add_export
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

_COMMANDS = (  # in the order of the help
    add_app, add_data, add_models, add_runs, add_evaluate, add_import, add_predict, add_profile, add_search,
    add_leaderboard, add_report, add_export, add_trust,
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
    for add in _COMMANDS:
        add(commands)
    # For the help alone: `main` passes these arguments on to the parser of `train.py`.
    commands.add_parser("train", help="train models; segcore train --help lists all settings", add_help=False)
    return parser
