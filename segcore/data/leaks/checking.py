"""The leak check itself: what the splits of a dataset, or of a plan, share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import PurePosixPath

import numpy as np

from segcore.data.class_statistics import Progress
from segcore.data.dataset import SPLITS, Dataset
from segcore.data.leaks.duplicates import Match, correlations, find_matches
from segcore.data.leaks.leak_report import (
    MOST_EXAMPLES,
    NAMES,
    Example,
    Finding,
    LeakReport,
    portion,
    severity,
    verdict,
    weight,
)
from segcore.data.leaks.masks import class_findings, disagreements
from segcore.data.leaks.neighbours import PAIRS, Timeline, plan_findings
from segcore.data.leaks.perceptual_hash import Pictures, read_pictures
from segcore.data.leaks.report_storage import stored
from segcore.data.plan import Item, SplitPlan, own_plan

MOST_READ = 1500  # samples that a training reads for this beside its own: a few seconds
# Correlation of local contrast that frames which follow each other have at least, in the middle. CamVid's have 0.44 at
# one frame a second and the drive's 0.5; unrelated pictures have 0.1 and less.
FOLLOWS = 0.2
_ENOUGH = 10  # pairs, to tell a video from photos that are numbered alike


def check(
    dataset: Dataset,
    plan: SplitPlan | None = None,
    progress: Progress | None = None,
    *,
    pictures: bool = True,
    fps: float | None = None,
) -> LeakReport:
    """Find what training, validation and test share, and what else makes a score on them say less than it seems to.

    Args:
        dataset: What to check.
        plan: How it is split, copies included; None takes the dataset's own splits.
        progress: Called with (done, total) after every sample that is read.
        pictures: Compare pictures and masks; without, only ids and frame numbers are looked at, at once.
        fps: Frames a second that the frame numbers count; None where only the rates that are known are used.
    """
    plan = plan or own_plan(dataset)
    read = read_pictures(dataset, _stored_ids(plan), progress) if pictures else None
    return _report(dataset, plan, read, fps)


def leak_sentences(dataset: Dataset, plan: SplitPlan) -> dict[str, str]:
    """What must stand beside scores on `val` and `test` of a plan, where something must.

    A report on the same plan that is stored with the dataset is taken where there is one. Else pictures are compared
    too, but only of datasets of at most `MOST_READ` samples, once in a process, so that a training loses seconds.
    """
    report = stored(dataset, plan)
    if report is None or not report.pictures:
        small = len(dataset) <= MOST_READ
        report = _report(dataset, plan, _all_pictures(_Keyed(dataset)) if small else None, None)
    return report.sentences


class _Keyed:
    """A dataset that is equal to any other with the same images, masks and labels."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and self.dataset.fingerprint == other.dataset.fingerprint

    def __hash__(self) -> int:
        return hash(self.dataset.fingerprint)


@lru_cache(maxsize=1)
def _all_pictures(key: _Keyed) -> Pictures:
    """Of every sample: folds and seeds of a training divide the same ones."""
    return read_pictures(key.dataset, key.dataset.ids)


def _stored_ids(plan: SplitPlan) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.id for items in plan.items.values() for item in items))


def _report(dataset: Dataset, plan: SplitPlan, pictures: Pictures | None, fps: float | None) -> LeakReport:
    items = plan.items
    frames = {split: plan.scored(split) for split in SPLITS}
    found = plan_findings(dataset, items, fps)
    if pictures:
        timeline = Timeline(dataset, fps)
        matches = {pair: _matches(pictures, items, frames, *pair) for pair in PAIRS}
        found = [_looked_at(each, pictures, timeline) for each in found]
        for (other, split), some in matches.items():
            found += _duplicates(pictures, some, len(frames[split]), split, other)
        flat = [match for some in matches.values() for match in some]
        found += disagreements(pictures, timeline.sequences(_stored_ids(plan)), flat)
        found += class_findings(dataset, pictures, frames)
        found += _unusable(pictures, frames)
    return LeakReport(
        dataset=dataset.name,
        source=dataset.source,
        fingerprint=dataset.fingerprint if pictures else "",
        split=plan.method,
        split_fingerprint=plan.fingerprint,
        samples={split: len(ids) for split, ids in frames.items()},
        findings=tuple(sorted(found, key=weight)),
        pictures=pictures is not None,
        fps=fps,
        video=dataset.stated,
    )


