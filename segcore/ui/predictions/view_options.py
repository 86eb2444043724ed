"""How the predictions are looked at: the choices above the pictures, each in the link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from segcore.evaluation.image_ranking import Mistake
from segcore.labels import LabelMap
from segcore.metrics.boundary import BAND, BAND_PX, band_width
from segcore.ui.shell import url_state
from segcore.ui.shell.link_problems import describe_missing

VIEWS = {
    "overlay": "Class colours over the photo.",
    "mask": "Class colours alone.",
    "contour": "The borders of the regions.",
    "error": "Right = faded photo, wrong = the colour of the class it was taken for, hatched = never scored.",
    "disagreement": "What each model says where they differ.",
    "confidence": "How sure a model is; what is below the threshold is marked.",
    "boundary": "Errors in the band along the true borders; the rest is dark.",
}
ERRORS = {"class": "taken for", "verdict": "right or wrong"}
MEASURES = {"answers": "number of answers", "entropy": "vote entropy"}
BANDS = {"narrow": f"{BAND_PX} px", "diagonal": f"{100 * BAND:.0f} % of the diagonal"}


@dataclass(frozen=True)
class ViewOptions:
    """What the pictures of the predictions page show.

    Args:
        view: One of `VIEWS`.
        errors: One of `ERRORS`: what a wrong pixel is coloured by.
        measure: One of `MEASURES`, of disagreement.
        band: One of `BANDS`, along true borders.
        lit: The one kind of mistake that is lit; None for all.
        hidden: Class ids that are not coloured.
    """

    view: str = "overlay"
    errors: str = "class"
    measure: str = "answers"
    band: str = "narrow"
    lit: Mistake | None = None
    hidden: frozenset[int] = frozenset()

    def band_width(self, shape: tuple[int, ...]) -> int:
        """Pixels on each side of a true border, for a mask of this shape."""
        return BAND_PX if self.band == "narrow" else band_width(*shape[:2])


def chosen(labels: LabelMap, hidden: frozenset[int]) -> ViewOptions:
    """The row of views, and beside it what belongs to the one that is chosen."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        view = _choice("View", "view", tuple(VIEWS), help="  \n".join(f"**{k}**: {v}" for k, v in VIEWS.items()))
        errors, measure, band = next(iter(ERRORS)), next(iter(MEASURES)), next(iter(BANDS))
        lit = _lit(labels) if view == "error" else None
        if view == "error" and lit is None:
            errors = _choice("Wrong pixels", "errors", ERRORS)
        if view == "disagreement":
            measure = _choice("Agreement shows", "measure", MEASURES)
        if view == "boundary":
            band = _choice(
                "Width of the band", "band", BANDS, help="On each side of a border between two true classes."
            )
    return ViewOptions(view, errors, measure, band, lit, hidden)


def pair(names: Mapping[str, str]) -> tuple[str, str] | None:
    """The two pictures to swipe between, by name; None while all stand side by side.

    Args:
        names: Name -> title of every picture.
    """
    options = list(names)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        on = st.toggle(
            "Swipe", **url_state.bound("swipe", False), help="Two pictures on one another, and a line to drag."
        )
        if not on or len(options) < 2:
            return None
        first = options[1]
        second = next((name for name in options[2:] if name != "agreement"), options[0])
        with st.container(horizontal=True, gap="small", width="content"):
            left = _picture("Left picture", "left", first, names)
            right = _picture("Right picture", "right", second, names)
    return left, right


def split(splits: Sequence[str]) -> None:
    """The choice of the split whose predictions are looked at, where there are several."""
    if len(splits) > 1:
        _choice("Split", "split", splits)


def _lit(labels: LabelMap) -> Mistake | None:
    """The kind of mistake that the link asks for, named on a button that ends it."""
    asked = url_state.get("lit", "")
    found = Mistake.parse(asked, labels)
    if found is None:
        if asked:
            url_state.report_problem("lit", describe_missing("lit", [asked]))
        url_state.forget("lit")
        return None
    st.button(
        found.sentence(labels),
        icon=":material/close:",
        type="tertiary",
        on_click=url_state.forget,
        args=("lit",),
        help="Only these pixels are lit. Click to see every mistake.",
    )
    return found


def _picture(label: str, name: str, default: str, names: Mapping[str, str]) -> str:
    return st.selectbox(
        label,
        list(names),
        format_func=lambda option: names[option],
        **url_state.bound(name, default, list(names)),
        label_visibility="collapsed",
        width=170,
    )


def _choice(label: str, name: str, options: Mapping[str, str] | Sequence[str], help: str | None = None) -> str:
    keys = list(options)
    titles = options if isinstance(options, Mapping) else {key: key for key in keys}
    picked = st.segmented_control(
        label,
        keys,
        required=True,
        format_func=lambda key: titles[key],
        **url_state.bound(name, keys[0], keys),
        label_visibility="collapsed",
        help=help,
    )
    return picked or keys[0]
