"""Groups evaluations that may be compared: those of the same classes and the same ground truth."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from segcore.arrays import F64
from segcore.data.dataset import SPLITS
from segcore.data.video import group_of, is_clip, natural_key
from segcore.errors import listed, number
from segcore.evaluation.stored_counts import StoredCounts
from segcore.metrics import block_length
from segcore.runs import RunRecord
from segcore.runs.split_variant import SplitVariant
from segcore.runs.summary import DatasetInfo

LEAST_BLOCKED = 4  # images of one sequence; from so many on, neighbours are sampled together


class LabelSpace(NamedTuple):
    """The label space that a run predicts in: the dataset's name, its classes, and whether void is one of them."""

    dataset: str
    classes: tuple[str, ...]
    void: str

    @classmethod
    def of(cls, run: RunRecord) -> LabelSpace:
        """The label space of a run."""
        return cls(run.summary.dataset.name, run.labels.names, run.summary.dataset.void)

    @property
    def title(self) -> str:
        """`camvid, 11 classes`; another label space may have the same title, see `disambiguate`."""
        return f"{self.dataset}, {len(self.classes)} classes" + (", void one of them" if self.void == "class" else "")

    @property
    def key(self) -> str:
        """`camvid-1f3a9c`: its name in links, which depends on nothing else."""
        parts = "\n".join((*self.classes, self.void))
        return f"{self.dataset}-{hashlib.sha256(parts.encode()).hexdigest()[:6]}"


@dataclass(frozen=True, eq=False)
class ComparableSet:
    """Runs scored on the same images with the same ground truth, so that their scores can be ranked.

    Args:
        label_space: Dataset, classes and void.
        ids: The images, in order.
        evaluated: Ids of what was evaluated: runs, and of a cross-validation its first fold.
        runs: Ids of all runs.
        block: Neighbouring frames that are sampled together in a bootstrap.
        name: Title of the label space, unique in its comparison.
        suffix: Distinguishes its images from those of other sets of the label space; empty where not needed.
        video: Whether numbered ids are frames, as stated with the data; None where unknown.
    """

    label_space: LabelSpace
    ids: tuple[str, ...]
    evaluated: tuple[str, ...]
    runs: tuple[str, ...]
    block: int
    name: str
    suffix: str = ""
    video: bool | None = None

    @cached_property
    def clips(self) -> tuple[str, ...]:
        """The clip of each image."""
        return sequences(self.ids, self.video)

    @property
    def sequences(self) -> int:
        """Number of clips the images come from; an image that is no frame counts as one."""
        return len(set(self.clips))

    @cached_property
    def where(self) -> str:
        """`11 frames of one clip`, `233 frames of 2 clips`, `50 images`."""
        return where(self.ids, self.video)

    @property
    def title(self) -> str:
        """`camvid, 11 classes, 233 frames of 2 clips`; unique in its comparison."""
        return f"{self.name}, {self.where}{self.suffix}"


def sequences(ids: Sequence[str], video: bool | None = None) -> tuple[str, ...]:
    """The clip of each image, from its numbered id; the image's own id where it is no frame of a clip.

    Args:
        ids: Ids of N images.
        video: Whether they are frames; None where unknown, which is judged by their numbers.
    """
    if video is False:
        return tuple(ids)
    groups = [group_of(sample_id) if sample_id[-1:].isdigit() else None for sample_id in ids]
    members: dict[str, list[str]] = defaultdict(list)
    for group, sample_id in zip(groups, ids, strict=True):
        if group is not None:
            members[group].append(sample_id)
    clips = {
        group for group, frames in members.items() if len(frames) >= LEAST_BLOCKED and (video or is_clip(group, frames))
    }
    return tuple(
        group if group is not None and group in clips else sample_id
        for group, sample_id in zip(groups, ids, strict=True)
    )


def block_of(ids: Sequence[str], values: F64, video: bool | None = None) -> int:
    """Number of neighbouring frames to sample together, from how alike their scores are; 1 where they are no frames.

    Args:
        ids: Ids of N images.
        values: `[R, N]` a score of each image by each of R runs.
        video: As for `sequences`.
    """
    clips = sequences(ids, video)
    return block_length(values, clips) if len(set(clips)) < len(ids) else 1


def where(ids: Sequence[str], video: bool | None = None) -> str:
    """How many images or frames there are, in words.

    >>> where([f"drive_{number:04}" for number in range(91, 102)]), where(["2007_000032", "2007_000039"])
    ('11 frames of one clip', '2 images')
    """
    clips = len(set(sequences(ids, video)))
    if clips == len(ids):
        return number(len(ids), "image")
    return f"{len(ids)} frames of " + ("one clip" if clips == 1 else number(clips, "clip"))


