"""Rules that check one transform: its settings, its place in the pipeline and the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Size = tuple[int, int]  # (height, width)

_TURNS = ("RandomRotate90", "Transpose", "D4", "SquareSymmetry")
_ANGLES = {"Rotate": "limit", "SafeRotate": "limit", "Affine": "rotate", "ShiftScaleRotate": "rotate_limit"}
_RESIZES = ("RandomScale", "Resize", "LongestMaxSize", "SmallestMaxSize")
_SHAPES = (
    "RandomCrop", "CenterCrop", "Crop", "CropNonEmptyMaskIfExists", "RandomSizedCrop", "RandomResizedCrop",
    "Resize",
)  # fmt: skip


class Remark(NamedTuple):
    """The result of a rule: one or two sentences that begin with the transform's name, and whether it is mild."""

    text: str
    mild: bool


@dataclass(frozen=True)
class TransformContext:
    """A transform with the context that rules check.

    Args:
        name: Name of the transform.
        values: Values of its parameters.
        chance: Probability that it is applied, 0-1, groups included.
        street: Whether the data shows streets.
        size: (height, width) of the model's input.
        later: Names of the transforms that can be applied after it to the same image.
    """

    name: str
    values: Mapping[str, Any]
    chance: float
    street: bool
    size: Size | None
    later: tuple[str, ...]

    def remark(self, text: str, *, mild: bool = False) -> Iterator[Remark]:
        """Yield one remark; the text follows the transform's name."""
        yield Remark(f"{self.name} {text}", mild)


def remarks(at: TransformContext) -> Iterator[Remark]:
    """Yield the remarks of all rules on a transform."""
    for rule in _RULES:
        yield from rule(at)


def percent(share: float) -> str:
    """A share as a percentage: 0.36 becomes `36 %`."""
    return f"{100 * share:.0f} %"


def _upside_down(at: TransformContext) -> Iterator[Remark]:
    if at.street and at.name == "VerticalFlip":
        yield from at.remark(
            "turns streets upside down; a car's camera never sees the road above the sky. The model learns pictures "
            "that it will not meet. Leave it out."
        )


def _quarter_turns(at: TransformContext) -> Iterator[Remark]:
    if at.name not in _TURNS:
        return
    squeezed = ""
    if at.size and at.size[0] != at.size[1]:
        height, width = at.size
        squeezed = (
            f"Height and width swap, and training squeezes {width}x{height} back to {height}x{width}: "
            f"things come out {(max(at.size) / min(at.size)) ** 2:.1f} times as wide, or as narrow."
        )
    if at.street:
        text = "turns streets on their side; a car's camera never sees the road beside the sky."
        yield from at.remark(f"{text} {squeezed}".strip())
    elif squeezed:
        yield from at.remark(f"turns by 90 degrees. {squeezed}")


def _tilted(at: TransformContext) -> Iterator[Remark]:
    if not at.street or at.name not in _ANGLES:
        return
    angle = max(abs(angle_limit) for angle_limit in _numbers(at.values.get(_ANGLES[at.name]), (0,)))
    if angle > 45:
        what = "upside down" if angle >= 135 else f"by up to {angle:g} degrees"
        yield from at.remark(
            f"turns streets {what}; a camera on a car tilts by a few degrees. Keep {_ANGLES[at.name]} within 10 or so."
        )


def _zoomed(at: TransformContext) -> Iterator[Remark]:
    low, high = _zoom(at)
    if high > 2.5:
        yield from at.remark(
            f"enlarges up to {high:.2g} times: {percent(high**-2)} of the picture is left, whole classes fall "
            "outside, and things get larger than validation ever shows them."
        )
    if low < 0.5:
        yield from at.remark(
            f"shrinks to {low:.2g} of the size: poles and signs get thinner than a pixel of the mask, and "
            f"{percent(1 - low**2)} of the picture is padding."
        )


