"""Runs that answer together, as a run of its own: it has scores, and no weights but those of its members."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.errors import EvaluationError, RunError
from segcore.models import model_title
from segcore.runs import run_files
from segcore.runs.profile import Profile
from segcore.runs.summary import DatasetInfo, InputInfo, Member, Summary

if TYPE_CHECKING:
    from segcore.runs.run_record import RunRecord

ENSEMBLE = "ensemble"  # what stands for a model's name in a summary
SEVERAL = "several"  # what stands for the method of a split, where members were trained on other parts of the data
_LONGEST = 120  # characters of a default name; a folder's may have 255
# Settings of a member that say how the data is read and divided.
_SETTINGS = (
    "data",
    "labels",
    "void",
    "skip_incomplete",
    "color_tolerance",
    "video",
    "split",
    "val_fraction",
    "copies",
    "folds",
    "fold",
)


def ensemble_title(models: Iterable[str]) -> str:
    """What people read.

    >>> ensemble_title(["unet", "fcn8s"]), ensemble_title(["unet"] * 3), ensemble_title(["unet", "unet", "fcn8s"])
    ('Ensemble of U-Net and FCN-8s', 'Ensemble of 3 U-Net', 'Ensemble of 2 U-Net and FCN-8s')
    """
    counts = Counter(map(model_title, models))
    named = [title if count == 1 else f"{count} {title}" for title, count in counts.items()]
    if len(named) > 3:
        named = [*named[:2], f"{sum(list(counts.values())[2:])} more"]
    return "Ensemble of " + (named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}")


def default_name(members: Sequence[RunRecord | Member]) -> str:
    """What its folder is called where nobody says."""
    ids = [member.id for member in members]
    name = f"{ENSEMBLE}-{'_'.join(ids)}"
    if len(name) > _LONGEST:
        digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:8]
        name = f"{ENSEMBLE}-{len(ids)}-{ids[0][:_LONGEST]}-{digest}"
    return run_files.folder_name(name)


def members_of(run: RunRecord) -> list[RunRecord]:
    """The runs that an ensemble is made of.

    Raises:
        RunError: when one is missing, can't be read, is an ensemble itself, or was trained again since.
    """
    from segcore.runs.run_record import load_run

    found = []
    for member in run.summary.members:
        path = member_path(run.path, member)
        again = f"Put it back, or make another: segcore evaluate RUN --with RUN. The stored scores of {run.id!r} stay."
        if not path.is_dir():
            raise RunError(f"Run {run.id!r} is an ensemble, and its member {member.id!r} is not at {path}. {again}")
        there = load_run(path)
        if there.summary.members:  # written by hand: one that holds itself would never end
            raise RunError(
                f"Run {run.id!r} is an ensemble, and its member {member.id!r} at {path} is another; expected a run "
                f"that was trained. {again}"
            )
        if there.summary.created != member.created:
            raise RunError(
                f"Run {run.id!r} is an ensemble, and its member {member.id!r} was trained again since "
                f"({there.summary.created}; it was {member.created}). {again}"
            )
        found.append(there)
    return found


def refuse_ensemble(run: RunRecord, what: str, instead: str) -> None:
    """Refuse what needs one model.

    Args:
        run: Perhaps an ensemble.
        what: What it can't be, for people: `be exported`.
        instead: The way out; `{}` stands for its members.

    Raises:
        EvaluationError: when it is one.
    """
    if run.summary.members:
        names = " ".join(member.id for member in run.summary.members)
        raise EvaluationError(f"Run {run.id!r} is an ensemble, and can't {what}. {instead.format(names)}")


def check_same_classes(first: RunRecord, other: RunRecord) -> None:
    """Refuse two runs that do not predict the same classes in the same order.

    Raises:
        EvaluationError: naming what differs.
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
    """Refuse runs that can't be scored together.

    Raises:
        EvaluationError: when one is named twice or an ensemble itself, or their classes, void or data differ.
    """
    first = runs[0]
    twice = [run_id for run_id, count in Counter(run.id for run in runs).items() if count > 1]
    if twice:
        raise EvaluationError(f"Two members are called {twice[0]!r}; an ensemble takes each run once.")
    for run in runs:
        refuse_ensemble(run, "be a member of another", "Name its members: {}")
        check_same_classes(first, run)
        mine, other = first.summary.dataset, run.summary.dataset
        for what, one, two in (
            ("void pixels", f"{mine.void} them", f"{other.void} them"),
            ("data", f"{mine.name} {mine.fingerprint}", f"{other.name} {other.fingerprint}"),
        ):
            if one != two:
                raise EvaluationError(
                    f"Runs {first.id!r} and {run.id!r} can't be scored together, since they were trained on other "
                    f"{what} ({one}; {two}). Combine runs of one dataset; `segcore predict --with` averages any that "
                    "have the same classes."
                )


