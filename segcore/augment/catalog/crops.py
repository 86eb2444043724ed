"""Crops and resize: what comes out has another size, which training brings back to the model's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from segcore.augment.catalog.builder import BORDER, Fixed, NotOffered, ParameterOverride, override, transform
from segcore.labels import IGNORE_INDEX

CROPS = "crops and resize"
_crops = partial(
    transform, group=CROPS, keeps_size=False, default_p=1.0
)  # a size is wanted for every picture or for none
_LARGEST = 4096  # pixels of a side
_BORDER = replace(BORDER, advanced=True)
_PAD = override(default=True, help="Pad smaller pictures with ignored pixels; else they are refused.")
_OTHER_SIZES = NotOffered("is not offered: max_size says the same for both sides.")


def _side(default: int, help: str) -> ParameterOverride:
    return override(1, _LARGEST, default, 1, "pixels", help)


_HEIGHT, _WIDTH = _side(256, "Height of what is cut out."), _side(256, "Width of what is cut out.")
_CUT: Mapping[str, Any] = {"height": _HEIGHT, "width": _WIDTH, "pad_if_needed": _PAD, "border_mode": _BORDER}
_SIZE = override(1, _LARGEST, (256, 256), 1, "pixels", "What comes out.")


def _in_order(*pairs: tuple[str, str]) -> Callable[[Mapping[str, Any]], str | None]:
    """Each first one must be smaller than its second."""

    def wrong(values: Mapping[str, Any]) -> str | None:
        for low, high in pairs:
            if values[low] >= values[high]:
                return f"{low} is {values[low]} and {high} {values[high]}; {low} must be the smaller one."
        return None

    return wrong


def _leaves_something(values: Mapping[str, Any]) -> str | None:
    for first, second in (("crop_left", "crop_right"), ("crop_top", "crop_bottom")):
        if values[first] + values[second] > 1:
            return f"{first} and {second} are {values[first] + values[second]:g} together; expected at most 1."
    return None


def _size_or_divisor(values: Mapping[str, Any]) -> str | None:
    for side in ("height", "width"):
        least, divisor = f"min_{side}", f"pad_{side}_divisor"
        if values[least] is None and values[divisor] is None:
            return f"{least} and {divisor} are both null; set one of them."
        if values[least] is not None and values[divisor] is not None:
            return f"{least} and {divisor} are both set; set one of them to null."
    return None


TRANSFORMS = (
    _crops("RandomCrop", "Cuts out a part of a fixed size, at a random place.", "Cut out {height} by {width}", **_CUT),
    _crops("CenterCrop", "Cuts out the middle, of a fixed size.", "Cut out the middle, {height} by {width}", **_CUT),
    _crops(
        "Crop",
        "Cuts out a fixed rectangle.",
        "Cut out columns {x_min} to {x_max} and rows {y_min} to {y_max}",
        _in_order(("x_min", "x_max"), ("y_min", "y_max")),
        x_min=override(0, _LARGEST - 1, 0, 1, "", "Left edge, in pixels."),
        y_min=override(0, _LARGEST - 1, 0, 1, "", "Top edge, in pixels."),
        x_max=override(1, _LARGEST, 256, 1, "", "Right edge, in pixels; no longer in it."),
        y_max=override(1, _LARGEST, 256, 1, "", "Bottom edge, in pixels; no longer in it."),
        pad_if_needed=_PAD,
        border_mode=_BORDER,
    ),
    _crops(
        "RandomCropFromBorders",
        "Cuts a random part off each side.",
        "Cut off up to {crop_left} left, {crop_right} right, {crop_top} above, {crop_bottom} below",
        _leaves_something,
        crop_left=override(unit="of the width", help="The most that is cut off the left."),
        crop_right=override(unit="of the width", help="The most that is cut off the right."),
        crop_top=override(unit="of the height", help="The most that is cut off above."),
        crop_bottom=override(unit="of the height", help="The most that is cut off below."),
    ),
    _crops(
        "RandomResizedCrop",
        "Cuts out a random part and resizes it: a zoom with a fixed size.",
        "Cut out {scale}, {ratio} as wide as high, resized to {size}",
        size=_SIZE,
        scale=override(0.01, 1.0, (0.25, 1.0), 0.01, "of the area", "How much is cut out."),
        ratio=override(0.2, 5.0, (0.75, 1.33), 0.05, "times", "Width over height of what is cut out."),
    ),
    _crops(
        "RandomSizedCrop",
        "Cuts out a part of a random height and resizes it; no higher than the picture.",
        "Cut out {min_max_height} high, resized to {size}",
        min_max_height=override(1, _LARGEST, (128, 240), 1, "pixels", "Height of what is cut out."),
        size=_SIZE,
        w2h_ratio=override(0.2, 5.0, 1.0, 0.05, "times", "Width over height of what is cut out."),
    ),
    _crops(
        "CropNonEmptyMaskIfExists",
        "Cuts out a part that holds a pixel of another class than 0, where there is one.",
        "Cut out {height} by {width} where another class than 0 is",
        height=_HEIGHT,
        width=_WIDTH,
        ignore_values=Fixed([IGNORE_INDEX]),
        ignore_channels=NotOffered("is about masks of many channels; here they have one. Leave it out."),
    ),
    _crops(
        "Pad",
        "Adds a border of a fixed width.",
        "Pad by {padding}",
        padding=override(
            0, 1024, (32, 32), 1, "pixels", "Width of the border.", parts=("left and right", "above and below")
        ),
        border_mode=BORDER,
    ),
    _crops(
        "PadIfNeeded",
        "Pads smaller pictures up to a size, or to a multiple of a number.",
        "Pad to at least {min_height} by {min_width}",
        _size_or_divisor,
        min_height=override(1, _LARGEST, 256, 1, "pixels", "Least height.", none="a multiple"),
        min_width=override(1, _LARGEST, 256, 1, "pixels", "Least width.", none="a multiple"),
        pad_height_divisor=override(1, 512, None, 1, "", "The height becomes a multiple of it.", none="no multiple"),
        pad_width_divisor=override(1, 512, None, 1, "", "The width becomes a multiple of it.", none="no multiple"),
        border_mode=BORDER,
    ),
    _crops(
        "Resize",
        "Resizes to a fixed size; the aspect ratio may change.",
        "Resize to {height} by {width}",
        height=_side(256, "Height of what comes out."),
        width=_side(256, "Width of what comes out."),
    ),
    _crops(
        "RandomScale",
        "Resizes by a random factor.",
        "Resize {scale_limit} around 1",
        scale_limit=override(-0.9, 3.0, (-0.25, 0.25), 0.05, "", "Added to 1: -0.5 halves, 1 doubles."),
    ),
    _crops(
        "LongestMaxSize",
        "Resizes so that the longer side has a fixed length.",
        "Resize the longer side to {max_size}",
        max_size=_side(512, "Length of the longer side."),
        max_size_hw=_OTHER_SIZES,
    ),
    _crops(
        "SmallestMaxSize",
        "Resizes so that the shorter side has a fixed length.",
        "Resize the shorter side to {max_size}",
        max_size=_side(256, "Length of the shorter side."),
        max_size_hw=_OTHER_SIZES,
    ),
)
