"""Making ensembles: runs whose softmax is averaged, or that vote, stored as a run with scores but no weights."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from segcore.errors import EvaluationError, enumerated
from segcore.runs import run_files
from segcore.runs.model_required import require_model
from segcore.runs.probability_files import why_ids_only
from segcore.runs.run_files import BY_ENSEMBLE as ENSEMBLE
from segcore.runs.run_record import RunRecord
from segcore.runs.summary import DatasetInfo, InputInfo, Member, Summary

Number = TypeVar("Number", int, float)

SEVERAL = "several"  # the method of the split where the members' splits differ
_MAX_NAME = 120  # bytes of a default name; file systems allow 255
# Settings on how the data is read and split; an ensemble's config takes them from its first member.
_DATA_SETTINGS = (
    "data", "labels", "classes", "map", "void", "skip_incomplete", "color_tolerance", "format", "video", "split",
    "split_seed", "val_fraction", "copies", "folds", "fold",
)  # fmt: skip


def default_name(members: Sequence[RunRecord | Member]) -> str:
    """The name of an ensemble's folder when the user gives none."""
    ids = [member.id for member in members]
    name = f"{ENSEMBLE}-{'_'.join(ids)}"
    if len(name.encode()) > _MAX_NAME:
        digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:8]
        first = ids[0].encode()[:_MAX_NAME].decode(errors="ignore")
        name = f"{ENSEMBLE}-{len(ids)}-{first}-{digest}"
    return run_files.folder_name(name)


def check_same_classes(first: RunRecord, other: RunRecord) -> None:
    """Check that two runs predict the same classes in the same order.

    Raises:
        EvaluationError: when they do not; the message names the difference.
    """
    mine, theirs = first.labels.names, other.labels.names
    if mine == theirs:
        return
    differ = [
        f"only {run.id} has {', '.join(name for name in names if name not in others)}"
        for run, names, others in ((first, mine, theirs), (other, theirs, mine))
        if set(names) - set(others)
    ]
    raise EvaluationError(
        f"Runs {first.id!r} and {other.id!r} don't predict the same classes: "
        f"{'; '.join(differ) or 'they are in another order'}. Combine runs of one label set."
    )


def check_members(runs: Sequence[RunRecord]) -> None:
    """Check that an ensemble can be made of these runs.

    Raises:
        EvaluationError: when a run is named twice or is an ensemble, classes, void or data differ, or two runs vote.
    """
    first = runs[0]
    repeated = [run_id for run_id, count in Counter(run.id for run in runs).items() if count > 1]
    if repeated:
        raise EvaluationError(f"Two members are called {repeated[0]!r}; an ensemble takes each run once.")
    for run in runs:
        if run.summary.members:
            require_model(run, "be a member of another ensemble", "Name its members: {}")
        check_same_classes(first, run)
        mine, other = first.summary.dataset, run.summary.dataset
        for what, one, two in (
            ("treatment of void", mine.void, other.void),
            ("data", f"{mine.name} {mine.fingerprint}", f"{other.name} {other.fingerprint}"),
        ):
            if one != two:
                raise EvaluationError(
                    f"Runs {first.id!r} and {run.id!r} can't be scored together: their {what} differs ({one}; {two}). "
                    "Combine runs of one dataset; `segcore predict --with` averages all runs of the same classes."
                )
    votes(runs)


def votes(runs: Sequence[RunRecord]) -> bool:
    """Whether runs vote on the class of a pixel, since one of them gives no probabilities that could be averaged.

    Raises:
        EvaluationError: when fewer than three would vote: where two differ, neither has a majority.
    """
    reasons = {run.id: reason for run in runs if (reason := why_ids_only(run))}
    if reasons and len(runs) < 3:
        names = "; ".join(f"{run_id}: {reason}" for run_id, reason in reasons.items())
        raise EvaluationError(
            f"There are not the probabilities of all runs to average ({names}), and a vote needs three runs or more; "
            f"there {'is' if len(runs) == 1 else 'are'} {len(runs)}. Name more runs, or import the predictions with "
            "their probabilities: segcore import MASKS --scores PROBABILITIES"
        )
    return bool(reasons)


