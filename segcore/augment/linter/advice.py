"""What usually hurts: settings of a pipeline that don't fit masks or the data, with the reason and the way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from segcore.augment.effect import Effect, speed_sentence, workers_needed
from segcore.augment.linter.rules import (
    Place,
    Size,
    percent,
    remarks,
)
from segcore.augment.pipeline import Pipeline
from segcore.augment.probabilities import fires, unchanged
from segcore.augment.steps import Group, Node, Step, leaves
from segcore.labels import LabelMap

FEW = 5  # images with a class: fewer say nothing of what happens to it
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
    often = fires(pipeline)
    later = _later(pipeline.steps, often)
    found: list[Advice] = []
    for index, step in enumerate(pipeline.transforms):
        if often[index]:
            place = Place(step.name, dict(step.values), often[index], street, size, later[index])
            found += [Advice(index, *remark) for remark in remarks(place)]
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


def _later(
    nodes: Sequence[Node], often: Sequence[float], after: tuple[str, ...] = (), *, apart: bool = False
) -> list[tuple[str, ...]]:
    """Of each leaf, the names of those that can be applied after it to the same image.

    Args:
        nodes: A list, or the members of a group.
        often: Chance of each leaf of it.
        after: Names of what comes after it all.
        apart: Whether an image meets but one of the nodes, so that none of them follows another.
    """
    found: list[tuple[str, ...]] = []
    end = len(often)
    for node in reversed(nodes):
        inside = list(leaves((node,)))
        chances, end = often[end - len(inside) : end], end - len(inside)
        one = isinstance(node, Group) and (node.name == "OneOf" or node.n == 1)
        found[:0] = [after] if isinstance(node, Step) else _later(node.steps, chances, after, apart=one)
        if not apart:
            after = (*(step.name for step, chance in zip(inside, chances, strict=True) if chance), *after)
    return found


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
            f"{percent(effect.lost)} of the labelled pixels are lost to padding: each image teaches that much less. "
            "Shift, turn and shrink less, or fill borders with a reflection.",
        )
    before, after = effect.clipping
    if after > before + 0.1:
        yield Advice(
            None,
            f"{percent(after)} of the pixels come out black or white ({percent(before)} before): what was there is "
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
    return ", ".join(f"{name} ({percent(share)})" for name, share in ordered)
