"""One image and what the models made of it: the panels, the line that reads them, and the key to their colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from segcore.errors import SegcoreError
from segcore.runs import RunRecord
from segcore.ui.predictions import panel_layers
from segcore.ui.predictions.panel_data import Answer, photo
from segcore.ui.predictions.view_options import ViewOptions
from segcore.ui.shell import run_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.threads import parallel
from segcore.ui.widgets.table import format_number
from segcore.ui.widgets.viewer import Mark, Panel, Reading
from segcore.visual.layers import CLEAR, DARK, DOUBT, MARKED, RIGHT, WRONG
from segcore.visual.overlay import DIMMED, FADED

_FIXED = ("mask", "contour", "disagreement", "boundary")  # views whose ground truth leaves the opacity alone


@dataclass(frozen=True, eq=False)
class Scene:
    """One image and what the models made of it.

    Args:
        view: Dataset, runs and their colours.
        found: The runs' stored evaluations.
        split: Of them.
        sample_id: Of the image.
        look: What is asked for.
    """

    view: AppContext
    found: Sequence[Answer]
    split: str
    sample_id: str
    look: ViewOptions

    @cached_property
    def committee(self) -> list[RunRecord]:
        """The runs whose stored prediction of this image can be read: those that may disagree."""
        problems = parallel(self._problem, self.found)  # the masks are decoded together; each is kept
        return [each.run for each, problem in zip(self.found, problems, strict=True) if problem is None]

    @cached_property
    def drawn(self) -> ViewOptions:
        """The look of truth and models: an overlay where disagreement is asked for and nobody can differ."""
        alone = self.look.view == "disagreement" and len(self.committee) < 2
        return replace(self.look, view="overlay") if alone else self.look

    @property
    def slider(self) -> bool:
        """Whether any layer follows the opacity."""
        return self.drawn.view not in _FIXED

    def panels(self) -> dict[str, Panel]:
        """Image, ground truth, agreement (of two models or more) and every model, by name in the link."""
        shown = {"image": photo(self.sample_id), "truth": self._truth()}
        if len(self.found) > 1 or (self.found and self.look.view == "disagreement"):
            shown["agreement"] = self._agreement()
        models = parallel(self._model, self.found)
        return shown | {each.run.id: panel for each, panel in zip(self.found, models, strict=True)}

    def readings(self) -> list[Reading]:
        """What is read at a point: the truth, then every model."""
        first = Reading("truth", "truth", ids=panel_layers.truth_ids(self.view.key, self.sample_id))
        return [first, *parallel(self._reading, self.found)]

    def key(self, *, agreement: bool) -> list[Mark]:
        """What the colours that are no class's mean.

        Args:
            agreement: Whether the panel of agreement is shown.
        """
        look = self.drawn
        marks = list(_KEYS.get(look.view, ()))
        if look.view == "error" and look.errors == "verdict":
            marks = [Mark("Right", _css(RIGHT)), Mark("Wrong", _css(WRONG)), _VOID]
        if look.view == "error" and look.lit is not None:
            marks = []
        if agreement and len(self.committee) > 1:
            more = "more answers" if look.measure == "answers" else "votes more apart"
            marks += [Mark(f"Agreement: {more}", _ramp()), Mark("Agreement: all alike and wrong", _css(MARKED))]
        return marks

    def _truth(self) -> Panel:
        look = self.drawn
        assert self.view.dataset is not None
        labels = self.view.dataset.labels
        layer = panel_layers.truth(labels, self.split, self.sample_id, self.view.key, look, self.committee)
        shown = None if look.view == "mask" else "image"
        return Panel("Ground truth", photo=shown, layer=layer, fixed=look.view in _FIXED)

    def _agreement(self) -> Panel:
        if len(self.found) < 2:
            return Panel("Agreement", photo="image", problem="Disagreement wants two models: tick another one.")
        if len(self.committee) < 2:
            problem = "Fewer than two of the models have a stored prediction of this image."
            return Panel("Agreement", photo="image", problem=problem)
        layer, note = panel_layers.agreement(
            self.committee, self.split, self.sample_id, self.view.key, self.look.measure
        )
        return Panel("Agreement", note, "image", layer, fixed=True)

    def _model(self, each: Answer) -> Panel:
        """One model's stored answer, with the mIoU of this image or what the view counts."""
        view, look, run = self.view, self.drawn, each.run
        title, color = view.titles[run.id], view.colors[run.id]
        problem = self._problem(each)
        if problem is not None:
            return Panel(title, photo="image", color=color, problem=problem)
        assert each.evaluation is not None
        try:
            if look.view == "confidence":
                panel_layers.confidence(run, self.split, self.sample_id)
                return Panel(title, photo="image", color=color, doubt=run.id)
            layer, note = panel_layers.answer(run, self.split, self.sample_id, view.key, look, self.committee)
            note = note or format_number(each.evaluation.image_scores(self.sample_id).miou)
        except SegcoreError as error:
            return Panel(title, photo="image", color=color, problem=str(error))
        shown = None if look.view == "mask" else "image"
        return Panel(title, note, shown, layer, fixed=look.view != "overlay", color=color)

    def _reading(self, each: Answer) -> Reading:
        run, view = each.run, self.view
        title, color = view.titles[run.id], view.colors[run.id]
        if self._problem(each) is not None:
            return Reading(run.id, title, color)
        return Reading(
            run.id,
            title,
            color,
            panel_layers.ids(run, self.split, self.sample_id, view.key),
            panel_layers.confidence_if_any(run, self.split, self.sample_id),
        )

    def _problem(self, each: Answer) -> str | None:
        """Why a run has no answer to this image; None where it has one."""
        if each.evaluation is None:
            return each.problem
        if self.sample_id not in each.evaluation.ids:
            return "not among the images it was evaluated on"
        try:
            run_cache.prediction(each.run, self.split, self.sample_id, self.view.key)
        except SegcoreError as error:
            return str(error)
        return None


def _css(color: tuple[int, int, int, int], under: int = 110) -> str:
    """A layer's colour as it looks over a photo of middle brightness."""
    share = color[3] / 255
    return "rgb({} {} {})".format(*(round(share * channel + (1 - share) * under) for channel in color[:3]))


def _ramp() -> str:
    """From no doubt to most, as a CSS background."""
    return f"linear-gradient(90deg, {_css(DIMMED)}, {_css((*DOUBT, 235))})"


_VOID = Mark("Never scored", "repeating-linear-gradient(135deg, #969696 0 3px, #3c3c3c 3px 7px)")
_ANY_CLASS = "conic-gradient(#800000, #404080, #808000, #c08080, #800000)"
_KEYS = {
    "error": (
        Mark("Right: the photo, faded", _css(FADED)),
        Mark("Wrong: the colour of the class it was taken for", _ANY_CLASS),
        _VOID,
    ),
    "disagreement": (Mark("All alike: the photo, dimmed", _css(DIMMED)),),
    "confidence": (Mark("Less sure", _ramp()), Mark("Below the threshold", _css(MARKED))),
    "boundary": (
        Mark("Right, near a border: the photo", _css(CLEAR, 150)),
        Mark("Wrong, near a border: the class it was taken for", _ANY_CLASS),
        Mark("Away from borders, or never scored", _css(DARK)),
    ),
}
