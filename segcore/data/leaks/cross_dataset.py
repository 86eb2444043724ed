"""Finds which samples of one dataset are in another, so that nobody trains on one and scores on the same images."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from segcore.data.dataset import Dataset
from segcore.data.index.known_facts import Progress
from segcore.data.leaks.duplicates import find_matches
from segcore.data.leaks.leak_report import MOST_EXAMPLES, Example, Finding, Kind, portion, severity, verdict
from segcore.data.leaks.neighbours import MEMORY_SECONDS, Timeline, within
from segcore.data.leaks.perceptual_hash import ImageHashes, hash_images

_MARK = "\0"  # before the ids of the other dataset, which may have the same


@dataclass(frozen=True)
class _Marked:
    """A record of the other dataset, with the fields that a timeline reads."""

    id: str
    group: str
    origin: str


def check_against(
    dataset: Dataset, other: Dataset, progress: Progress | None = None, *, pictures: bool = True
) -> tuple[Finding, ...]:
    """Find what each split of a dataset shares with any sample of another dataset.

    Args:
        dataset: The dataset that might be trained on.
        other: The dataset that might be scored on.
        progress: Called with (done, total) after every sample that is read.
        pictures: Compare images too; False compares only frame numbers of known sequences.

    Returns:
        Findings with the split in `other`, and the other dataset's name in `split`.
    """
    marked = tuple(_Marked(_MARK + record.id, record.group, record.origin) for record in other.records)
    # Not as a video: sequences of two datasets may share a name by chance, so only known sequences are compared.
    both = replace(dataset, records=(*dataset.records, *marked), video=False)  # type: ignore[arg-type]
    timeline = Timeline(both)
    images = _hash_both(dataset, other, progress) if pictures else None
    frames = [record.id for record in marked]
    findings: list[Finding] = []
    for split, ids in dataset.splits.items():
        names = f"{other.name} frames", f"{dataset.name} {split}"
        shared: dict[str, tuple[Kind, Example]] = {}
        if images:
            for match in find_matches(images, images.rows(frames), images.rows(ids)):
                detail = "the same pixels" if match.exact else f"{100 * match.alike:.0f} % alike"
                example = Example(images.ids[match.row], images.ids[match.partner], detail)
                shared[example.id] = ("exact" if match.exact else "alike", example)
        near = timeline.nearest((frame for frame in frames if frame not in shared), ids)
        for pair in within(near, MEMORY_SECONDS):
            shared[pair.frame] = ("time", Example(pair.frame, pair.partner, pair.detail))
        findings += _findings(shared.values(), len(frames), split, other.name, names)
    return tuple(findings)


def _findings(
    shared: Collection[tuple[Kind, Example]], total: int, split: str, other: str, names: tuple[str, str]
) -> list[Finding]:
    """A finding for each way in which frames of the other dataset are like those of a split.

    Args:
        shared: Frames of the other dataset, with how they are like their partner.
        total: Frames of the other dataset.
        split: The split.
        other: Name of the other dataset.
        names: What the two are called in sentences: the other dataset's frames, the split.
    """
    what, where = names
    texts: dict[Kind, str] = {
        "exact": f"are in {where} too, pixel by pixel",
        "alike": f"look the same as a frame of {where}",
        "time": f"are within {MEMORY_SECONDS:g} s of a frame of {where}",
    }
    level, findings = severity(len(shared), total), []
    for kind, text in texts.items():
        examples = [replace(example, id=example.id.removeprefix(_MARK)) for how, example in shared if how == kind]
        if examples:
            share = portion(len(examples), total, what)
            sentence = f"{share} {text}: of a model that is trained on it, {verdict(level, '')}."
            worst = tuple(examples[:MOST_EXAMPLES])
            findings.append(Finding(kind, level, other, split, len(examples), total, sentence, worst))
    return findings


def _hash_both(dataset: Dataset, other: Dataset, progress: Progress | None) -> ImageHashes:
    """Hashes of both datasets; ids of the other one begin with `_MARK`."""
    total = len(dataset) + len(other)
    one = hash_images(dataset, dataset.ids, progress and (lambda done, _: progress(done, total)))
    two = hash_images(other, other.ids, progress and (lambda done, _: progress(len(dataset) + done, total)))
    return ImageHashes(
        (*one.ids, *(_MARK + sample_id for sample_id in two.ids)),
        np.concatenate([one.pixels, two.pixels]),
        np.concatenate([one.hashes, two.hashes]),
        np.concatenate([one.mirrored, two.mirrored]),
        np.concatenate([one.details, two.details]),
        np.concatenate([one.flat, two.flat]),
        np.concatenate([one.masks, two.masks]),
        np.zeros((len(one.ids) + len(two.ids), 0), np.uint32),  # classes may differ, so they are not compared
    )
