"""The command that makes an evaluation of a run, whatever the run was made by."""

from __future__ import annotations

from segcore.runs import cli_hints
from segcore.runs.ensemble import default_name
from segcore.runs.run_record import RunRecord


def remake_command(run: RunRecord, split: str) -> str:
    """The command that makes the evaluation of a split, such as `test+flip`."""
    summary = run.summary
    if summary.imported is not None and run.only_predictions:
        known = (summary.imported.source,) if split in run.splits else ()
        return cli_hints.import_command(summary.dataset.source, split, run.path, *known)
    if not summary.members:
        return cli_hints.evaluate_command(run.path, split)
    first, *others = [member.folder(run.path) for member in summary.members]
    name = run.id if run.id != default_name(summary.members) else ""
    return cli_hints.evaluate_command(first, split, others, name)