def comparable_sets(
    runs: Sequence[RunRecord], counts: Mapping[str, StoredCounts], evaluated: Mapping[str, tuple[str, ...]]
) -> tuple[ComparableSet, ...]:
    """Evaluations grouped by the images and ground truth they hold; of each label space the largest set first.

    Args:
        runs: The runs, in order.
        counts: Id of an evaluation -> its counts. Their true pixels identify the ground truth.
        evaluated: Id of an evaluation -> ids of its runs, several for a cross-validation; the first is the id.
    """
    members: dict[tuple[LabelSpace, tuple[str, ...], bytes], list[str]] = defaultdict(list)
    stated: dict[str, bool | None] = {}
    for run in runs:
        if run.id in counts:
            ids, true = counts[run.id].ids, counts[run.id].sums.true
            order = np.argsort(np.array(ids))
            digest = hashlib.sha256(np.ascontiguousarray(true[order]).tobytes()).digest()
            members[LabelSpace.of(run), tuple(sorted(ids)), digest].append(run.id)
            stated[run.id] = video_of(run, counts[run.id].evaluations[0].split)
    names = disambiguate([label_space for label_space, _, _ in members])
    sets = [_set(key[0], tuple(ids), counts, evaluated, names[key[0]], stated) for key, ids in members.items()]
    first: dict[LabelSpace, int] = {}
    for one in sets:
        first.setdefault(one.label_space, len(first))
    ordered = sorted(sets, key=lambda pool: (first[pool.label_space], -len(pool.evaluated)))
    return tuple(replace(pool, suffix=_suffix(pool, ordered)) for pool in ordered)


def video_of(run: RunRecord, split: str) -> bool | None:
    """Whether the images of a split are frames, as stated with the run's training data; None for other data."""
    return run.summary.dataset.video if SplitVariant.parse(split).split in SPLITS else None


def _set(
    label_space: LabelSpace,
    members: tuple[str, ...],
    counts: Mapping[str, StoredCounts],
    evaluated: Mapping[str, tuple[str, ...]],
    name: str,
    stated: Mapping[str, bool | None],
) -> ComparableSet:
    ids = counts[members[0]].ids
    answers = {stated[run_id] for run_id in members} - {None}
    video = True in answers if answers else None  # where runs disagree: frames, which gives the wider intervals
    if len(evaluated[members[0]]) > 1:
        ids = tuple(sorted(ids, key=natural_key))  # the order of time, as in one split
    values = np.array([image_values(counts[run_id], ids) for run_id in members])
    runs = tuple(run_id for member in members for run_id in evaluated[member])
    return ComparableSet(label_space, ids, members, runs, block_of(ids, values, video), name, video=video)


def disambiguate(label_spaces: Sequence[LabelSpace]) -> dict[LabelSpace, str]:
    """Unique titles of label spaces: where several share a title, the classes that one alone has, or a number, follow.

    >>> one, other = LabelSpace("x", ("Car", "Sky"), "ignore"), LabelSpace("x", ("Car", "Road"), "ignore")
    >>> list(disambiguate([one, other]).values())
    ['x, 2 classes (with Sky)', 'x, 2 classes (with Road)']
    """
    by_title: dict[str, list[LabelSpace]] = defaultdict(list)
    for label_space in dict.fromkeys(label_spaces):
        by_title[label_space.title].append(label_space)
    titles: dict[LabelSpace, str] = {}
    for title, alike in by_title.items():
        if len(alike) == 1:
            titles[alike[0]] = title
            continue
        common = set(alike[0].classes).intersection(*(other.classes for other in alike))
        own = [", ".join(_few([name for name in other.classes if name not in common])) for other in alike]
        words = [f"with {names}" if names else "" for names in own]
        if len(set(words)) < len(words) or not all(words):
            # E.g. the same classes in another order: numbered by key, since the order of the runs may change.
            order = sorted(alike, key=lambda other: other.key)
            words = [f"{order.index(other) + 1} of {len(alike)}" for other in alike]
        titles |= {other: f"{title} ({word})" for other, word in zip(alike, words, strict=True)}
    return titles


def _few(names: Sequence[str], most: int = 2) -> list[str]:
    return [*names[:most], "…"] if len(names) > most else list(names)


