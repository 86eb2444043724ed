"""Decides by which rule the masks of a dataset are read, one for all of them, and decodes masks by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from segcore.arrays import U8, Bool, U8Image, U8Mask
from segcore.data.byte_values import any_of, lookup, used_values
from segcore.data.class_lists import ClassList
from segcore.data.decode import MaskPixels, read_mask
from segcore.errors import DatasetError, LabelError, number
from segcore.labels import IGNORE_INDEX, Color, LabelMap

Rule = Literal["names", "colours", "ids", "indices"]
RULES: dict[Rule, str] = {
    "names": "names of the classes, in annotations or in names of files",
    "colours": "colours of the classes",
    "ids": "ids of the classes",
    "indices": "palette indices, which are ids of the classes",
}


class SomeMasks(Protocol):
    """Masks that decide the rule for all."""

    def read(self) -> list[MaskPixels]: ...


@dataclass(frozen=True)
class MaskRule:
    """The rule by which all masks of a dataset are read.

    Args:
        name: What says a pixel's class: a name, its colour, its id, or a palette index that is its id.
        masks: Number of masks that decided.
        example: One of them, for messages.
        two_tone: Whether all of them hold one bit a pixel.
        grey_ids: Whether some of them are palettes of greys that are ids; then one of 0 and 255 is, too.
        palette: Index -> (its colour, the first mask that has it) of palettes whose indices are ids.
    """

    name: Rule
    masks: int
    example: str
    two_tone: bool = False
    grey_ids: bool = False
    palette: Mapping[int, tuple[Color, str]] = field(default_factory=dict, compare=False, repr=False)

    def __str__(self) -> str:
        """The rule in words: `colours of the classes (decided from 8 masks)`."""
        return f"{RULES[self.name]} (decided from {number(self.masks, 'mask')})"


@dataclass(frozen=True)
class MaskCoding:
    """How the masks of a dataset become ids of its labels.

    Args:
        classes: The classes that the masks are written in.
        target: Labels whose ids the decoded masks hold.
        ids_only: Masks never hold colours, whatever a palette says.
        tolerance: Largest per-channel distance at which an unknown colour takes its nearest class.
        sample: Masks that decide the rule for all; None: each mask decides for itself.
    """

    classes: ClassList
    target: LabelMap
    ids_only: bool = False
    tolerance: int = 0
    sample: SomeMasks | None = None

    @property
    def rule(self) -> MaskRule | None:
        """The rule of the dataset, decided when it is first asked for; None without a sample or a readable mask.

        Raises:
            DatasetError: when no rule fits the masks of the sample; two that contradict each other are named.
        """
        if isinstance(self._decision, DatasetError):
            raise self._decision
        return self._decision

    @cached_property
    def _decision(self) -> MaskRule | DatasetError | None:
        masks = self.sample.read() if self.sample else []
        try:
            return decide_rule(masks, self) if masks else None
        except DatasetError as error:
            return error

    @cached_property
    def counted(self) -> MaskCoding:
        """The same coding with every class counted, so that a void pixel differs from one that is not labelled."""
        labels = self.classes.labels
        return self if self.target == labels else replace(self, target=labels)

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


def decode_mask(data: bytes, where: str, coding: MaskCoding) -> U8Mask:
    """Decode a mask file of ids, palette indices or colours to ids of `coding.target`.

    Returns:
        `[H, W]` uint8.

    Raises:
        DatasetError: as `read_mask`; when it holds ids that are no class, or is written by another rule than the
            dataset's other masks.
        LabelError: when it holds a colour that is no class.
    """
    return to_ids(read_mask(data, where), coding)


def to_ids(mask: MaskPixels, coding: MaskCoding) -> U8Mask:
    """Turn the pixels of a mask into ids as `decode_mask` does, with the same errors."""
    try:
        rule = coding.rule
    except DatasetError:
        decide_rule([mask], coding)  # raises what is wrong with this mask, if anything is
        raise
    if rule is None:
        return _apply(decide_rule([mask], coding).name, mask, coding)
    if rule.name == "ids" and mask.two_tone != rule.two_tone and mask.pixels.any() and len(coding.classes.values) > 2:
        raise _contradiction(mask.where, rule.example, rule.name)  # white may be id 1, or 255
    if rule.name == "ids" and mask.palette is not None and not rule.grey_ids:
        if _black_and_white(rule.name, [mask], coding):
            raise _contradiction(mask.where, rule.example, rule.name)
    elif rule.name == "indices":
        _palette_of([mask], rule.palette)
    try:
        return _apply(rule.name, mask, coding)
    except DatasetError as error:
        if any(_fits(other, mask, coding) for other in RULES):
            raise _contradiction(mask.where, rule.example, rule.name) from None
        raise error


def decide_rule(masks: Sequence[MaskPixels], coding: MaskCoding) -> MaskRule:
    """The one rule by which all of these masks can be read; exact colours come before ids, ids before indices.

    Masks whose classes are known by name fit no other rule.

    Masks that no rule fits exactly don't decide: with a tolerance they are read by the nearest colour, otherwise they
    are refused when they are read.

    Args:
        masks: One or more masks of a dataset.
        coding: Classes and options; its own rule is not used.

    Raises:
        DatasetError: when some of the masks fit one rule and some another, when no rule fits any of them, or when only
            0 and 255 occur and 255 is no class's id.
        LabelError: when they hold colours that are no class.
    """
    fitting = {mask.where: [rule for rule in RULES if _fits(rule, mask, coding)] for mask in masks}
    clear = [mask for mask in masks if fitting[mask.where]]
    if not clear:
        return _by_nearest_colour(masks, coding)
    common = [rule for rule in RULES if all(rule in fitting[mask.where] for mask in clear)]
    meant = next((mask for mask in masks if _has_class_color(mask, coding)), None)
    if "colours" not in common and meant is not None and "colours" not in fitting[meant.where]:
        _apply("colours", meant, coding)  # raises: some of its colours are classes, and one is not
    if not common:
        first = clear[0]
        others = [mask for mask in clear if set(fitting[mask.where]).isdisjoint(fitting[first.where])]
        raise _contradiction((others or clear)[-1].where, first.where, fitting[first.where][0])
    palette = _palette_of(clear) if common == ["indices"] else {}
    drawn = clear[0]
    for rule in common:
        black_and_white = None if rule in ("names", "colours") else _black_and_white(rule, clear, coding)
        if black_and_white is None:
            return MaskRule(
                rule,
                len(clear),
                clear[0].where,
                all(mask.two_tone for mask in clear),
                any(mask.palette is not None and _holds_ids(rule, mask) for mask in clear),
                palette,
            )
        drawn = black_and_white
    values = coding.classes.values
    what = "the class is id 0" if len(values) == 1 else f"the {len(values)} classes are ids"
    ids = "" if len(values) == 1 else " " + " and ".join(map(str, sorted(values)[:4]))
    raise DatasetError(
        f"{drawn.where}: only 0 and 255 occur, but {what}{ids}. List the classes with the colours 0 0 0 and 255 255 "
        "255 (a background too), or save the masks as ids. Where 255 means not labelled, list a class Void with id 255."
    )


def _by_nearest_colour(masks: Sequence[MaskPixels], coding: MaskCoding) -> MaskRule:
    """The rule of masks that hold other values than the classes' in each of them.

    Raises:
        DatasetError: when a value is no class, or the tolerance makes one class of every pixel.
        LabelError: when a colour is farther from every class than the tolerance.
    """
    first = masks[0]
    drawn = first.colored or first.palette is not None or coding.grey
    rule: Rule = "colours" if coding.color_ids and drawn else "ids"
    classes = {int(value) for mask in masks for value in np.unique(_apply(rule, mask, coding))} - {IGNORE_INDEX}
    if len(classes) < 2 <= coding.target.classes:
        raise DatasetError(
            f"{first.where}: with --color-tolerance {coding.tolerance} every pixel of {number(len(masks), 'mask')} is "
            "one class. Choose a smaller tolerance, or list the colours that the masks hold."
        )
    return MaskRule(rule, len(masks), first.where)


def _palette_of(
    masks: Iterable[MaskPixels], known: Mapping[int, tuple[Color, str]] | None = None
) -> dict[int, tuple[Color, str]]:
    """Index -> (its colour, the first mask that has it) of palettes, after those that are known.

    Raises:
        DatasetError: when an index has two colours: a program numbered the colours anew in each file.
    """
    first = dict(known or {})
    for mask in masks:
        colors = mask.palette.tolist() if mask.palette is not None else []
        for index in used_values(mask.pixels).tolist() if colors else []:
            color = tuple(colors[index]) if index < len(colors) else ()
            before, where = first.setdefault(index, (color, mask.where))
            if color != before and index != IGNORE_INDEX:
                raise DatasetError(
                    f"{mask.where}: palette index {index} has colour {color}, and {before} in {where}: "
                    "indices are no ids. List the colours of the classes, or save the masks as ids."
                )
    return first


def _holds_ids(rule: Rule, mask: MaskPixels) -> bool:
    """Whether a mask holds more than 0 and 255, so that it is no drawing in black and white."""
    ids = _values(rule, mask) if rule in ("ids", "indices") else None
    return ids is not None and not set(used_values(ids).tolist()) <= {0, IGNORE_INDEX}


def _black_and_white(rule: Rule, masks: Sequence[MaskPixels], coding: MaskCoding) -> MaskPixels | None:
    """The first of masks of ids in which only 0 and 255 occur, so that 255 is rather a class than "not labelled".

    Palettes of greys count alone too: beside masks of ids, they may be drawn. Palettes of colours don't count: their
    index 255 is the border of Pascal VOC.
    """
    if IGNORE_INDEX in coding.classes.values:
        return None
    if all(mask.two_tone for mask in masks):
        return masks[0] if len(coding.classes.values) > 2 else None  # white may be id 1, or 255
    plain = [mask for mask in masks if not mask.two_tone and (rule == "ids" or _is_grey(mask.palette))]
    for group in (plain, [mask for mask in plain if mask.palette is not None]):
        values = {
            int(value) for mask in group if (ids := _values(rule, mask)) is not None for value in used_values(ids)
        }
        if IGNORE_INDEX in values and values <= {0, IGNORE_INDEX}:
            return group[0]
    return None


def _contradiction(one: str, other: str, rule: Rule) -> DatasetError:
    return DatasetError(
        f"{one}: not written like {other}, which holds {RULES[rule]}. All masks of a dataset are read by one rule. "
        "Write them alike, or open them as two datasets."
    )


def _fits(rule: Rule, mask: MaskPixels, coding: MaskCoding) -> bool:
    """Whether every pixel of a mask is a class or not labelled under a rule."""
    if mask.named or rule == "names":
        return mask.named and rule == "names"
    if rule != "colours":
        values = _values(rule, mask)
        used = used_values(values) if values is not None else np.array([-1])
        return bool(used[0] >= 0 and used[-1] <= IGNORE_INDEX and coding.known_values[used].all())
    colors = _colors(mask, coding)
    return colors is not None and all(color in coding.color_ids for color in colors.values())


def _values(rule: Rule, mask: MaskPixels) -> npt.NDArray[np.integer] | None:
    """`[H, W]` ids of a mask under `ids` or `indices`; None where the mask can't be read so.

    A palette of greys is an optimised mask of greys: these are the ids. The ids of one bit are 0 and 1.
    """
    if mask.colored:
        return mask.pixels[..., 0] if (mask.pixels[..., :1] == mask.pixels).all() else None
    if mask.palette is None or mask.two_tone or (rule == "indices" and not _is_grey(mask.palette)):
        return mask.pixels
    colored = np.ones(256, bool)
    colored[: len(mask.palette)] = (mask.palette[:256] != mask.palette[:256, :1]).any(axis=1)
    greys = np.pad(mask.palette[:256, 0], (0, 256 - len(mask.palette[:256])))
    return None if any_of(colored, mask.pixels) else lookup(greys, mask.pixels)


def _is_grey(palette: U8Image | None) -> bool:
    return palette is None or bool((palette == palette[:, :1]).all())


def _colors(mask: MaskPixels, coding: MaskCoding) -> dict[int, Color] | None:
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


def _has_class_color(mask: MaskPixels, coding: MaskCoding) -> bool:
    """Whether a mask of colours or of a palette holds a class's colour that is no grey, so that colours are meant."""
    colors = _colors(mask, coding) if mask.colored or mask.palette is not None else None
    return any(color in coding.color_ids and len(set(color)) > 1 for color in (colors or {}).values())


