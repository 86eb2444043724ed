"""Panels, readings and legend of the predictions page for one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from segcore.errors import SegcoreError
from segcore.runs import RunRecord
from segcore.ui.predictions import panel_layers
from segcore.ui.predictions.panels import photo_panel
from segcore.ui.predictions.run_evaluations import RunEvaluation
from segcore.ui.predictions.view_options import ViewOptions
from segcore.ui.shell import run_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.threads import parallel
from segcore.ui.widgets.table import format_number
from segcore.ui.widgets.viewer import Mark, Panel, Reading
from segcore.visual.layers import CLEAR, DARK, DOUBT, MARKED, RIGHT, WRONG
from segcore.visual.overlay import DIMMED, FADED

_FIXED = ("mask", "contour", "disagreement", "boundary")  # views whose ground truth ignores the opacity


@dataclass(frozen=True, eq=False)
class PredictionPanels:
    """Makes what the viewer shows of one image and the models' predictions.

    Args:
        context: Dataset, runs and their colours.
        evaluations: The runs' stored evaluations.
        split: Split of the evaluations.
        sample_id: The image.
        requested: The options that were chosen.
    """

    context: AppContext
    evaluations: Sequence[RunEvaluation]
    split: str
    sample_id: str
    requested: ViewOptions

    @cached_property
    def compared_runs(self) -> tuple[RunRecord, ...]:
        """The runs with a readable prediction of this image, among which disagreement is sought."""
        problems = parallel(self._problem, self.evaluations)  # decodes the masks side by side and caches them
        return tuple(stored.run for stored, problem in zip(self.evaluations, problems, strict=True) if problem is None)

    @cached_property
    def options(self) -> ViewOptions:
        """The options in effect: an overlay in place of disagreement where fewer than two models can be compared."""
        alone = self.requested.view == "disagreement" and len(self.compared_runs) < 2
        return replace(self.requested, view="overlay") if alone else self.requested

    @property
    def slider(self) -> bool:
        """Whether any layer follows the opacity."""
        return self.options.view not in _FIXED

    def panels(self) -> dict[str, Panel]:
        """Make the panels of image, ground truth, agreement (of two or more models) and models, by name in the link."""
        panels = {"image": photo_panel(self.sample_id), "truth": self._truth_panel()}
        if len(self.evaluations) > 1 or (self.evaluations and self.requested.view == "disagreement"):
            panels["agreement"] = self._agreement_panel()
        models = parallel(self._model_panel, self.evaluations)
        return panels | {stored.run.id: panel for stored, panel in zip(self.evaluations, models, strict=True)}

    def readings(self) -> list[Reading]:
        """Make what is read under the cursor: the true class, then every model's."""
        truth = Reading("truth", "truth", ids=panel_layers.truth_ids(self.context.key, self.sample_id))
        return [truth, *parallel(self._reading, self.evaluations)]

    def legend(self, *, agreement: bool) -> list[Mark]:
        """Explain the colours that don't stand for a class.

        Args:
            agreement: Whether the panel of agreement is shown.
        """
        options = self.options
        marks = list(_LEGENDS.get(options.view, ()))
        if options.view == "error" and options.errors == "verdict":
            marks = [Mark("Right", _css(RIGHT)), Mark("Wrong", _css(WRONG)), _NEVER_SCORED]
        if options.view == "error" and options.mistake is not None:
            marks = []
        if agreement and len(self.compared_runs) > 1:
            more = "models disagree" if options.measure == "answers" else "votes are split"
            marks += [Mark(f"Agreement: {more}", _doubt_gradient())]
            marks += [Mark("Agreement: all make the same mistake", _css(MARKED))]
        return marks

    def _truth_panel(self) -> Panel:
        options = self.options
        assert self.context.dataset is not None
        labels = self.context.dataset.labels
        layer = panel_layers.truth_layer(
            labels, self.split, self.sample_id, self.context.key, options, self.compared_runs
        )
        photo = None if options.view == "mask" else "image"
        return Panel("Ground truth", photo=photo, layer=layer, fixed=options.view in _FIXED)

    def _agreement_panel(self) -> Panel:
        if len(self.evaluations) < 2:
            return Panel("Agreement", photo="image", problem="Disagreement needs two models: tick another one.")
        if len(self.compared_runs) < 2:
            problem = "Fewer than two of the models have a stored prediction of this image."
            return Panel("Agreement", photo="image", problem=problem)
        layer, note = panel_layers.agreement_layer(
            self.compared_runs, self.split, self.sample_id, self.context.key, self.requested.measure
        )
        return Panel("Agreement", note, "image", layer, fixed=True)

    def _model_panel(self, stored: RunEvaluation) -> Panel:
        """Make the panel of a model's prediction; the note is the image's mIoU, or what the view counts."""
        context, options, run = self.context, self.options, stored.run
        title, color = context.titles[run.id], context.colors[run.id]
        problem = self._problem(stored)
        if problem is not None:
            return Panel(title, photo="image", color=color, problem=problem)
        assert stored.evaluation is not None
        try:
            if options.view == "confidence":
                panel_layers.confidence(run, self.split, self.sample_id)
                return Panel(title, photo="image", color=color, doubt=run.id)
            layer, note = panel_layers.prediction_layer(
                run, self.split, self.sample_id, context.key, options, self.compared_runs
            )
            note = note or format_number(stored.evaluation.image_scores(self.sample_id).miou)
        except SegcoreError as error:
            return Panel(title, photo="image", color=color, problem=str(error))
        photo = None if options.view == "mask" else "image"
        return Panel(title, note, photo, layer, fixed=options.view != "overlay", color=color)

    def _reading(self, stored: RunEvaluation) -> Reading:
        run, context = stored.run, self.context
        title, color = context.titles[run.id], context.colors[run.id]
        if self._problem(stored) is not None:
            return Reading(run.id, title, color)
        return Reading(
            run.id,
            title,
            color,
            panel_layers.prediction_ids(run, self.split, self.sample_id, context.key),
            panel_layers.confidence_if_stored(run, self.split, self.sample_id),
        )

    def _problem(self, stored: RunEvaluation) -> str | None:
        """Tell why a run has no prediction of this image; None where it has one."""
        if stored.evaluation is None:
            return stored.problem
        if self.sample_id not in stored.evaluation.ids:
            return "not among the images it was evaluated on"
        try:
            run_cache.prediction(stored.run, self.split, self.sample_id, self.context.key)
        except SegcoreError as error:
            return str(error)
        return None