def _suffix(pool: ComparableSet, pools: Sequence[ComparableSet]) -> str:
    """Distinguishes a set from those of its label space with as many images: by its first image, or by a number."""
    alike = [other for other in pools if other.label_space == pool.label_space and other.where == pool.where]
    if len(alike) == 1:
        return ""
    firsts = [min(other.ids) for other in alike]
    if len(set(firsts)) == len(firsts):
        return f" from {min(pool.ids)}"
    what = "ground truth" if len({frozenset(other.ids) for other in alike}) == 1 else "set"
    return f", {what} {alike.index(pool) + 1} of {len(alike)}"


def image_values(counts: StoredCounts, ids: Sequence[str]) -> F64:
    """`[N]` mIoU of each of these images by itself."""
    values = counts.of_images("miou")
    return values if counts.ids == tuple(ids) else values[counts.at(ids)]


def differences(
    runs: Sequence[RunRecord], pools: Sequence[ComparableSet], titles: Mapping[str, str]
) -> tuple[str, ...]:
    """Sentences on what makes runs not comparable, and on what differs although they are.

    Args:
        runs: The runs.
        pools: Their comparable sets.
        titles: Id of a run -> its title; the folds of a cross-validation share one.
    """
    texts = []
    label_spaces = list(dict.fromkeys(pool.label_space for pool in pools))
    if len(label_spaces) > 1:
        names = {pool.label_space: pool.name for pool in pools}
        by_data = "; ".join(f"{names[space]}: {_names(_runs_of(pools, space), titles)}" for space in label_spaces)
        texts.append(f"These runs were scored on different data, so their numbers don't rank each other. {by_data}.")
        texts += _class_differences(label_spaces)
    for space in label_spaces:
        mine = [pool for pool in pools if pool.label_space == space]
        if len(mine) > 1:
            by_images = "; ".join(f"{pool.where}{pool.suffix}: {_names(pool.runs, titles)}" for pool in mine)
            texts.append(
                f"Not all runs on {space.dataset} were scored on the same images. {by_images}. "
                "Two of them are compared on the images that both have, where their ground truth is the same."
            )
    by_id = {run.id: run for run in runs}
    for pool in pools:
        infos: dict[str, list[DatasetInfo]] = defaultdict(list)
        for run_id in pool.runs:
            if by_id[run_id].summary.imported is None:
                infos[titles[run_id]].append(by_id[run_id].summary.dataset)
        by_split = {title: of for title, of in infos.items() if all(info.validates for info in of)}
        unvalidated = [title for title in infos if title not in by_split]
        if unvalidated and by_split:
            texts.append(f"{listed(unvalidated, 4)}: trained on the validation images as well, unlike the rest.")
        for what, name, of_what in (
            ("version of the data", "fingerprint", infos),
            ("train/validation split", "split_fingerprint", by_split),
        ):
            odd = _odd({title: tuple(sorted({getattr(info, name) for info in of})) for title, of in of_what.items()})
            if odd:
                texts.append(
                    f"{listed(odd, 4)}: trained on a different {what} than the rest. "
                    f"The ground truth of the {pool.where} is the same, so they can be compared."
                )
    return tuple(texts)


def _runs_of(pools: Sequence[ComparableSet], label_space: LabelSpace) -> list[str]:
    return [run_id for pool in pools if pool.label_space == label_space for run_id in pool.runs]


def _class_differences(label_spaces: Sequence[LabelSpace]) -> list[str]:
    """Sentences on how the classes of datasets of one name differ."""
    texts = []
    for name in dict.fromkeys(label_space.dataset for label_space in label_spaces):
        class_sets = [label_space.classes for label_space in label_spaces if label_space.dataset == name]
        if len(class_sets) < 2:
            continue
        common = set(class_sets[0]).intersection(*class_sets[1:])
        others = sorted({class_name for names in class_sets for class_name in names} - common)
        if others:
            some = ", ".join(others[:6]) + (", ..." if len(others) > 6 else "")
            texts.append(f"Their class sets of {name} differ in: {some}.")
        else:
            texts.append(f"On {name} they have the same classes in another order, or another void policy.")
    return texts


def _odd(values: Mapping[str, Hashable]) -> list[str]:
    """Keys whose value differs from the most frequent one."""
    if len(set(values.values())) < 2:
        return []
    usual = Counter(values.values()).most_common(1)[0][0]
    return [key for key, value in values.items() if value != usual]


def _names(ids: Sequence[str], titles: Mapping[str, str]) -> str:
    return listed(list(dict.fromkeys(titles[run_id] for run_id in ids)), 4)
