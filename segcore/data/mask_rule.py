"""Decides by which rule the masks of a dataset are read, one for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from segcore.arrays import U8Mask
from segcore.data.byte_values import used_values
from segcore.data.decode import MaskPixels
from segcore.data.mask_lookup import (
    RULES,
    MaskLookup,
    Rule,
    apply_rule,
    fits,
    has_class_color,
    is_grey,
    values_of,
)
from segcore.errors import DatasetError, number
from segcore.labels import IGNORE_INDEX, Color


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


def decide_rule(masks: Sequence[MaskPixels], coding: MaskLookup) -> MaskRule:
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
    fitting = {mask.where: [rule for rule in RULES if fits(rule, mask, coding)] for mask in masks}
    clear = [mask for mask in masks if fitting[mask.where]]
    if not clear:
        return _by_nearest_colour(masks, coding)
    common = [rule for rule in RULES if all(rule in fitting[mask.where] for mask in clear)]
    if "colours" not in common:
        meant = next((mask for mask in masks if has_class_color(mask, coding)), None)
        if meant is not None:
            apply_rule("colours", meant, coding)  # raises where some of its colours are classes, and one is not
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
                rule == "ids" and any(map(_grey_ids, clear)),
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


def read_by_rule(rule: MaskRule, mask: MaskPixels, coding: MaskLookup) -> U8Mask:
    """Read a mask by the rule of its dataset; it may be none of those that decided the rule.

    Returns:
        `[H, W]` uint8: ids of `coding.target`.

    Raises:
        DatasetError: when it is written by another rule, its palette gives an index another colour, or an id is no
            class.
        LabelError: when a colour is no class.
    """
    one_bit = mask.two_tone != rule.two_tone and mask.pixels.any() and len(coding.classes.values) > 2
    drawn = mask.palette is not None and not rule.grey_ids and _black_and_white(rule.name, [mask], coding)
    if rule.name == "ids" and (one_bit or drawn):  # white may be id 1, or 255
        raise _contradiction(mask.where, rule.example, rule.name)
    if rule.name == "indices":
        _palette_of([mask], rule.palette)
    try:
        return apply_rule(rule.name, mask, coding)
    except DatasetError as error:
        if any(fits(other, mask, coding) for other in RULES):
            raise _contradiction(mask.where, rule.example, rule.name) from None
        raise error


def _by_nearest_colour(masks: Sequence[MaskPixels], coding: MaskLookup) -> MaskRule:
    """The rule of masks that hold other values than the classes' in each of them.

    Raises:
        DatasetError: when a value is no class, or the tolerance makes one class of every pixel.
        LabelError: when a colour is farther from every class than the tolerance.
    """
    first = masks[0]
    drawn = first.colored or first.palette is not None or coding.grey
    rule: Rule = "colours" if coding.color_ids and drawn else "ids"
    classes = {int(value) for mask in masks for value in np.unique(apply_rule(rule, mask, coding))} - {IGNORE_INDEX}
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


def _grey_ids(mask: MaskPixels) -> bool:
    """Whether a mask is a palette of greys that are ids other than 0 and 255, so no drawing in black and white."""
    if mask.palette is None or mask.two_tone:
        return False
    ids = values_of("ids", mask)
    return ids is not None and not set(used_values(ids).tolist()) <= {0, IGNORE_INDEX}


def _black_and_white(rule: Rule, masks: Sequence[MaskPixels], coding: MaskLookup) -> MaskPixels | None:
    """The first of masks of ids in which only 0 and 255 occur, so that 255 is rather a class than "not labelled".

    Palettes of greys count alone too: beside masks of ids, they may be drawn. Of palettes of colours, whose index 255
    is the border of Pascal VOC, all must hold nothing but black and white.
    """
    if IGNORE_INDEX in coding.classes.values:
        return None
    if all(mask.two_tone for mask in masks):
        return masks[0] if len(coding.classes.values) > 2 else None  # white may be id 1, or 255
    if rule == "indices" and all(map(_in_black_and_white, masks)):
        return next((mask for mask in masks if mask.pixels.any()), None)
    plain = [mask for mask in masks if not mask.two_tone and (rule == "ids" or is_grey(mask.palette))]
    for group in (plain, [mask for mask in plain if mask.palette is not None]):
        values = {
            int(value) for mask in group if (ids := values_of(rule, mask)) is not None for value in used_values(ids)
        }
        if IGNORE_INDEX in values and values <= {0, IGNORE_INDEX}:
            return group[0]
    return None


def _in_black_and_white(mask: MaskPixels) -> bool:
    """Whether a palette's indices 0 and 255 alone occur, and are black and white."""
    used = used_values(mask.pixels)
    if mask.palette is None or not set(used.tolist()) <= {0, min(IGNORE_INDEX, len(mask.palette) - 1)}:
        return False
    return bool((mask.palette[used] == used[:, None]).all())


def _contradiction(one: str, other: str, rule: Rule) -> DatasetError:
    return DatasetError(
        f"{one}: not written like {other}, which holds {RULES[rule]}. All masks of a dataset are read by one rule. "
        "Write them alike, or open them as two datasets."
    )
