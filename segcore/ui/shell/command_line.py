"""The app's own command line: `streamlit run app.py -- --data PATH --runs DIR`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

from segcore.data.open_options import OpenOptions, add_open_arguments


@dataclass(frozen=True)
class Arguments:
    """What stands after `--`.

    Args:
        data: The dataset; None where none was named.
        runs: The folder of runs.
        options: How datasets are opened.
    """

    data: str | None
    runs: str
    options: OpenOptions


def parse_arguments() -> Arguments:
    """Parse the arguments after `--`; unknown ones are ignored."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--data")
    parser.add_argument("--runs", default="checkpoints")
    add_open_arguments(parser)
    try:
        known, _ = parser.parse_known_args(sys.argv[1:])
    except argparse.ArgumentError:
        known, _ = parser.parse_known_args([])
    return Arguments(known.data, known.runs, OpenOptions.of(known))