def _apply(rule: Rule, mask: MaskPixels, coding: MaskCoding) -> U8Mask:
    """Decode a mask by a rule.

    Raises:
        DatasetError: naming an id that is no class.
        LabelError: naming a colour that is no class.
    """
    if rule == "names":
        return coding.to_target[mask.pixels]
    if rule == "colours":
        return _from_colors(mask, coding)
    values = _values(rule, mask)
    if values is not None:
        return _from_ids(values, mask.where, coding)
    if coding.color_ids:
        raise LabelError(f"{mask.where}: a mask in colours; expected {RULES[rule]}. Save it as a mask of ids.")
    raise LabelError(
        f"{mask.where}: a mask in colours, but the classes have none. "
        "List them in label_colors.txt ('R G B name' a line), or save the masks as ids."
    )


def _from_ids(ids: npt.NDArray[np.integer], where: str, coding: MaskCoding) -> U8Mask:
    if ids.dtype != np.uint8 or any_of(~coding.known_values, ids):
        _check_ids(ids, where, coding)
    return lookup(coding.value_to_target, ids)


def _check_ids(ids: npt.NDArray[np.integer], where: str, coding: MaskCoding) -> None:
    for value in used_values(ids).tolist():
        if not (0 <= value < 256 and coding.known_values[value]):
            raise DatasetError(
                f"{where}: id {value} ({np.count_nonzero(ids == value)} pixels) is no class; ids go up to "
                f"{max(coding.classes.values)} ({coding.classes.labels.name}, {coding.classes.labels.classes} "
                f"classes), 255 is ignored. {_stretched(ids, coding)}Correct the mask or add the class to the list."
            )