def _zoom(at: TransformContext) -> tuple[float, float]:
    """Smallest and largest magnification, 1 is unchanged."""
    values = at.values
    if at.name == "Affine":
        scales = _numbers(values.get("scale"), (1,))
        return min(scales), max(scales)
    if at.name == "ShiftScaleRotate":
        limits = _numbers(values.get("scale_limit"), (0,))
        return 1 + min(limits), 1 + max(limits)
    if at.name == "RandomResizedCrop":
        return 1.0, max(1e-3, min(_numbers(values.get("scale"), (1,)))) ** -0.5
    if at.name == "CropAndPad":
        sides = _numbers(values.get("percent"), (0,))
        return 1 / (1 + 2 * max(0, *sides)), 1 / max(1e-3, 1 + 2 * min(0, *sides))
    if at.name == "RandomCropFromBorders":
        across = 1 - at.values["crop_left"] - at.values["crop_right"]
        down = 1 - at.values["crop_top"] - at.values["crop_bottom"]
        return 1.0, 1 / max(1e-3, min(across, down))
    cut = _cut(at)
    if cut and at.size:
        return 1.0, min(at.size[0] / cut[0], at.size[1] / cut[1])
    return 1.0, 1.0


def _cut(at: TransformContext) -> tuple[float, float] | None:
    """(height, width) of the smallest rectangle that a crop to a given size takes; None for other transforms."""
    values = at.values
    if at.name in ("RandomCrop", "CenterCrop", "CropNonEmptyMaskIfExists"):
        return float(values["height"]), float(values["width"])
    if at.name == "Crop":
        return float(values["y_max"] - values["y_min"]), float(values["x_max"] - values["x_min"])
    if at.name == "RandomSizedCrop":
        height = min(_numbers(values.get("min_max_height"), (1,)))
        return height, height * float(values["w2h_ratio"])
    return None


def _stretched(at: TransformContext) -> Iterator[Remark]:
    """A crop with another aspect ratio than the picture: training stretches it back."""
    cut = _cut(at)
    if not cut or not at.size or any(name in _SHAPES for name in at.later):
        return
    if cut[0] > at.size[0] or cut[1] > at.size[1]:
        yield from at.remark(
            f"takes {cut[0]:.0f}x{cut[1]:.0f} of a picture of {at.size[0]}x{at.size[1]}: what is outside is padding. "
            "Stay within the picture."
        )
        return
    shape = at.size[1] / at.size[0]
    wider = shape / (cut[1] / cut[0])
    if not 1 / 1.2 <= wider <= 1.2:
        way = f"{wider:.1f} times as wide" if wider > 1 else f"{1 / wider:.1f} times as high"
        yield from at.remark(
            f"cuts out {cut[0]:.0f}x{cut[1]:.0f}, and training brings it back to {at.size[0]}x{at.size[1]}: things "
            f"come out {way}. Give it the shape of the picture, e.g. {cut[0]:.0f}x{cut[0] * shape:.0f}."
        )


def _only_resized(at: TransformContext) -> Iterator[Remark]:
    if at.name in _RESIZES and not any("Crop" in name or "Pad" in name for name in at.later):
        yield from at.remark(
            "only resizes, and training brings the picture back to its size: nothing gets nearer, some sharpness is "
            "lost. Crop after it, or use the scale of Affine.",
            mild=True,
        )


def _stepped(at: TransformContext) -> Iterator[Remark]:
    if at.values.get("interpolation") == "nearest":
        yield from at.remark(
            "draws the image by nearest neighbour, which makes steps of its edges. The mask is drawn so anyway, and "
            "should be; take linear for the image.",
            mild=True,
        )


