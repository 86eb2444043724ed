"""Which evaluations may be compared: those of the same classes and the same ground truth."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I64
from segcore.data.dataset import SPLITS
from segcore.data.video import group_of, is_clip
from segcore.errors import number
from segcore.metrics import block_length
from segcore.runs import Evaluation, RunRecord
from segcore.runs.split_variant import SplitVariant

LEAST_BLOCKED = 4  # images of one sequence, from which on neighbours are drawn together


class Kind(NamedTuple):
    """What a run predicts: the data by name, its classes, and whether void is one of them."""

    dataset: str
    classes: tuple[str, ...]
    void: str

    @classmethod
    def of(cls, run: RunRecord) -> Kind:
        """Of a run."""
        return cls(run.summary.dataset.name, run.labels.names, run.summary.dataset.void)

    @property
    def title(self) -> str:
        """`camvid, 11 classes`; others may be called so too, see `disambiguate`."""
        return f"{self.dataset}, {len(self.classes)} classes" + (", void one of them" if self.void == "class" else "")

    @property
    def key(self) -> str:
        """`camvid-1f3a9c`: the same in every link, whatever it stands beside."""
        parts = "\n".join((*self.classes, self.void))
        return f"{self.dataset}-{hashlib.sha256(parts.encode()).hexdigest()[:6]}"


@dataclass(frozen=True, eq=False)
class ComparableSet:
    """Runs scored on the same images with the same ground truth: their numbers rank each other.

    Args:
        kind: Data, classes, void.
        ids: The images, in order.
        runs: Ids of the runs.
        block: Neighbouring frames drawn together when images are drawn again.
        called: What its kind is called beside the others.
        apart: What tells its images from those of another pool of its kind; empty where nothing must.
        video: Whether numbered ids are frames, as the data said; None where nobody did.
    """

    kind: Kind
    ids: tuple[str, ...]
    runs: tuple[str, ...]
    block: int
    called: str
    apart: str = ""
    video: bool | None = None

    @cached_property
    def clips(self) -> tuple[str, ...]:
        """Of each image."""
        return sequences(self.ids, self.video)

    @property
    def sequences(self) -> int:
        """Number of clips the images come from; as many as images where they are no frames."""
        return len(set(self.clips))

    @cached_property
    def where(self) -> str:
        """`11 frames of one clip`, `233 frames of 2 clips`, `50 images`."""
        return where(self.ids, self.video)

    @property
    def title(self) -> str:
        """`camvid, 11 classes, 233 frames of 2 clips`; no two pools of a comparison share one."""
        return f"{self.called}, {self.where}{self.apart}"


def sequences(ids: Sequence[str], video: bool | None = None) -> tuple[str, ...]:
    """The clip of each image by its numbered id; the image itself where it is not known to be a frame of one.

    Args:
        ids: N images.
        video: Whether they are frames, where that is known; None is judged by their numbers.
    """
    if video is False:
        return tuple(ids)
    groups = [group_of(sample_id) if sample_id[-1:].isdigit() else None for sample_id in ids]
    members: dict[str, list[str]] = defaultdict(list)
    for group, sample_id in zip(groups, ids, strict=True):
        if group is not None:
            members[group].append(sample_id)
    clips = {
        group for group, found in members.items() if len(found) >= LEAST_BLOCKED and (video or is_clip(group, found))
    }
    return tuple(
        group if group is not None and group in clips else sample_id
        for group, sample_id in zip(groups, ids, strict=True)
    )


def block_of(ids: Sequence[str], values: F64, video: bool | None = None) -> int:
    """Neighbouring frames to draw together, by how alike their scores are; 1 where images are no frames.

    Args:
        ids: N images.
        values: `[R, N]` a score of each image, of R runs.
        video: As for `sequences`.
    """
    clips = sequences(ids, video)
    return block_length(values, clips) if len(set(clips)) < len(ids) else 1


def where(ids: Sequence[str], video: bool | None = None) -> str:
    """What was scored, in words.

    >>> where([f"drive_{number:04}" for number in range(91, 102)]), where(["2007_000032", "2007_000039"])
    ('11 frames of one clip', '2 images')
    """
    clips = len(set(sequences(ids, video)))
    if clips == len(ids):
        return number(len(ids), "image")
    return f"{len(ids)} frames of " + ("one clip" if clips == 1 else number(clips, "clip"))


def pools_of(
    runs: Sequence[RunRecord], evaluations: Mapping[str, Evaluation], truths: Mapping[str, I64]
) -> tuple[ComparableSet, ...]:
    """Runs by what they were scored on; of each kind the largest pool first.

    Args:
        runs: In order.
        evaluations: By run; runs without are left out.
        truths: By run `[N, C]` true pixels of each image and class, which tell one ground truth from another.
    """
    members: dict[tuple[Kind, tuple[str, ...], bytes], list[str]] = defaultdict(list)
    for run in runs:
        if run.id in evaluations:
            ids = evaluations[run.id].ids
            order = np.argsort(np.array(ids))
            digest = hashlib.sha256(np.ascontiguousarray(truths[run.id][order]).tobytes()).digest()
            members[Kind.of(run), tuple(sorted(ids)), digest].append(run.id)
    called = disambiguate([kind for kind, _, _ in members])
    stated = {run.id: video_of(run, evaluations[run.id].split) for run in runs if run.id in evaluations}
    pools = [_pool(kind, tuple(ids), evaluations, called[kind], stated) for (kind, _, _), ids in members.items()]
    first: dict[Kind, int] = {}
    for pool in pools:
        first.setdefault(pool.kind, len(first))
    found = sorted(pools, key=lambda pool: (first[pool.kind], -len(pool.runs)))
    return tuple(replace(pool, apart=_images_apart(pool, found)) for pool in found)


def video_of(run: RunRecord, split: str) -> bool | None:
    """Whether the images of a split are frames, as the data that a run was trained on said; None of other data."""
    return run.summary.dataset.video if SplitVariant.parse(split).split in SPLITS else None


def _pool(
    kind: Kind,
    runs: tuple[str, ...],
    evaluations: Mapping[str, Evaluation],
    called: str,
    stated: Mapping[str, bool | None],
) -> ComparableSet:
    ids = evaluations[runs[0]].ids
    said = {stated[run_id] for run_id in runs} - {None}
    video = None if not said else True in said  # of two answers the careful one: its intervals are wider
    values = np.array([image_values(evaluations[run_id], ids) for run_id in runs])
    return ComparableSet(kind, ids, runs, block_of(ids, values, video), called, video=video)


def disambiguate(kinds: Sequence[Kind]) -> dict[Kind, str]:
    """What each of several kinds is called: its title, and where others share that, what it alone has, or a number.

    >>> one, other = Kind("x", ("Car", "Sky"), "ignore"), Kind("x", ("Car", "Road"), "ignore")
    >>> list(disambiguate([one, other]).values())
    ['x, 2 classes (with Sky)', 'x, 2 classes (with Road)']
    """
    named: dict[str, list[Kind]] = defaultdict(list)
    for kind in dict.fromkeys(kinds):
        named[kind.title].append(kind)
    found: dict[Kind, str] = {}
    for title, alike in named.items():
        if len(alike) == 1:
            found[alike[0]] = title
            continue
        common = set(alike[0].classes).intersection(*(kind.classes for kind in alike))
        own = [", ".join(_few([name for name in kind.classes if name not in common])) for kind in alike]
        words = [f"with {names}" if names else "" for names in own]
        if len(set(words)) < len(words) or not all(words):
            # The same classes in another order, say: numbered in an order that doesn't hang on that of the runs.
            order = sorted(alike, key=lambda kind: kind.key)
            words = [f"{order.index(kind) + 1} of {len(alike)}" for kind in alike]
        found |= {kind: f"{title} ({word})" for kind, word in zip(alike, words, strict=True)}
    return found


def _few(names: Sequence[str], most: int = 2) -> list[str]:
    return [*names[:most], "…"] if len(names) > most else list(names)


def _images_apart(pool: ComparableSet, pools: Sequence[ComparableSet]) -> str:
    """What tells a pool from those of its kind with as many images: where they begin, or a number."""
    alike = [other for other in pools if other.kind == pool.kind and other.where == pool.where]
    if len(alike) == 1:
        return ""
    firsts = [min(other.ids) for other in alike]
    if len(set(firsts)) == len(firsts):
        return f" from {min(pool.ids)}"
    what = "ground truth" if len({frozenset(other.ids) for other in alike}) == 1 else "set"
    return f", {what} {alike.index(pool) + 1} of {len(alike)}"


def image_values(evaluation: Evaluation, ids: Sequence[str]) -> F64:
    """The mIoU of each of these images by itself."""
    values = evaluation.of_images("miou")
    return values if evaluation.ids == tuple(ids) else values[places_of(evaluation, ids)]


def places_of(evaluation: Evaluation, ids: Sequence[str]) -> npt.NDArray[np.intp]:
    """Where images stand in an evaluation."""
    places = {sample_id: index for index, sample_id in enumerate(evaluation.ids)}
    return np.array([places[sample_id] for sample_id in ids], np.intp)


def differences(
    runs: Sequence[RunRecord],
    evaluations: Mapping[str, Evaluation],
    pools: Sequence[ComparableSet],
    titles: Mapping[str, str],
) -> tuple[str, ...]:
    """What keeps runs from being compared, and what differs although they can be: a sentence each."""
    found = []
    kinds = list(dict.fromkeys(pool.kind for pool in pools))
    if len(kinds) > 1:
        called = {pool.kind: pool.called for pool in pools}
        listed = "; ".join(f"{called[kind]}: {_names(_of_kind(pools, kind), titles)}" for kind in kinds)
        found.append(f"These runs were scored on different data, so their numbers don't rank each other. {listed}.")
        found += _class_sets(kinds)
    for kind in kinds:
        mine = [pool for pool in pools if pool.kind == kind]
        if len(mine) > 1:
            listed = "; ".join(f"{pool.where}{pool.apart}: {_names(pool.runs, titles)}" for pool in mine)
            found.append(
                f"Not all on {kind.dataset} were scored on the same images. {listed}. "
                "Two of them are compared on the images that both have, where their ground truth is the same."
            )
    by_id = {run.id: run for run in runs}
    for pool in pools:
        infos = {run_id: by_id[run_id].summary.dataset for run_id in pool.runs}
        for what, parts in (
            ("versions of the data", {run_id: info.fingerprint for run_id, info in infos.items()}),
            ("divisions of it", {run_id: info.split_fingerprint for run_id, info in infos.items()}),
        ):
            odd = _odd(parts)
            if odd:
                found.append(
                    f"{_names(odd, titles)}: trained on other {what} than the rest. "
                    f"The ground truth of the {pool.where} is the same, so they can be compared."
                )
    return tuple(found)


def _of_kind(pools: Sequence[ComparableSet], kind: Kind) -> list[str]:
    return [run_id for pool in pools if pool.kind == kind for run_id in pool.runs]


def _class_sets(kinds: Sequence[Kind]) -> list[str]:
    """Why runs on data of one name still differ."""
    found = []
    for name in dict.fromkeys(kind.dataset for kind in kinds):
        sets = [kind.classes for kind in kinds if kind.dataset == name]
        if len(sets) < 2:
            continue
        common = set(sets[0]).intersection(*sets[1:])
        others = sorted({each for names in sets for each in names} - common)
        if others:
            some = ", ".join(others[:6]) + (", ..." if len(others) > 6 else "")
            found.append(f"Their class sets of {name} differ in: {some}.")
        else:
            found.append(f"On {name} they have the same classes in another order, or another void policy.")
    return found


def _odd(parts: Mapping[str, str]) -> list[str]:
    """Those that differ from what most have."""
    if len(set(parts.values())) < 2:
        return []
    usual = Counter(parts.values()).most_common(1)[0][0]
    return [run_id for run_id, value in parts.items() if value != usual]


def _names(ids: Sequence[str], titles: Mapping[str, str], most: int = 4) -> str:
    named = [titles.get(run_id, run_id) for run_id in ids[:most]]
    return ", ".join(named) + (f" and {len(ids) - most} more" if len(ids) > most else "")
