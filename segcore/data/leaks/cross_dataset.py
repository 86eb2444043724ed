"""Two datasets against each other: what of the one is in the other, so that nobody trains on one to score on both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from segcore.data.class_statistics import Progress
from segcore.data.dataset import Dataset
from segcore.data.leaks.duplicates import find_matches
from segcore.data.leaks.leak_report import (
    MOST_EXAMPLES,
    Example,
    Finding,
    portion,
    severity,
    verdict,
)
from segcore.data.leaks.neighbours import MEMORY_SECONDS, Timeline, within
from segcore.data.leaks.perceptual_hash import Pictures, read_pictures

_MARK = "\0"  # before the ids of the other dataset, which may have the same


@dataclass(frozen=True)
class _Marked:
    """A record of the other dataset, as far as a timeline looks at it."""

    id: str
    group: str
    origin: str


def check_against(
    dataset: Dataset, other: Dataset, progress: Progress | None = None, *, pictures: bool = True
) -> tuple[Finding, ...]:
    """What each split of a dataset shares with any sample of another one.

    Args:
        dataset: What might be trained on.
        other: What might be scored on.
        progress: Called with (done, total) after every sample that is read.
        pictures: Compare pictures; without, only frame numbers of known sequences.

    Returns:
        Findings with the split in `other`, and the other dataset's name in `split`.
    """
    marked = tuple(_Marked(_MARK + record.id, record.group, record.origin) for record in other.records)
    # Not as a video: sequences of two datasets may share a name by chance, so only known ones are compared.
    both = replace(dataset, records=(*dataset.records, *marked), video=False)  # type: ignore[arg-type]
    timeline = Timeline(both)
    read = _read_both(dataset, other, progress) if pictures else None
    frames = [record.id for record in marked]
    found: list[Finding] = []
    for split, ids in dataset.splits.items():
        names = f"{other.name} frames", f"{dataset.name} {split}"
        seen: list[tuple[str, str, str, str]] = []
        known: set[str] = set()
        if read:
            rows = read.rows(frames)
            for match in find_matches(read, rows, read.rows(ids)):
                detail = "the same pixels" if match.exact else f"{100 * match.alike:.0f} % alike"
                kind = "exact" if match.exact else "alike"
                seen.append((kind, read.ids[match.row], read.ids[match.partner], detail))
                known.add(read.ids[match.row])
        near = within(timeline.nearest((frame for frame in frames if frame not in known), ids), MEMORY_SECONDS)
        seen += [("time", each.frame, each.partner, each.detail) for each in near]
        found += _findings(seen, len(frames), split, other.name, names)
    return tuple(found)


def _findings(
    seen: list[tuple[str, str, str, str]], total: int, split: str, other: str, names: tuple[str, str]
) -> list[Finding]:
    what, where = names
    texts = {
        "exact": f"are in {where} too, pixel by pixel",
        "alike": f"look the same as a frame of {where}",
        "time": f"are within {MEMORY_SECONDS:g} s of a frame of {where}",
    }
    level, found = severity(len(seen), total), []
    for kind, text in texts.items():
        some = [each for each in seen if each[0] == kind]
        if some:
            told = f"{portion(len(some), total, what)} {text}: of a model that is trained on it, {verdict(level, '')}."
            examples = tuple(Example(one.removeprefix(_MARK), two, detail) for _, one, two, detail in some)
            found.append(
                Finding(kind, level, other, split, len(some), total, told, examples[:MOST_EXAMPLES])  # type: ignore[arg-type]
            )
    return found


def _read_both(dataset: Dataset, other: Dataset, progress: Progress | None) -> Pictures:
    total = len(dataset) + len(other)
    one = read_pictures(dataset, dataset.ids, progress and (lambda done, _: progress(done, total)))
    two = read_pictures(other, other.ids, progress and (lambda done, _: progress(len(dataset) + done, total)))
    return Pictures(
        (*one.ids, *(_MARK + each for each in two.ids)),
        np.concatenate([one.pixels, two.pixels]),
        np.concatenate([one.hashes, two.hashes]),
        np.concatenate([one.mirrored, two.mirrored]),
        np.concatenate([one.details, two.details]),
        np.concatenate([one.flat, two.flat]),
        np.concatenate([one.masks, two.masks]),
        np.zeros((len(one.ids) + len(two.ids), 0), np.uint32),  # their classes may be others
    )
