"""The viewer's panels and readings for the models' answers to an uploaded image."""

from __future__ import annotations

from collections.abc import Sequence

from segcore.errors import UntrustedCode
from segcore.labels import LabelMap
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.image_cache import PHOTO_WIDTH
from segcore.ui.try_it.model_answers import ModelAnswer
from segcore.ui.widgets.viewer import Panel, Plane, Reading
from segcore.visual import encode_disagreement, encode_layer, unanimous

VIEWS = ("overlay", "mask", "confidence")


def answer_panels(context: AppContext, answers: Sequence[ModelAnswer], mode: str) -> list[Panel]:
    """Make the panels: the image, where the models agree, and each answer with its mean confidence and time.

    Args:
        context: Titles and colours of the runs.
        answers: One answer a model.
        mode: One of `VIEWS`.
    """
    panels = [Panel("The image", photo="image")]
    masks = [answer.mask for answer in _same_classes(answers) if answer.mask is not None]
    if len(masks) > 1:
        share = float(unanimous(masks).mean())
        layer = encode_disagreement(masks, width=PHOTO_WIDTH)
        panels.append(Panel("Agreement", f"all agree on {100 * share:.0f} %", "image", layer, fixed=True))
    return panels + [_answer_panel(context, answer, mode) for answer in answers]


def answer_readings(context: AppContext, answers: Sequence[ModelAnswer]) -> tuple[list[Reading], LabelMap | None]:
    """Make the readings under the cursor, of the models with the first one's classes; return them and those classes."""
    same = _same_classes(answers)
    readings = [
        Reading(
            answer.run.id,
            context.titles[answer.run.id],
            context.colors[answer.run.id],
            Plane.of(answer.mask),
            None if answer.confidence_levels is None else Plane.of(answer.confidence_levels),
        )
        for answer in same
        if answer.mask is not None
    ]
    return readings, same[0].run.labels if readings else None


def _answer_panel(context: AppContext, answer: ModelAnswer, mode: str) -> Panel:
    run = answer.run
    title, color = context.titles[run.id], context.colors[run.id]
    if answer.mask is None:
        untrusted = isinstance(answer.error, UntrustedCode)
        problem = "not run: nobody has agreed to run its code" if untrusted else str(answer.error)
        return Panel(title, photo="image", color=color, problem=problem)
    known = answer.confidence_levels is not None
    note = f"{100 * answer.confidence:.0f} % confident · {answer.milliseconds:.0f} ms"
    note = note if known else f"gives no confidence · {answer.milliseconds:.0f} ms"
    if mode == "confidence" and known:
        return Panel(title, note, photo="image", color=color, doubt=run.id)
    fits_legend = context.dataset is not None and context.dataset.labels.names == run.labels.names
    visible = set(range(run.labels.classes)) - (context.hidden if fits_legend else set())
    layer = encode_layer(answer.mask, run.labels, visible=visible, width=PHOTO_WIDTH)
    return Panel(title, note, None if mode == "mask" else "image", layer, fixed=mode == "mask", color=color)


def _same_classes(answers: Sequence[ModelAnswer]) -> list[ModelAnswer]:
    """The usable answers with the first one's classes: the same id means something else in other classes."""
    usable = [answer for answer in answers if answer.mask is not None]
    return [answer for answer in usable if answer.run.labels.names == usable[0].run.labels.names]
