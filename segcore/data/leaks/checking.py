"""The leak check: finds what the splits of a dataset, or of a plan, share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain, islice
from pathlib import PurePosixPath

import numpy as np

from segcore.data.dataset import SPLITS, Dataset
from segcore.data.index.known_facts import Progress
from segcore.data.leaks.duplicates import Match, correlations, find_matches
from segcore.data.leaks.leak_report import (
    MOST_EXAMPLES,
    NAMES,
    Example,
    Finding,
    Kind,
    LeakReport,
    portion,
    severity,
    verdict,
    weight,
)
from segcore.data.leaks.mask_findings import class_findings, disagreements
from segcore.data.leaks.neighbours import PAIRS, Timeline, plan_findings
from segcore.data.leaks.perceptual_hash import ImageHashes, hash_images
from segcore.data.leaks.report_storage import stored
from segcore.data.plan import Item, SplitPlan, own_plan

MOST_READ = 1500  # samples that training reads for the leak check: a few seconds
# Median correlation of local contrast above which neighbours are taken for frames of a video. CamVid's have 0.44 at one
# frame a second and the drive's 0.5; unrelated images have 0.1 and less.
FOLLOWS = 0.2
_ENOUGH = 10  # pairs needed to tell a video from photos that are numbered alike


def check(
    dataset: Dataset,
    plan: SplitPlan | None = None,
    progress: Progress | None = None,
    *,
    pictures: bool = True,
    fps: float | None = None,
) -> LeakReport:
    """Find what training, validation and test share, and what else makes a score on them mean less than it seems to.

    Args:
        dataset: The dataset to check.
        plan: How it is split, copies included; None takes the dataset's own splits.
        progress: Called with (done, total) after every sample that is read.
        pictures: Compare images and masks too; False looks only at ids and frame numbers, which takes no time.
        fps: Frames a second that the frame numbers count; None uses the known rates only.
    """
    plan = plan or own_plan(dataset)
    images = hash_images(dataset, _stored_ids(plan), progress) if pictures else None
    return _report(dataset, plan, images, fps)


def leak_sentences(dataset: Dataset, plan: SplitPlan) -> dict[str, str]:
    """The sentence that must stand beside scores on `val` and on `test` of a plan, where there is one.

    It is taken from a stored report on the same plan where one exists. Otherwise the check is made here; images are
    compared only in datasets of at most `MOST_READ` samples, and once in a process, so that training loses seconds.

    Args:
        dataset: The dataset that was split.
        plan: How it is split.

    Returns:
        Split -> sentence, without the splits that nothing speaks against.
    """
    report = stored(dataset, plan)
    if report is None or not report.pictures:
        small = len(dataset) <= MOST_READ
        report = _report(dataset, plan, _all_hashes(_ByFingerprint(dataset)) if small else None, None)
    return report.sentences


class _ByFingerprint:
    """A dataset as a cache key: equal to any other with the same images, masks and labels."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByFingerprint) and self.dataset.fingerprint == other.dataset.fingerprint

    def __hash__(self) -> int:
        return hash(self.dataset.fingerprint)


@lru_cache(maxsize=1)
def _all_hashes(key: _ByFingerprint) -> ImageHashes:
    """Hashes of every sample, made once: all folds and seeds of a training divide the same samples."""
    return hash_images(key.dataset, key.dataset.ids)


def _stored_ids(plan: SplitPlan) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.id for items in plan.items.values() for item in items))


def _report(dataset: Dataset, plan: SplitPlan, images: ImageHashes | None, fps: float | None) -> LeakReport:
    items = plan.items
    frames = {split: plan.scored(split) for split in SPLITS}
    findings = plan_findings(dataset, items, fps)
    if images:
        timeline = Timeline(dataset, fps)
        matches = {pair: _matches(images, items, frames, *pair) for pair in PAIRS}
        findings = [_doubted(finding, images, timeline) for finding in findings]
        for (other, split), alike in matches.items():
            findings += _duplicates(images, alike, len(frames[split]), split, other)
        sequences = timeline.sequences(_stored_ids(plan))
        findings += disagreements(images, sequences, chain.from_iterable(matches.values()))
        findings += class_findings(dataset, images, frames)
        findings += _unusable(images, frames)
    return LeakReport(
        dataset=dataset.name,
        source=dataset.source,
        fingerprint=dataset.fingerprint if images else "",
        split=plan.method,
        split_fingerprint=plan.fingerprint,
        samples={split: len(ids) for split, ids in frames.items()},
        findings=tuple(sorted(findings, key=weight)),
        pictures=images is not None,
        fps=fps,
        video=dataset.stated,
    )


