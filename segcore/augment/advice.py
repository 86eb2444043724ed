"""What usually hurts: settings of a pipeline that don't fit masks or the data, with the reason and the way out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from segcore.augment.effect import Effect, speed_sentence, workers_needed
from segcore.augment.odds import fires, unchanged
from segcore.augment.pipeline import Pipeline
from segcore.augment.steps import Group, Step, leaves
from segcore.labels import LabelMap

Size = tuple[int, int]  # (height, width)

FEW = 5  # images with a class: fewer say nothing of what happens to it
_TURNS = ("RandomRotate90", "Transpose", "D4", "SquareSymmetry")
_ANGLES = {"Rotate": "limit", "SafeRotate": "limit", "Affine": "rotate", "ShiftScaleRotate": "rotate_limit"}
_RESIZES = ("RandomScale", "Resize", "LongestMaxSize", "SmallestMaxSize")
_SHAPES = (
    "RandomCrop",
    "CenterCrop",
    "Crop",
    "CropNonEmptyMaskIfExists",
    "RandomSizedCrop",
    "RandomResizedCrop",
    "Resize",
)
_NOISES = ("GaussNoise", "ISONoise", "ShotNoise", "SaltAndPepper", "MultiplicativeNoise", "AdditiveNoise")
_BLURS = ("Blur", "GaussianBlur", "MedianBlur", "MotionBlur", "AdvancedBlur", "Defocus", "ZoomBlur")


@dataclass(frozen=True)
class Advice:
    """Something to reconsider.

    Args:
        step: Position among `pipeline.transforms`; None for the pipeline as a whole.
        text: One or two sentences.
        mild: Worth knowing, and often meant so.
    """

    step: int | None
    text: str
    mild: bool = False


def advise(
    pipeline: Pipeline,
    *,
    labels: LabelMap | None = None,
    size: Size | None = None,
    effect: Effect | None = None,
    images_per_second: float | None = None,
    model: str = "",
) -> tuple[Advice, ...]:
    """What to reconsider, the mild ones last; transforms that are never applied are passed over.

    Args:
        pipeline: The transforms.
        labels: Classes of the data; they tell a street scene, and what a class is called.
        size: (height, width) of what the model is fed.
        effect: What was measured.
        images_per_second: That a training takes.
        model: Name of that training's model.
    """
    street = labels is not None and is_street(labels)
    often, transforms = fires(pipeline), pipeline.transforms
    found: list[Advice] = []
    for index, step in enumerate(transforms):
        if often[index]:
            later = tuple(each.name for at, each in enumerate(transforms) if at > index and often[at])
            place = _Place(index, step, dict(step.values), often[index], street, size, later)
            found += [advice for rule in _STEP_RULES for advice in rule(place)]
    found += _twice(pipeline, often)
    found += _noise_before_blur(pipeline, often)
    found += _never_plain(pipeline, often)
    if effect is not None:
        found += _measured(effect, labels)
        if images_per_second and effect.draws:
            found += _too_slow(effect, images_per_second, model)
    return tuple(sorted(found, key=lambda advice: advice.mild))


def is_street(labels: LabelMap) -> bool:
    """Whether the classes are those of streets seen from a car."""
    names = [name.lower() for name in labels.names]
    around = ("sky", "building", "car", "pavement", "sidewalk", "pole", "vegetation", "traffic")
    return any(name.startswith("road") for name in names) and any(name.startswith(around) for name in names)


@dataclass(frozen=True)
class _Place:
    """A transform that can be applied, and where it stands."""

    index: int
    step: Step
    values: Mapping[str, Any]
    often: float  # 0-1, groups included
    street: bool
    size: Size | None
    later: tuple[str, ...]  # names of those after it that can be applied too

    @property
    def name(self) -> str:
        return self.step.name

    def says(self, text: str, *, mild: bool = False) -> Iterator[Advice]:
        yield Advice(self.index, f"{self.name} {text}", mild)


def _upside_down(at: _Place) -> Iterator[Advice]:
    if at.street and at.name == "VerticalFlip":
        yield from at.says(
            "turns streets upside down; a car's camera never sees the road above the sky. The model learns pictures "
            "that it will not meet. Leave it out."
        )


def _quarter_turns(at: _Place) -> Iterator[Advice]:
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
        yield from at.says(f"{text} {squeezed}".strip())
    elif squeezed:
        yield from at.says(f"turns by 90 degrees. {squeezed}")


def _tilted(at: _Place) -> Iterator[Advice]:
    if not at.street or at.name not in _ANGLES:
        return
    angle = max(abs(each) for each in _numbers(at.values.get(_ANGLES[at.name]), (0,)))
    if angle > 45:
        what = "upside down" if angle >= 135 else f"by up to {angle:g} degrees"
        yield from at.says(
            f"turns streets {what}; a camera on a car tilts by a few degrees. Keep {_ANGLES[at.name]} within 10 or so."
        )


def _zoomed(at: _Place) -> Iterator[Advice]:
    low, high = _zoom(at)
    if high > 2.5:
        yield from at.says(
            f"enlarges up to {high:.2g} times: {_percent(high**-2)} of the picture is left, whole classes fall "
            "outside, and things get larger than validation ever shows them."
        )
    if low < 0.5:
        yield from at.says(
            f"shrinks to {low:.2g} of the size: poles and signs get thinner than a pixel of the mask, and "
            f"{_percent(1 - low**2)} of the picture is padding."
        )


def _zoom(at: _Place) -> tuple[float, float]:
    """Smallest and largest magnification."""
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


def _cut(at: _Place) -> tuple[float, float] | None:
    """(height, width) of the rectangle that a crop to a given size takes from the picture; the smallest it may take."""
    values = at.values
    if at.name in ("RandomCrop", "CenterCrop", "CropNonEmptyMaskIfExists"):
        return float(values["height"]), float(values["width"])
    if at.name == "Crop":
        return float(values["y_max"] - values["y_min"]), float(values["x_max"] - values["x_min"])
    if at.name == "RandomSizedCrop":
        height = min(_numbers(values.get("min_max_height"), (1,)))
        return height, height * float(values["w2h_ratio"])
    return None


def _stretched(at: _Place) -> Iterator[Advice]:
    """A crop of another shape than the picture, which training gives its shape back."""
    cut = _cut(at)
    if not cut or not at.size or any(name in _SHAPES for name in at.later):
        return
    if cut[0] > at.size[0] or cut[1] > at.size[1]:
        yield from at.says(
            f"takes {cut[0]:.0f}x{cut[1]:.0f} of a picture of {at.size[0]}x{at.size[1]}: what is outside is padding. "
            "Stay within the picture."
        )
        return
    shape = at.size[1] / at.size[0]
    wider = shape / (cut[1] / cut[0])
    if not 1 / 1.2 <= wider <= 1.2:
        way = f"{wider:.1f} times as wide" if wider > 1 else f"{1 / wider:.1f} times as high"
        yield from at.says(
            f"cuts out {cut[0]:.0f}x{cut[1]:.0f}, and training brings it back to {at.size[0]}x{at.size[1]}: things "
            f"come out {way}. Give it the shape of the picture, e.g. {cut[0]:.0f}x{cut[0] * shape:.0f}."
        )


def _only_resized(at: _Place) -> Iterator[Advice]:
    if at.name in _RESIZES and not any("Crop" in name or "Pad" in name for name in at.later):
        yield from at.says(
            "only resizes, and training brings the picture back to its size: nothing gets nearer, some sharpness is "
            "lost. Crop after it, or use the scale of Affine.",
            mild=True,
        )


def _stepped(at: _Place) -> Iterator[Advice]:
    if at.values.get("interpolation") == "nearest":
        yield from at.says(
            "draws the image by nearest neighbour, which makes steps of its edges. The mask is drawn so anyway, and "
            "should be; take linear for the image.",
            mild=True,
        )


def _torn(at: _Place) -> Iterator[Advice]:
    if at.name == "RandomGridShuffle":
        yield from at.says(
            "cuts the picture into tiles and swaps them: objects are torn at the seams, and where things stand "
            "(sky above, road below) can't be learned."
        )
    if at.name == "ElasticTransform":
        alpha, sigma = _numbers(at.values.get("alpha"), (0,))[0], _numbers(at.values.get("sigma"), (50,))[0]
        # The library smooths noise within [-1, 1] over sigma and multiplies it by alpha, so that displacements differ
        # between neighbours by about alpha / sigma^2. Where that passes a pixel the picture folds over itself;
        # counted, it begins to at six.
        if alpha > 6 * sigma**2:
            yield from at.says(
                f"bends so sharply that the picture folds over itself. With sigma {sigma:g}, keep alpha below "
                f"{6 * sigma**2:.0f}, or smooth over more pixels."
            )
    if at.name == "GridDistortion":
        limit = max(abs(each) for each in _numbers(at.values.get("distort_limit"), (0,)))
        if limit > 0.7:
            yield from at.says(f"squeezes cells to {1 - limit:.2g} of their size; thin classes are lost in them.")


def _covered(at: _Place) -> Iterator[Advice]:
    share = _hidden(at)
    if share > 0.25 and at.values.get("fill_mask", "keep") in ("keep", None):
        yield from at.says(
            f"hides about {_percent(share)} of the image and still trains on the labels under it: the model is made to "
            "guess. Set fill_mask to ignore, or hide less."
        )


def _hidden(at: _Place) -> float:
    """Mean share of the image under holes; overlaps counted twice."""
    if at.name == "GridDropout":
        ratio = float(_numbers(at.values.get("ratio"), (0,))[0])
        return ratio**2
    if at.name in ("CoarseDropout", "ConstrainedCoarseDropout"):
        keys = ("num_holes_range", "hole_height_range", "hole_width_range")
        return math.prod(_mean(_numbers(at.values.get(key), (0,))) for key in keys)
    return _mean(_numbers(at.values.get("scale"), (0,))) if at.name == "Erasing" else 0.0


def _false_colours(at: _Place) -> Iterator[Advice]:
    values = at.values
    if at.name in ("ToGray", "ToSepia") and at.often > 0.5:
        yield from at.says(
            f"takes the colours from {_percent(at.often)} of the images, and colour tells trees, sky and signs apart. "
            "Half of them or fewer is enough."
        )
    if at.name in _NEVER_SEEN:
        yield from at.says(f"{_NEVER_SEEN[at.name]}; validation never looks like this. Leave it out, or keep p small.")
    if at.name == "Posterize" and (bits := min(_numbers(values.get("num_bits"), (8,)))) <= 2:
        yield from at.says(f"leaves {2 ** int(bits)} levels of each colour: shading and texture are gone.")
    for name, key, most, degrees in (
        ("HueSaturationValue", "hue_shift_limit", 40, 2),
        ("ColorJitter", "hue", 0.2, 360),
    ):
        hue = max(abs(each) for each in _numbers(values.get(key), (0,)))
        if at.name == name and hue > most:
            yield from at.says(
                f"turns hues by up to {hue * degrees:.0f} degrees: trees become blue, and colour tells nothing. "
                f"Keep {key} within {most / 2:g}."
            )


_NEVER_SEEN: Mapping[str, str] = {
    "InvertImg": "makes negatives",
    "ChannelShuffle": "swaps red, green and blue",
    "Solarize": "makes negatives of the bright parts",
}


_STEP_RULES: tuple[Callable[[_Place], Iterator[Advice]], ...] = (
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


def _twice(pipeline: Pipeline, often: tuple[float, ...]) -> Iterator[Advice]:
    """The same transform twice in a row in the list itself; a group's members are other choices."""
    position, before = 0, ""
    for node in pipeline.steps:
        if isinstance(node, Step) and often[position]:
            if node.name == before:
                text = f"{node.name} follows itself. One of them, with the wider range, does the same in half the time."
                yield Advice(position, text, True)
            before = node.name
        elif isinstance(node, Group):
            before = ""
        position += sum(1 for _ in leaves((node,)))