def how_combined(runs: Sequence[RunRecord]) -> list[str]:
    """What to know of an ensemble before it is scored: which runs make it vote, and which hold stored predictions."""
    notes = []
    if reasons := [f"{run.id} ({reason})" for run in runs if (reason := why_ids_only(run))]:
        notes.append(f"The runs vote on the class of each pixel, for want of probabilities of {enumerated(reasons)}.")
    if imported := [run.id for run in runs if run.only_predictions]:
        notes.append(f"{enumerated(imported)}: by stored predictions, so the ensemble predicts no other images.")
    return notes


def ensemble_summary(path: Path, runs: Sequence[RunRecord], **origin: Any) -> tuple[Summary, dict[str, Any]]:  # noqa: ANN401
    """Make the summary and the config of a new ensemble.

    Args:
        path: Its future folder.
        runs: Its members, which `check_members` accepts.
        origin: More fields of the summary, such as `created` and `versions`.
    """
    summaries = [run.summary for run in runs]
    first = summaries[0]
    memories = [summary.peak_memory_mb for summary in summaries if summary.peak_memory_mb is not None]
    weights = {summary.encoder_weights for summary in summaries}
    inputs = {summary.input for summary in summaries}
    members = tuple(
        Member(id=run.id, path=_relative(run.path, path), model=run.summary.model, created=run.summary.created)
        for run in runs
    )
    summary = Summary(
        run_id=path.name,
        status="finished",
        model=ENSEMBLE,
        members=members,
        by_vote=votes(runs),
        encoder=" + ".join(dict.fromkeys(summary.encoder for summary in summaries if summary.encoder)) or None,
        encoder_weights=first.encoder_weights if len(weights) == 1 else SEVERAL,
        parameters=_sum(summary.parameters for summary in summaries),
        labels=first.labels,
        dataset=_dataset([summary.dataset for summary in summaries]),
        input=first.input
        if len(inputs) == 1
        else InputInfo(height=None, width=None, mean=first.input.mean, std=first.input.std),
        train_seconds=_sum(summary.whole_train_seconds for summary in summaries),
        peak_memory_mb=max(memories, default=None),
        device=first.device,
        precision=first.precision,
        seed=first.seed,  # where all splits are the same, it remakes the split with the first member's settings
        **origin,
    )
    config = runs[0].config
    return summary, {ENSEMBLE: [member.path for member in members]} | {
        name: config[name] for name in _DATA_SETTINGS if name in config
    }


def _sum(values: Iterable[Number | None]) -> Number | None:
    """The sum; None where one of the values is not known."""
    known = list(values)
    return sum(value for value in known if value is not None) if None not in known else None


def same_members(run: RunRecord, runs: Sequence[RunRecord]) -> bool:
    """Whether a run is the ensemble of exactly these runs."""
    members = {(member.id, member.created) for member in run.summary.members}
    return members == {(other.id, other.summary.created) for other in runs}


def _dataset(infos: Sequence[DatasetInfo]) -> DatasetInfo:
    """The members' dataset; its split is `SEVERAL` where the members' splits differ."""
    sentences: dict[str, str] = {}
    for info in infos:
        sentences = {**(info.leaks or {}), **sentences}
    checked = all(info.leaks is not None for info in infos)
    leaks = sentences if sentences or checked else None
    changes: Mapping[str, Any] = {"leaks": leaks}
    fingerprints = [info.split_fingerprint for info in infos]
    if len(set(fingerprints)) > 1:
        digest = hashlib.sha256("\n".join(fingerprints).encode()).hexdigest()[:16]
        changes = {"leaks": leaks, "split": SEVERAL, "split_fingerprint": digest}
    return infos[0].model_copy(update=changes)


def _relative(path: Path, folder: Path) -> str:
    """A member's folder relative to the ensemble's, so that both can be moved together."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return path.resolve().as_posix()
