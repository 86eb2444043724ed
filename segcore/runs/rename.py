"""Renaming a run: its folder, and what names it in its own summary and in ensembles beside it."""

from __future__ import annotations

import os
from pathlib import Path

from segcore.errors import RunError
from segcore.runs import run_files
from segcore.runs.json_documents import write_document
from segcore.runs.run_lock import writing
from segcore.runs.run_record import RunRecord, load_run
from segcore.runs.run_store import RunStore
from segcore.runs.run_writer import RunWriter


def rename_run(run: RunRecord, name: str) -> RunRecord:
    """Rename a run's folder, which is its id. Ensembles in the same folder that hold it follow.

    Args:
        run: The run.
        name: Its new name; characters that don't belong in a folder's name become dashes.

    Returns:
        The run under its new name.

    Raises:
        RunError: when the name is taken or holds no letter or digit, the run is in training, or the folder can't be
            renamed.
    """
    run = load_run(Path(os.path.normpath(run.path)))  # as it is now, e.g. after a training has ended
    target = run.path.with_name(run_files.checked_folder_name(name, "run"))
    if target == run.path:
        return run
    with writing(run.path, "renames it") as hold:
        run = load_run(run.path)
        if run.summary.status == "training":
            raise RunError(f"Run {run.id!r} is in training, which writes into {run.path}. Rename it when it has ended.")
        if target.exists():
            raise RunError(
                f"Run {run.id!r} can't be called {target.name!r}: {target} is there already. Choose another."
            )
        others, _ = RunStore(run.path.parent).read(archived=None)
        holders = [other for other in others if run.path in _folders(other)]
        try:
            run.path.rename(target)
        except OSError as error:
            raise RunError(f"Run {run.id!r} can't be renamed to {target}: {error.strerror}.") from None
        hold.folder = target
        write_document(target / run_files.SUMMARY, run.summary.model_copy(update={"run_id": target.name}))
    for holder in holders:
        _follow(holder, run.path, target)
    return load_run(target)


def _folders(ensemble: RunRecord) -> list[Path]:
    """The folders of an ensemble's members; none for another run."""
    return [member.folder(ensemble.path) for member in ensemble.summary.members]


def _follow(ensemble: RunRecord, old: Path, new: Path) -> None:
    """Write the new name and path of a member into an ensemble's summary and settings."""
    members = tuple(
        member.model_copy(update={"id": new.name, "path": str(Path(member.path).with_name(new.name))})
        if folder == old
        else member
        for member, folder in zip(ensemble.summary.members, _folders(ensemble), strict=True)
    )
    writer = RunWriter(ensemble.path)
    with writing(ensemble.path, "writes the new name of a member into it"):
        writer.write_config(ensemble.config | {run_files.BY_ENSEMBLE: [member.path for member in members]})
        writer.write_summary(ensemble.summary.model_copy(update={"members": members}))
