"""The command that makes an evaluation of a run, whatever the run was made by."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from segcore.data.open_options import OpenOptions
from segcore.errors import RunError
from segcore.paths import path_exists
from segcore.runs import cli_hints
from segcore.runs.ensemble import default_name
from segcore.runs.run_record import RunRecord

_OPENED_WITH = ("format", "labels", "void", "video", "color_tolerance")  # options of commands by the same names


def import_command(run: RunRecord, split: str) -> str:
    """The `segcore import` command for predictions of a split, read as those of the run were."""
    imported = run.summary.imported
    assert imported is not None
    # The source of a split that was added later is not kept, and that of a callable is no path.
    first = run.splits == (split,) and path_exists(imported.source)
    options = ["--resize", "{}x{}".format(*imported.resized)] if imported.resized else []
    config: Mapping[str, Any] = {}
    with suppress(RunError):
        config = run.config
    for name in (*_OPENED_WITH, "classes", "map"):
        if config.get(name) not in (None, OpenOptions._field_defaults.get(name)):
            prefix = "" if name in _OPENED_WITH else "data-"
            options += [f"--{prefix}{name.replace('_', '-')}", str(config[name])]
    known = imported.source if first else "PREDICTIONS"
    return cli_hints.import_command(run.summary.dataset.source, split, run.path, known, options)


def remake_command(run: RunRecord, split: str) -> str:
    """The command that makes the evaluation of a split, such as `test+flip`."""
    summary = run.summary
    if summary.imported is not None and run.only_predictions:
        return import_command(run, split)
    if not summary.members:
        return cli_hints.evaluate_command(run.path, split)
    first, *others = [member.folder(run.path) for member in summary.members]
    name = run.id if run.id != default_name(summary.members) else ""
    return cli_hints.evaluate_command(first, split, others, name)