def _css(color: tuple[int, int, int, int], under: int = 110) -> str:
    """Blend a layer's RGBA colour with a photo of brightness `under`, as CSS."""
    share = color[3] / 255
    return "rgb({} {} {})".format(*(round(share * channel + (1 - share) * under) for channel in color[:3]))


def _doubt_gradient() -> str:
    """CSS background from no doubt to most."""
    return f"linear-gradient(90deg, {_css(DIMMED)}, {_css((*DOUBT, 235))})"


_NEVER_SCORED = Mark("Never scored", "repeating-linear-gradient(135deg, #969696 0 3px, #3c3c3c 3px 7px)")
_ANY_CLASS = "conic-gradient(#800000, #404080, #808000, #c08080, #800000)"
_LEGENDS = {
    "error": (
        Mark("Right: the photo, faded", _css(FADED)),
        Mark("Wrong: the colour of the class it was taken for", _ANY_CLASS),
        _NEVER_SCORED,
    ),
    "disagreement": (Mark("All models agree: the photo, dimmed", _css(DIMMED)),),
    "confidence": (Mark("Less confident", _doubt_gradient()), Mark("Below the threshold", _css(MARKED))),
    "boundary": (
        Mark("Right, near a border: the photo", _css(CLEAR, 150)),
        Mark("Wrong, near a border: the class it was taken for", _ANY_CLASS),
        Mark("Away from borders, or never scored", _css(DARK)),
    ),
}
