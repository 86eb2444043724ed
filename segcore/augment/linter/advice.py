"""Checks a pipeline for settings that usually hurt, and says why and what to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from segcore.augment.effect import Effect, speed_sentence, workers_needed
from segcore.augment.linter.rules import Size, TransformContext, percent, remarks
from segcore.augment.pipeline import Pipeline
from segcore.augment.probabilities import application_chances, unchanged_chance
from segcore.augment.steps import Group, Node, Step, leaves
from segcore.labels import LabelMap

FEW = 5  # images with a class; with fewer, its statistics mean nothing
_NOISES = ("GaussNoise", "ISONoise", "ShotNoise", "SaltAndPepper", "MultiplicativeNoise", "AdditiveNoise")
_BLURS = ("Blur", "GaussianBlur", "MedianBlur", "MotionBlur", "AdvancedBlur", "Defocus", "ZoomBlur")


@dataclass(frozen=True)
class Advice:
    """One piece of advice.

    Args:
        step: Position among `pipeline.transforms`; None for the whole pipeline.
        text: One or two sentences.
        mild: Worth knowing, but often intended.
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
    """Give advice on a pipeline, mild advice last; transforms that are never applied are skipped.

    Args:
        pipeline: The pipeline to check.
        labels: Classes of the data; from their names it sees whether the scenes are streets.
        size: (height, width) of the model's input.
        effect: The measured effect of the pipeline on the data.
        images_per_second: Rate at which a training takes images.
        model: Name of the model of that training.
    """
    street = labels is not None and is_street(labels)
    chances = application_chances(pipeline)
    later = _applied_after(pipeline.steps, chances)
    advice: list[Advice] = []
    for index, step in enumerate(pipeline.transforms):
        if chances[index]:
            context = TransformContext(step.name, dict(step.values), chances[index], street, size, later[index])
            advice += [Advice(index, *remark) for remark in remarks(context)]
    advice += _repeated(pipeline, chances)
    advice += _noise_before_blur(pipeline, chances)
    advice += _never_plain(pipeline, chances)
    if effect is not None:
        advice += _measured(effect, labels)
        if images_per_second and effect.draws:
            advice += _too_slow(effect, images_per_second, model)
    return tuple(sorted(advice, key=lambda item: item.mild))


def is_street(labels: LabelMap) -> bool:
    """Whether the classes are those of street scenes seen from a car."""
    names = [name.lower() for name in labels.names]
    around = ("sky", "building", "car", "pavement", "sidewalk", "pole", "vegetation", "traffic")
    return any(name.startswith("road") for name in names) and any(name.startswith(around) for name in names)


def _applied_after(
    nodes: Sequence[Node], chances: Sequence[float], after: tuple[str, ...] = (), *, exclusive: bool = False
) -> list[tuple[str, ...]]:
    """For each transform, the names of the transforms that can be applied after it to the same image.

    Args:
        nodes: A list of nodes, or the members of a group.
        chances: Probability of each transform of the nodes.
        after: Names of the transforms after all nodes.
        exclusive: Whether only one of the nodes is applied to an image, so that none follows another.
    """
    names: list[tuple[str, ...]] = []
    end = len(chances)
    for node in reversed(nodes):
        inside = list(leaves((node,)))
        inner_chances, end = chances[end - len(inside) : end], end - len(inside)
        one = isinstance(node, Group) and (node.name == "OneOf" or node.n == 1)
        names[:0] = (
            [after] if isinstance(node, Step) else _applied_after(node.steps, inner_chances, after, exclusive=one)
        )
        if not exclusive:
            after = (*(step.name for step, chance in zip(inside, inner_chances, strict=True) if chance), *after)
    return names


def _repeated(pipeline: Pipeline, chances: tuple[float, ...]) -> Iterator[Advice]:
    """The same transform twice in a row; the members of a group do not count, they are alternatives."""
    position, before = 0, ""
    for node in pipeline.steps:
        if isinstance(node, Step) and chances[position]:
            if node.name == before:
                text = f"{node.name} follows itself. One of them, with the wider range, does the same in half the time."
                yield Advice(position, text, True)
            before = node.name
        elif isinstance(node, Group):
            before = ""
        position += sum(1 for _ in leaves((node,)))


def _noise_before_blur(pipeline: Pipeline, chances: tuple[float, ...]) -> Iterator[Advice]:
    """Noise that a later transform smooths away; members of the same group never follow one another."""
    position, earlier = 0, list[tuple[int, Step]]()
    for node in pipeline.steps:
        inside = [(position + index, step) for index, step in enumerate(leaves((node,))) if chances[position + index]]
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


def _never_plain(pipeline: Pipeline, chances: tuple[float, ...]) -> Iterator[Advice]:
    plain = unchanged_chance(pipeline)
    if plain < 0.01 and sum(chance > 0 for chance in chances) >= 3:
        share = "No image passes" if plain == 0 else f"Only {100 * plain:.1g} % of the images pass"
        yield Advice(
            None,
            f"{share} unchanged ({sum(chances):.1f} transforms each on average), and validation sees only unchanged "
            "ones. That wants a long training; for a short one, lower some probabilities.",
            True,
        )


def _measured(effect: Effect, labels: LabelMap | None) -> Iterator[Advice]:
    names = labels.names if labels is not None else [f"class {index}" for index in range(len(effect.before.pixels))]
    seen = effect.before.images >= FEW
    gone = {name: 1 - float(kept) for name, kept, enough in zip(names, effect.kept(), seen, strict=True) if enough}
    cut = {name: share for name, share in gone.items() if share > 0.5}
    if cut:
        yield Advice(
            None, f"Cut out of more than half of the images that show it: {_share_list(cut)}. Crop or zoom less."
        )
    left = {name: float(shift) for name, shift in zip(names, effect.class_shift(), strict=True) if name in gone}
    shrunk = {name: 1 - shift for name, shift in left.items() if shift < 0.5 and name not in cut}
    if shrunk:
        yield Advice(None, f"More than half of its share of the pixels is lost: {_share_list(shrunk)}.")
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
        yield Advice(None, f"{count} of {effect.tried} examples failed: {text}")


def _too_slow(effect: Effect, images_per_second: float, model: str) -> Iterator[Advice]:
    workers = workers_needed(effect.milliseconds, images_per_second)
    if workers > 1:
        sentence = speed_sentence(effect.milliseconds, model or "the last run", images_per_second)
        yield Advice(None, f"{sentence} Train with --workers {workers}, or do without the slowest transform.")


def _share_list(shares: Mapping[str, float]) -> str:
    """`Pole (80 %), Fence (55 %)`, the largest first."""
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} ({percent(share)})" for name, share in ordered)