def _matches(
    images: ImageHashes,
    items: Mapping[str, Sequence[Item]],
    frames: Mapping[str, Sequence[str]],
    other: str,
    split: str,
) -> list[Match]:
    """The scored frames of `split` that look like one in `other`; copies of frames in `other` are left out."""
    known = {item.frame for item in items[other]}
    copied = {item.id for item in items[split] if item.frame in known}
    rows = images.rows([frame for frame in frames[split] if frame not in copied])
    return find_matches(images, rows, images.rows(tuple(dict.fromkeys(item.id for item in items[other]))))


def _duplicates(images: ImageHashes, matches: Collection[Match], total: int, split: str, other: str) -> list[Finding]:
    """Findings on frames that are the same as a frame of another split, and on those that look the same."""
    level, findings = severity(len(matches), total, other), []
    exact = [match for match in matches if match.exact]
    alike = sorted((match for match in matches if not match.exact), key=lambda match: -match.alike)
    groups: tuple[tuple[Kind, list[Match], str], ...] = (
        ("exact", exact, f"are {NAMES[other]} frames too, pixel by pixel"),
        ("alike", alike, f"look the same as a {NAMES[other]} frame"),
    )
    for kind, group, what in groups:
        if group:
            share = portion(len(group), total, f"{NAMES[split]} frames")
            text = f"{share} {what}: {verdict(level, other)}."
            findings.append(Finding(kind, level, split, other, len(group), total, text, _examples(images, group)))
    return findings


def _examples(images: ImageHashes, matches: Iterable[Match]) -> tuple[Example, ...]:
    def detail(match: Match) -> str:
        return "the same pixels" if match.exact else f"{100 * match.alike:.0f} % alike{', mirrored' * match.mirrored}"

    return tuple(
        Example(images.ids[match.row], images.ids[match.partner], detail(match))
        for match in islice(matches, MOST_EXAMPLES)
    )


def _doubted(finding: Finding, images: ImageHashes, timeline: Timeline) -> Finding:
    """The finding, as a note if it is on neighbours in time whose images don't follow each other.

    By their names alone, photos that are numbered one by one look like a video. Datasets declared as video, and
    sequences whose frame rate is known, are not doubted.
    """
    if (
        timeline.stated
        or finding.kind != "close"
        or finding.severity == "note"
        or any(timeline.timed(example.id) for example in finding.examples)
    ):
        return finding
    pairs = [(example.id, example.partner) for example in finding.examples]
    pairs = [pair for pair in pairs if images.index.keys() >= set(pair)]
    if len(pairs) < _ENOUGH:
        return finding
    rows, others = (images.rows(side) for side in zip(*pairs, strict=True))
    if np.median(correlations(images, rows, others)) >= FOLLOWS:
        return finding
    text = (
        f"{portion(finding.count, finding.total, f'{NAMES[finding.split]} frames')} are numbered beside "
        f"{NAMES[finding.other]} "
        "frames, but don't look alike: taken as photos, not as a video."
    )
    return replace(finding, severity="note", sentence=text)


def _unusable(images: ImageHashes, frames: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Findings on samples that can't be read, and on those of one colour; neither were compared with others."""
    problems, findings = dict(images.problems), []
    for split in SPLITS:
        bad = [frame for frame in frames[split] if frame in problems]
        if bad:
            text = (
                f"{portion(len(bad), len(frames[split]), f'{NAMES[split]} samples')} can't be read and were left out."
            )
            examples = tuple(Example(frame, "", _short(problems[frame])) for frame in bad[:MOST_EXAMPLES])
            findings.append(Finding("unreadable", "warning", split, "", len(bad), len(frames[split]), text, examples))
        rows = images.rows(frames[split])
        blank = [images.ids[row] for row in rows[images.flat[rows]]]
        if blank:
            text = f"{portion(len(blank), len(frames[split]), f'{NAMES[split]} frames')} are of one colour only."
            examples = tuple(Example(frame) for frame in blank[:MOST_EXAMPLES])
            findings.append(Finding("blank", "note", split, "", len(blank), len(frames[split]), text, examples))
    return findings


def _short(problem: str) -> str:
    """A message that names a file, without the folders before its name."""
    where, colon, rest = problem.partition(": ")
    return f"{PurePosixPath(where).name}{colon}{rest}"
