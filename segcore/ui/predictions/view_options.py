"""The controls above the panels of the predictions page, each of them in the link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from segcore.evaluation.image_ranking import Mistake
from segcore.labels import LabelMap
from segcore.metrics.boundary import BAND, BAND_PX, band_width
from segcore.ui.shell import shortcuts, url_state
from segcore.ui.shell.link_problems import describe_missing
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.choices import choose, menu, next_option

VIEWS = {
    "overlay": "Class colours over the photo.",
    "mask": "Class colours alone.",
    "contour": "The borders of the regions.",
    "error": "Right = faded photo, wrong = the colour of the class it was taken for, hatched = never scored.",
    "disagreement": "Each model's prediction where the models differ.",
    "confidence": "How confident a model is; pixels below the threshold are marked.",
    "boundary": "Errors in the band along the true borders; the rest is dark.",
}
ERRORS = {"class": "taken for", "verdict": "right or wrong"}
MEASURES = {"answers": "number of answers", "entropy": "vote entropy"}
BANDS = {"narrow": f"{BAND_PX} px", "diagonal": f"{100 * BAND:.0f} % of the diagonal"}


@dataclass(frozen=True)
class ViewOptions:
    """What the panels of the predictions page show.

    Args:
        view: One of `VIEWS`.
        errors: One of `ERRORS`: what colours a wrong pixel.
        measure: One of `MEASURES`: what the panel of agreement shows.
        band: One of `BANDS`: the width of the band along true borders.
        mistake: The one kind of mistake that is highlighted; None for all.
        hidden: Class ids that are not coloured.
    """

    view: str = "overlay"
    errors: str = "class"
    measure: str = "answers"
    band: str = "narrow"
    mistake: Mistake | None = None
    hidden: frozenset[int] = frozenset()

    def band_width(self, shape: tuple[int, ...]) -> int:
        """Return the band's pixels on each side of a true border, for a mask of this shape."""
        return BAND_PX if self.band == "narrow" else band_width(*shape[:2])


def choose_view(labels: LabelMap, hidden: frozenset[int]) -> ViewOptions:
    """Draw the row of views, and beside it the settings of the chosen one."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        view = choose("View", "view", tuple(VIEWS), help="  \n".join(f"**{k}**: {v}" for k, v in VIEWS.items()))
        next_option("view", tuple(VIEWS), "v", "view")
        errors, measure, band = next(iter(ERRORS)), next(iter(MEASURES)), next(iter(BANDS))
        mistake = _linked_mistake(labels) if view == "error" else None
        if view == "error" and mistake is None:
            errors = choose("Wrong pixels", "errors", ERRORS)
        if view == "disagreement":
            measure = choose("Agreement shows", "measure", MEASURES)
        if view == "boundary":
            band = choose("Width of the band", "band", BANDS, help="On each side of a border between two true classes.")
    return ViewOptions(view, errors, measure, band, mistake, hidden)


def choose_swipe(titles: Mapping[str, str]) -> tuple[str, str] | None:
    """Draw the switch to swiping; return the names of the two panels (name -> title) to swipe between, or None."""
    names = list(titles)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        on = st.toggle(
            "Swipe", **url_state.bound("swipe", False), help="Two pictures on top of each other, with a line to drag."
        )
        if len(names) < 2:
            return None
        shortcuts.offer("s", "swipe, or side by side", lambda _: url_state.put("swipe", not on))
        if not on:
            return None
        first = names[1]
        second = next((name for name in names[2:] if name != "agreement"), names[0])
        with st.container(horizontal=True, gap="small", width="content"):
            left = menu("Left picture", "left", titles, first, width=170)
            right = menu("Right picture", "right", titles, second, width=170)
        next_option("right", names, "m", "model", second)
    return left, right


def choose_split(splits: Sequence[str]) -> None:
    """Draw the choice of the split, where there are several."""
    if len(splits) > 1:
        choose("Split", "split", splits)


def _linked_mistake(labels: LabelMap) -> Mistake | None:
    """Return the kind of mistake that the link highlights, and draw a button that ends it."""
    name = url_state.get("lit", "")
    mistake = Mistake.parse(name, labels)
    if mistake is None:
        if name:
            url_state.report_problem("lit", describe_missing("lit", [name]))
        url_state.forget("lit")
        return None
    st.button(
        escape_markdown(mistake.sentence(labels)),
        icon=":material/close:",
        type="tertiary",
        on_click=url_state.forget,
        args=("lit",),
        help="Only these pixels are highlighted. Click to see every mistake.",
    )
    return mistake