def _matches(
    pictures: Pictures,
    items: Mapping[str, Sequence[Item]],
    frames: Mapping[str, Sequence[str]],
    other: str,
    split: str,
) -> list[Match]:
    """Scored frames of `split` and what they are like in `other`; copies of frames that are there are known already."""
    known = {item.frame for item in items[other]}
    copied = {item.id for item in items[split] if item.frame in known}
    rows = pictures.rows([frame for frame in frames[split] if frame not in copied])
    return find_matches(pictures, rows, pictures.rows(tuple(dict.fromkeys(item.id for item in items[other]))))


def _duplicates(pictures: Pictures, matches: Collection[Match], total: int, split: str, other: str) -> list[Finding]:
    level, found = severity(len(matches), total, other), []
    what = f"{NAMES[split]} frames"
    exact = [match for match in matches if match.exact]
    alike = sorted((match for match in matches if not match.exact), key=lambda match: -match.alike)
    if exact:
        text = f"{portion(len(exact), total, what)} are {NAMES[other]} frames too, pixel by pixel"
        text = f"{text}: {verdict(level, other)}."
        examples = _examples(pictures, exact)
        found.append(Finding("exact", level, split, other, len(exact), total, text, examples))
    if alike:
        text = f"{portion(len(alike), total, what)} look the same as a {NAMES[other]} frame"
        text = f"{text}: {verdict(level, other)}."
        examples = _examples(pictures, alike)
        found.append(Finding("alike", level, split, other, len(alike), total, text, examples))
    return found


def _examples(pictures: Pictures, matches: Iterable[Match]) -> tuple[Example, ...]:
    def detail(match: Match) -> str:
        return "the same pixels" if match.exact else f"{100 * match.alike:.0f} % alike{', mirrored' * match.mirrored}"

    named = (Example(pictures.ids[match.row], pictures.ids[match.partner], detail(match)) for match in matches)
    return tuple(named)[:MOST_EXAMPLES]


def _looked_at(found: Finding, pictures: Pictures, timeline: Timeline) -> Finding:
    """A finding on neighbours in time whose rate is unknown, made a note where the pictures don't follow each other.

    Photos that are numbered one by one look like a video by their names alone; of what is stated to be one, nothing is
    doubted.
    """
    if (
        timeline.stated
        or found.kind != "close"
        or found.severity == "note"
        or any(timeline.timed(each.id) for each in found.examples)
    ):
        return found
    pairs = [(each.id, each.partner) for each in found.examples if {each.id, each.partner} <= pictures.index.keys()]
    if len(pairs) < _ENOUGH:
        return found
    rows, others = (pictures.rows(side) for side in zip(*pairs, strict=True))
    if np.median(correlations(pictures, rows, others)) >= FOLLOWS:
        return found
    text = (
        f"{portion(found.count, found.total, f'{NAMES[found.split]} frames')} are numbered beside {NAMES[found.other]} "
        "frames, but don't look alike: taken as photos, not as a video."
    )
    return replace(found, severity="note", sentence=text)


def _unusable(pictures: Pictures, frames: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Samples that can't be read, and those of one colour; neither was compared with others."""
    problems, found = dict(pictures.problems), []
    for split in SPLITS:
        bad = [frame for frame in frames[split] if frame in problems]
        if bad:
            text = (
                f"{portion(len(bad), len(frames[split]), f'{NAMES[split]} samples')} can't be read and were left out."
            )
            examples = tuple(Example(frame, "", _short(problems[frame])) for frame in bad[:MOST_EXAMPLES])
            found.append(Finding("unreadable", "warning", split, "", len(bad), len(frames[split]), text, examples))
        rows = pictures.rows(frames[split])
        blank = [pictures.ids[row] for row in rows[pictures.flat[rows]]]
        if blank:
            text = f"{portion(len(blank), len(frames[split]), f'{NAMES[split]} frames')} are of one colour only."
            examples = tuple(Example(frame) for frame in blank[:MOST_EXAMPLES])
            found.append(Finding("blank", "note", split, "", len(blank), len(frames[split]), text, examples))
    return found


def _short(problem: str) -> str:
    """A message without the folders before the file."""
    where, colon, rest = problem.partition(": ")
    return f"{PurePosixPath(where).name}{colon}{rest}"
