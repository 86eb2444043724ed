"""Decides which classes the ids and colours of predictions mean, one rule for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from segcore.arrays import U8, U8Mask
from segcore.data.class_lists import ClassList, apply_map, find_class_list, with_class_list
from segcore.data.dataset import Dataset
from segcore.data.decode import MaskPixels
from segcore.data.file_source import Listing
from segcore.data.formats.pairing import NOTHING
from segcore.data.mask_coding import MaskCoding, to_ids
from segcore.errors import DatasetError
from segcore.labels import IGNORE_INDEX, LabelMap


@dataclass(frozen=True)
class ReadMasks:
    """Masks that are read already."""

    masks: tuple[MaskPixels, ...]

    def read(self) -> list[MaskPixels]:
        return list(self.masks)


@dataclass(frozen=True)
class PredictionClasses:
    """What the pixels of predictions mean: how their ids, colours or channels become ids of the dataset's labels."""

    coding: MaskCoding

    def decode(self, mask: MaskPixels) -> U8Mask:
        """`[H, W]` uint8 ids of the dataset's scored classes.

        Raises:
            DatasetError: when a pixel is no scored class, or the mask is written by another rule.
        """
        ids = to_ids(mask, self.coding)
        if ids.max(initial=0) == IGNORE_INDEX:
            names = ", ".join(name for name, _ in self.coding.target.ignored)
            or_score_it = ", or open the data with --void class" if names else ""
            raise DatasetError(
                f"{mask.where}: {np.count_nonzero(ids == IGNORE_INDEX)} pixels are predicted as a class that is not "
                f"scored ({names or IGNORE_INDEX}); expected a scored class in every pixel. Predict without "
                f"it{or_score_it}."
            )
        return ids

    @property
    def channels(self) -> U8:
        """`[C]` for each channel of probabilities the id of its class in the dataset.

        Raises:
            DatasetError: when the list of classes has others than the scored classes of the dataset.
        """
        table = self.coding.to_target[: self.coding.classes.labels.classes]
        scored = table[table != IGNORE_INDEX]
        if sorted(scored.tolist()) != list(range(self.coding.target.classes)):
            raise DatasetError(
                f"The probabilities are of {len(table)} classes, and not of each of the {self.coding.target.classes} "
                f"of {self.coding.target.name} once. Sum those of merged classes, or import masks."
            )
        return scored


def candidate_codings(
    dataset: Dataset, listing: Listing | None = None, classes: str | None = None, map: str | None = None
) -> list[MaskCoding]:
    """The ways in which predictions may be written, of which `decide_classes` takes the one that fits.

    They are written in a list that the user gives, else in one that lies beside them, else in the classes that the
    dataset is opened with, or those that its own masks are written in.

    Args:
        dataset: The dataset whose classes are wanted.
        listing: The folder or zip with the predictions; None where there is none.
        classes: Path of a list of the predictions' classes.
        map: Path of a CSV `from,to` from the predictions' classes to the dataset's.

    Raises:
        LabelError: when a list or map can't be read, or a class has no place in the dataset.
    """
    target = dataset.labels
    beside = find_class_list(with_class_list(listing or NOTHING, classes), target.name)
    if beside:
        lists = [beside.classes]
    else:
        own = getattr(dataset.records[0], "coding", None)
        lists = [ClassList.of(target), *([own.classes] if own else [])]
    tolerance = int(dict(dataset.opened_with).get("color_tolerance", 0))
    return [MaskCoding(one, with_map(one.labels, target, map), tolerance=tolerance) for one in lists]


def decide_classes(masks: Sequence[MaskPixels], codings: Sequence[MaskCoding]) -> PredictionClasses:
    """The one way in which all of these masks can be read.

    Args:
        masks: Predictions spread over all of them; none for probabilities.
        codings: From `candidate_codings`.

    Raises:
        DatasetError: when none fits, with what is wrong under the first, or when two fit and mean different classes.
    """
    if not masks:
        return PredictionClasses(codings[0])
    fitting: list[PredictionClasses] = []
    problems: list[DatasetError] = []
    for coding in codings:
        known = PredictionClasses(replace(coding, sample=ReadMasks(tuple(masks))))
        try:
            for mask in masks:
                known.decode(mask)
        except DatasetError as error:
            problems.append(error)
        else:
            fitting.append(known)
    if not fitting:
        raise problems[0]
    for other in fitting[1:]:
        if conflict := _conflict(fitting[0].coding, other.coding):
            raise DatasetError(
                f"{masks[0].where}: {conflict}, and nothing tells which is meant. List the classes as the predictions "
                "have them, lines 'id,name': --classes FILE.csv."
            )
    return fitting[0]


def with_map(labels: LabelMap, target: LabelMap, map: str | None) -> LabelMap:
    """The target, which knows by what names a map calls its classes.

    Args:
        labels: The classes of predictions.
        target: The classes of the dataset.
        map: Path of a CSV `from,to` from the former to the latter; None leaves the target as it is.

    Raises:
        LabelError: when the map can't be read.
    """
    if map is None:
        return target
    renamed = apply_map(labels, map)
    table = labels.mapping_to(renamed)
    names = [renamed.names[place] if place < renamed.classes else "" for place in table[: labels.classes]]
    pairs = tuple((old, new) for old, new in zip(labels.names, names, strict=True) if new and new != old)
    return replace(target, merged=(*target.merged, *pairs))


def _conflict(one: MaskCoding, other: MaskCoding) -> str:
    """In words, a value that two codings take for different scored classes; empty where there is none."""
    names, second = one.target.names, _meanings(other)
    for value, index in _meanings(one).items():
        if second.get(value, index) != index:
            return (
                f"{value} is {names[index]} as one of the {len(names)} scored classes, and "
                f"{names[second[value]]} as the dataset's own masks have it"
            )
    return ""


def _meanings(coding: MaskCoding) -> dict[object, int]:
    """Id or colour of a pixel under the coding's rule -> scored class."""
    if coding.rule and coding.rule.name == "colours":
        values: dict[object, int] = {color: int(coding.to_target[index]) for color, index in coding.color_ids.items()}
    else:
        values = {value: int(coding.value_to_target[value]) for value in coding.classes.values}
    return {value: index for value, index in values.items() if index != IGNORE_INDEX}