def _noise_before_blur(pipeline: Pipeline, often: tuple[float, ...]) -> Iterator[Advice]:
    """Noise that a later transform of the list smooths away; members of one group never follow one another."""
    position, earlier = 0, list[tuple[int, Step]]()
    for node in pipeline.steps:
        inside = [(position + index, step) for index, step in enumerate(leaves((node,))) if often[position + index]]
        blur = next((step for _, step in inside if step.name in _BLURS), None)
        if blur is not None:
            for index, noise in earlier:
                yield Advice(
                    index,
                    f"{noise.name} comes before {blur.name}, which smooths it away. A camera blurs first and adds its "
                    "noise after: swap them.",
                    True,
                )
            earlier = []
        earlier += [(index, step) for index, step in inside if step.name in _NOISES]
        position += sum(1 for _ in leaves((node,)))


def _never_plain(pipeline: Pipeline, often: tuple[float, ...]) -> Iterator[Advice]:
    plain = unchanged(pipeline)
    if plain < 0.01 and sum(chance > 0 for chance in often) >= 3:
        share = "No image passes" if plain == 0 else f"Only {100 * plain:.1g} % of the images pass"
        yield Advice(
            None,
            f"{share} unchanged ({sum(often):.1f} transforms each on average), and validation sees only unchanged "
            "ones. That wants a long training; for a short one, lower some probabilities.",
            True,
        )


