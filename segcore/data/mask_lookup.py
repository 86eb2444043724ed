"""Looks up the pixels of a mask by a rule: as names, colours, ids or palette indices of classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from segcore.arrays import U8, Bool, U8Image, U8Mask
from segcore.data.byte_values import any_of, lookup, used_values
from segcore.data.class_lists import ClassList
from segcore.data.decode import MaskPixels
from segcore.errors import DatasetError, LabelError
from segcore.labels import IGNORE_INDEX, Color, LabelMap

Rule = Literal["names", "colours", "ids", "indices"]
RULES: dict[Rule, str] = {
    "names": "names of the classes, in annotations or in names of files",
    "colours": "colours of the classes",
    "ids": "ids of the classes",
    "indices": "palette indices, which are ids of the classes",
}


@dataclass(frozen=True)
class MaskLookup:
    """The classes that masks are written in, as tables from what a pixel holds to ids of the labels that are wanted.

    Args:
        classes: The classes that the masks are written in.
        target: Labels whose ids the decoded masks hold.
        ids_only: Masks never hold colours, whatever a palette says.
        tolerance: Largest per-channel distance at which an unknown colour takes its nearest class.
    """

    classes: ClassList
    target: LabelMap
    ids_only: bool = False
    tolerance: int = 0

    @cached_property
    def to_target(self) -> U8:
        """`[256]`: id in `classes` -> id in `target`."""
        return self.classes.labels.mapping_to(self.target)

    @cached_property
    def value_to_target(self) -> U8:
        """`[256]`: value in an id mask -> id in `target`."""
        table = np.full(256, IGNORE_INDEX, np.uint8)
        table[list(self.classes.values)] = self.to_target[: len(self.classes.values)]
        return table

    @cached_property
    def known_values(self) -> Bool:
        """`[256]` bool: the values that an id mask may hold; 255 is always "not labelled"."""
        return np.isin(np.arange(256), [*self.classes.values, IGNORE_INDEX])

    @cached_property
    def color_ids(self) -> dict[Color, int]:
        """Colour -> id in `classes`; empty where masks hold no colours."""
        if self.ids_only or not self.classes.colored:
            return {}
        return {color: index for index, color in enumerate(self.classes.labels.colors)}

    @property
    def grey(self) -> bool:
        """Whether every class has a grey colour, so that a grey mask may hold colours (0 and 255, say)."""
        return bool(self.color_ids) and all(len(set(color)) == 1 for color in self.color_ids)


def fits(rule: Rule, mask: MaskPixels, coding: MaskLookup) -> bool:
    """Whether every pixel of a mask is a class or not labelled under a rule."""
    if mask.named or rule == "names":
        return mask.named and rule == "names"
    if rule != "colours":
        values = values_of(rule, mask)
        used = used_values(values) if values is not None else np.array([-1])
        return bool(used[0] >= 0 and used[-1] <= IGNORE_INDEX and coding.known_values[used].all())
    colors = colors_of(mask, coding)
    return colors is not None and all(color in coding.color_ids for color in colors.values())


def values_of(rule: Rule, mask: MaskPixels) -> npt.NDArray[np.integer] | None:
    """`[H, W]` ids of a mask under `ids` or `indices`; None where the mask can't be read so.

    A palette of greys is an optimised mask of greys: these are the ids. The ids of one bit are 0 and 1.
    """
    if mask.colored:
        return mask.pixels[..., 0] if (mask.pixels[..., :1] == mask.pixels).all() else None
    if mask.palette is None or mask.two_tone or (rule == "indices" and not is_grey(mask.palette)):
        return mask.pixels
    colored = np.ones(256, bool)
    colored[: len(mask.palette)] = (mask.palette != mask.palette[:, :1]).any(axis=1)
    greys = np.pad(mask.palette[:, 0], (0, 256 - len(mask.palette)))
    return None if any_of(colored, mask.pixels) else lookup(greys, mask.pixels)


def is_grey(palette: U8Image | None) -> bool:
    """Whether a palette holds greys alone; true without a palette."""
    return palette is None or bool((palette == palette[:, :1]).all())


def colors_of(mask: MaskPixels, coding: MaskLookup) -> dict[int, Color] | None:
    """Each different pixel of a mask and its colour; None where masks hold no colours, or a value has none.

    Index 255 of a palette is left out where its colour is no class's: Pascal VOC's border, which is not labelled.
    """
    if not coding.color_ids:
        return None
    if mask.colored:
        red, green, blue = (mask.pixels[..., channel].astype(np.int32) for channel in range(3))
        occurs = np.zeros(1 << 24, bool)
        occurs[red << 16 | green << 8 | blue] = True
        used = np.flatnonzero(occurs).tolist()
        return {value: (value >> 16, value >> 8 & 255, value & 255) for value in used}
    used = used_values(mask.pixels).tolist()
    if mask.palette is None:
        return {value: (value, value, value) for value in used} if 0 <= used[0] and used[-1] <= 255 else None
    if used[-1] >= len(mask.palette):
        return None
    palette = [(red, green, blue) for red, green, blue in mask.palette.tolist()]
    return {value: palette[value] for value in used if value != IGNORE_INDEX or palette[value] in coding.color_ids}


def has_class_color(mask: MaskPixels, coding: MaskLookup) -> bool:
    """Whether a mask holds a class's colour that is no grey, so that colours are meant."""
    colors = colors_of(mask, coding) or {}
    return any(color in coding.color_ids and len(set(color)) > 1 for color in colors.values())