def ensemble_summary(path: Path, runs: Sequence[RunRecord], **origin: Any) -> tuple[Summary, dict[str, Any]]:  # noqa: ANN401
    """(summary, config) of a new ensemble.

    Args:
        path: Where its folder will be.
        runs: Its members: see `check_members`.
        origin: Fields of the summary that say who made it, and when.
    """
    summaries = [run.summary for run in runs]
    first = summaries[0]
    memories = [each.peak_memory_mb for each in summaries if each.peak_memory_mb is not None]
    members = tuple(
        Member(id=run.id, path=_relative(run.path, path), model=run.summary.model, created=run.summary.created)
        for run in runs
    )
    summary = Summary(
        run_id=path.name,
        status="finished",
        model=ENSEMBLE,
        members=members,
        encoder=" + ".join(dict.fromkeys(each.encoder for each in summaries)),
        encoder_weights=first.encoder_weights if len({each.encoder_weights for each in summaries}) == 1 else SEVERAL,
        parameters=sum(each.parameters for each in summaries),
        labels=first.labels,
        dataset=_dataset([each.dataset for each in summaries]),
        input=first.input
        if len({each.input for each in summaries}) == 1
        else InputInfo(height=None, width=None, mean=first.input.mean, std=first.input.std),
        train_seconds=sum(each.train_seconds for each in summaries),
        peak_memory_mb=max(memories, default=None),
        device=first.device,
        precision=first.precision,
        seed=first.seed,  # where all have one division, this and the first one's settings make it again
        **origin,
    )
    config = runs[0].config
    return summary, {ENSEMBLE: [member.path for member in members]} | {
        name: config[name] for name in _SETTINGS if name in config
    }


def same_members(run: RunRecord, runs: Sequence[RunRecord]) -> bool:
    """Whether a run is the ensemble of just these."""
    mine = {(member.id, member.created) for member in run.summary.members}
    return mine == {(each.id, each.summary.created) for each in runs}


def ensemble_profile(run: RunRecord) -> Profile | None:
    """The costs of all members together, but for latencies, which were not measured; None where one is not known."""
    try:
        found = [member.profile for member in members_of(run)]
    except RunError:
        return None
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        return None
    memories = [each.train_peak_memory_mb for each in known if each.train_peak_memory_mb is not None]
    return Profile(
        parameters=sum(each.parameters for each in known),
        macs=sum(each.macs for each in known),
        height=known[0].height,
        width=known[0].width,
        model_mb=sum(each.model_mb for each in known),
        train_minutes=sum(each.train_minutes for each in known),
        train_peak_memory_mb=max(memories, default=None),
    )


def _dataset(infos: Sequence[DatasetInfo]) -> DatasetInfo:
    """What they were trained on; of another division each, no one division."""
    told: dict[str, str] = {}
    for info in infos:
        told = {**(info.leaks or {}), **told}
    looked = all(info.leaks is not None for info in infos)
    leaks = told if told or looked else None
    changes: Mapping[str, Any] = {"leaks": leaks}
    prints = [info.split_fingerprint for info in infos]
    if len(set(prints)) > 1:
        digest = hashlib.sha256("\n".join(prints).encode()).hexdigest()[:16]
        changes = {"leaks": leaks, "split": SEVERAL, "split_fingerprint": digest}
    return infos[0].model_copy(update=changes)


def _relative(path: Path, folder: Path) -> str:
    """A member's folder as seen from its ensemble's, so that both can be moved together."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return path.resolve().as_posix()


def member_path(folder: Path, member: Member) -> Path:
    """A member's folder, by that of its ensemble; it may be missing."""
    return Path(os.path.normpath(folder / member.path))