def _torn(at: TransformContext) -> Iterator[Remark]:
    if at.name == "RandomGridShuffle":
        yield from at.remark(
            "cuts the picture into tiles and swaps them: objects are torn at the seams, and where things stand "
            "(sky above, road below) can't be learned."
        )
    if at.name == "ElasticTransform":
        alpha, sigma = _numbers(at.values.get("alpha"), (0,))[0], _numbers(at.values.get("sigma"), (50,))[0]
        # The library smooths noise within [-1, 1] over sigma and multiplies it by alpha: displacements of neighbours
        # differ by about alpha / sigma^2. Above one pixel the picture folds over itself; measured, this begins at 6.
        if alpha > 6 * sigma**2:
            yield from at.remark(
                f"bends so sharply that the picture folds over itself. With sigma {sigma:g}, keep alpha below "
                f"{6 * sigma**2:.0f}, or smooth over more pixels."
            )
    if at.name == "GridDistortion":
        limit = max(abs(number) for number in _numbers(at.values.get("distort_limit"), (0,)))
        if limit > 0.7:
            yield from at.remark(f"squeezes cells to {1 - limit:.2g} of their size; thin classes are lost in them.")


def _covered(at: TransformContext) -> Iterator[Remark]:
    share = _hidden(at)
    if share > 0.25 and at.values.get("fill_mask", "keep") in ("keep", None):
        yield from at.remark(
            f"hides about {percent(share)} of the image and still trains on the labels under it: the model is made to "
            "guess. Set fill_mask to ignore, or hide less."
        )


def _hidden(at: TransformContext) -> float:
    """Mean share of the image under holes, 0-1; overlaps count twice."""
    if at.name == "GridDropout":
        ratio = float(_numbers(at.values.get("ratio"), (0,))[0])
        return ratio**2
    if at.name in ("CoarseDropout", "ConstrainedCoarseDropout"):
        keys = ("num_holes_range", "hole_height_range", "hole_width_range")
        return math.prod(_mean(_numbers(at.values.get(key), (0,))) for key in keys)
    return _mean(_numbers(at.values.get("scale"), (0,))) if at.name == "Erasing" else 0.0


def _false_colours(at: TransformContext) -> Iterator[Remark]:
    values = at.values
    if at.name in ("ToGray", "ToSepia") and at.chance > 0.5:
        yield from at.remark(
            f"takes the colours from {percent(at.chance)} of the images, and colour tells trees, sky and signs apart. "
            "Half of them or fewer is enough."
        )
    if at.name in _NEVER_SEEN:
        yield from at.remark(
            f"{_NEVER_SEEN[at.name]}; validation never looks like this. Leave it out, or keep p small."
        )
    if at.name == "Posterize" and (bits := min(_numbers(values.get("num_bits"), (8,)))) <= 2:
        yield from at.remark(f"leaves {2 ** int(bits)} levels of each colour: shading and texture are gone.")
    for name, key, most, degrees in (
        ("HueSaturationValue", "hue_shift_limit", 40, 2),
        ("ColorJitter", "hue", 0.2, 360),
    ):
        hue = max(abs(number) for number in _numbers(values.get(key), (0,)))
        if at.name == name and hue > most:
            yield from at.remark(
                f"turns hues by up to {hue * degrees:.0f} degrees: trees become blue, and colour tells nothing. "
                f"Keep {key} within {most / 2:g}."
            )


_NEVER_SEEN: Mapping[str, str] = {
    "InvertImg": "makes negatives",
    "ChannelShuffle": "swaps red, green and blue",
    "Solarize": "makes negatives of the bright parts",
}


_RULES: tuple[Callable[[TransformContext], Iterator[Remark]], ...] = (
    _upside_down,
    _quarter_turns,
    _tilted,
    _zoomed,
    _stretched,
    _only_resized,
    _stepped,
    _torn,
    _covered,
    _false_colours,
)


def _mean(values: Iterable[float]) -> float:
    given = list(values)
    return sum(given) / len(given)


def _numbers(value: object, default: tuple[float, ...]) -> list[float]:
    """All numbers in a value at any depth, e.g. those of both axes."""
    numbers = list(_walk(value))
    return numbers or list(default)


def _walk(value: object) -> Iterator[float]:
    if isinstance(value, tuple):
        for item in value:
            yield from _walk(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value