def apply_rule(rule: Rule, mask: MaskPixels, coding: MaskLookup) -> U8Mask:
    """Decode a mask by a rule.

    Raises:
        DatasetError: naming an id that is no class.
        LabelError: naming a colour that is no class.
    """
    if rule == "names":
        return coding.to_target[mask.pixels]
    if rule == "colours":
        return _from_colors(mask, coding)
    values = values_of(rule, mask)
    if values is not None:
        return _from_ids(values, mask.where, coding)
    if coding.color_ids:
        raise LabelError(f"{mask.where}: a mask in colours; expected {RULES[rule]}. Save it as a mask of ids.")
    raise LabelError(
        f"{mask.where}: a mask in colours, but the classes have none. "
        "List them in label_colors.txt ('R G B name' a line), or save the masks as ids."
    )


def _from_ids(ids: npt.NDArray[np.integer], where: str, coding: MaskLookup) -> U8Mask:
    if ids.dtype != np.uint8 or any_of(~coding.known_values, ids):
        _check_ids(ids, where, coding)
    return lookup(coding.value_to_target, ids)


def _check_ids(ids: npt.NDArray[np.integer], where: str, coding: MaskLookup) -> None:
    for value in used_values(ids).tolist():
        if not (0 <= value < 256 and coding.known_values[value]):
            raise DatasetError(
                f"{where}: id {value} ({np.count_nonzero(ids == value)} pixels) is no class; ids go up to "
                f"{max(coding.classes.values)} ({coding.classes.labels.name}, {coding.classes.labels.classes} "
                f"classes), 255 is ignored. {_hint(ids, coding)}"
            )


def _hint(ids: npt.NDArray[np.integer], coding: MaskLookup) -> str:
    """What to do about ids that are no class, by what they look like."""
    count = coding.classes.labels.classes
    used = set(used_values(ids).tolist()) - {IGNORE_INDEX}
    from_0 = sorted(coding.classes.values) == list(range(count))
    if from_0 and count in used and used <= set(range(1, count + 1)):
        return (
            f"They look like ids 1 to {count}, and the list numbers its classes from 0: give it a column id with 1 to "
            f"{count}, or put a class for id 0 first (background)."
        )
    last, otherwise = count - 1, "Correct the mask or add the class to the list."
    if not from_0 or last < 1 or not np.isin(ids, [255 * index // last for index in range(last + 1)]).all():
        return otherwise
    return f"The values look like ids 0 to {last} stretched to 255: divide them by {255 / last:g}. {otherwise}"


def _from_colors(mask: MaskPixels, coding: MaskLookup) -> U8Mask:
    if mask.colored:
        return coding.to_target[_nearest(mask.pixels, mask.where, coding)]
    colors = colors_of(mask, coding)
    if colors is None:
        return _from_ids(mask.pixels, mask.where, coding)  # raises: a value is too high
    if all(color in coding.color_ids for color in colors.values()):
        table = np.full(256, IGNORE_INDEX, np.uint8)
        for value, color in colors.items():
            table[value] = coding.to_target[coding.color_ids[color]]
        return lookup(table, mask.pixels)
    painted = np.zeros((256, 3), np.uint8)
    painted[list(colors)] = list(colors.values())
    labelled = np.isin(mask.pixels, list(colors))
    ids = _nearest(painted[mask.pixels[labelled]][None], mask.where, coding)
    decoded = np.full(mask.pixels.shape, IGNORE_INDEX, np.uint8)
    decoded[labelled] = coding.to_target[ids[0]]
    return decoded


def _nearest(rgb: npt.NDArray[np.integer], where: str, coding: MaskLookup) -> U8Mask:
    return coding.classes.labels.to_ids(rgb.astype(np.uint8, copy=False), source=where, tolerance=coding.tolerance)