def _measured(effect: Effect, labels: LabelMap | None) -> Iterator[Advice]:
    names = labels.names if labels is not None else [f"class {index}" for index in range(len(effect.before.pixels))]
    seen = effect.before.images >= FEW
    gone = {name: 1 - float(kept) for name, kept, enough in zip(names, effect.kept(), seen, strict=True) if enough}
    cut = {name: share for name, share in gone.items() if share > 0.5}
    if cut:
        yield Advice(None, f"Cut out of more than half of the images that show it: {_listed(cut)}. Crop or zoom less.")
    left = {name: float(shift) for name, shift in zip(names, effect.class_shift(), strict=True) if name in gone}
    shrunk = {name: 1 - shift for name, shift in left.items() if shift < 0.5 and name not in cut}
    if shrunk:
        yield Advice(None, f"More than half of its share of the pixels is lost: {_listed(shrunk)}.")
    if effect.lost > 0.25:
        yield Advice(
            None,
            f"{_percent(effect.lost)} of the labelled pixels are lost to padding: each image teaches that much less. "
            "Shift, turn and shrink less, or fill borders with a reflection.",
        )
    before, after = effect.clipping
    if after > before + 0.1:
        yield Advice(
            None,
            f"{_percent(after)} of the pixels come out black or white ({_percent(before)} before): what was there is "
            "gone. Change the brightness less.",
        )
    if effect.invented:
        yield Advice(
            None,
            f"The masks hold ids that were not in them before: {', '.join(map(str, effect.invented))}. This is a "
            "mistake of a transform; leave it out and report it.",
        )
    for text, count in effect.failures:
        yield Advice(None, f"{count} of {effect.tried} draws failed: {text}")


def _too_slow(effect: Effect, images_per_second: float, model: str) -> Iterator[Advice]:
    workers = workers_needed(effect.milliseconds, images_per_second)
    if workers > 1:
        sentence = speed_sentence(effect.milliseconds, model or "the last run", images_per_second)
        yield Advice(None, f"{sentence} Train with --workers {workers}, or do without the slowest transform.")


def _listed(shares: Mapping[str, float]) -> str:
    """`Pole (80 %), Fence (55 %)`, the largest first."""
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} ({_percent(share)})" for name, share in ordered)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _mean(values: Iterable[float]) -> float:
    given = list(values)
    return sum(given) / len(given)


def _numbers(value: object, default: tuple[float, ...]) -> list[float]:
    """All numbers of a value, however deep: those of both axes, say."""
    found = list(_walk(value))
    return found or list(default)


def _walk(value: object) -> Iterator[float]:
    if isinstance(value, tuple):
        for each in value:
            yield from _walk(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value