def _stretched(ids: npt.NDArray[np.integer], coding: MaskCoding) -> str:
    """A hint where the values look like ids that were stretched to 0..255 to be seen."""
    last = coding.classes.labels.classes - 1
    if last < 1 or not np.isin(ids, [255 * index // last for index in range(last + 1)]).all():
        return ""
    return f"The values look like ids 0 to {last} stretched to 255: divide them by {255 / last:g}. "


def _from_colors(mask: MaskPixels, coding: MaskCoding) -> U8Mask:
    if mask.colored:
        return coding.to_target[_nearest(mask.pixels, mask.where, coding)]
    colors = _colors(mask, coding)
    if colors is None:
        return _from_ids(mask.pixels, mask.where, coding)  # raises: a value is too high
    table = np.full(256, IGNORE_INDEX, np.uint8)
    painted = np.zeros((256, 3), np.uint8)
    for value, color in colors.items():
        painted[value] = color
        table[value] = coding.to_target[coding.color_ids.get(color, 0)]
    if any(color not in coding.color_ids for color in colors.values()):
        labelled = np.isin(mask.pixels, list(colors))
        ids = _nearest(painted[mask.pixels[labelled]][None], mask.where, coding)
        decoded = np.full(mask.pixels.shape, IGNORE_INDEX, np.uint8)
        decoded[labelled] = coding.to_target[ids[0]]
        return decoded
    return lookup(table, mask.pixels)


def _nearest(rgb: npt.NDArray[np.integer], where: str, coding: MaskCoding) -> U8Mask:
    return coding.classes.labels.to_ids(rgb.astype(np.uint8, copy=False), source=where, tolerance=coding.tolerance)
