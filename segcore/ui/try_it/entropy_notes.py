"""Tells whether a model's entropy on an uploaded image is unusual for that model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from segcore.errors import SegcoreError
from segcore.evaluation.entropy_check import EntropyCheck, check_entropy
from segcore.runs import RunRecord
from segcore.ui.shell import run_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.try_it.model_answers import ModelAnswer


class EntropyNote(NamedTuple):
    """How a model's entropy on the image compares with that on stored images.

    Args:
        run: The model's run.
        split: Name of the split that the image is compared with.
        check: The comparison; None where no entropy is stored.
        ids_only: Whether the model gives no probabilities.
    """

    run: RunRecord
    split: str
    check: EntropyCheck | None
    ids_only: bool = False


def compare_entropy(answers: Sequence[ModelAnswer]) -> list[EntropyNote]:
    """Compare the entropy of each usable answer with that of the run's stored images."""
    return [_compare(answer) for answer in answers if answer.mask is not None]


def _compare(answer: ModelAnswer) -> EntropyNote:
    """Compare with validation images, which the model was chosen by but not trained on; else with test images."""
    if answer.confidence_levels is None:
        return EntropyNote(answer.run, "", None, ids_only=True)
    for split, title in (("val", "validation"), ("test", "test")):
        try:
            evaluation = run_cache.evaluation(answer.run, split)
        except SegcoreError:
            continue
        if evaluation is not None:
            comparison = check_entropy(answer.entropy, evaluation.of_images("entropy"))
            if comparison is not None:
                return EntropyNote(answer.run, title, comparison)
    return EntropyNote(answer.run, "", None)


def warn_if_unfamiliar(context: AppContext, notes: Sequence[EntropyNote]) -> None:
    """Warn above the panels that the image may be unlike what models were trained on, as far as entropy can tell."""
    sentences = [
        f"**{_title(context, note)}** is {note.check.sentence(note.split)}."
        for note in notes
        if note.check and note.check.unusual
    ]
    if sentences:
        models = "this model knows" if len(notes) == 1 else f"{len(sentences)} of {len(notes)} models know"
        st.warning("  \n".join([f"This image may be outside what {models}.", *sentences]))


def explain_entropy(context: AppContext, notes: Sequence[EntropyNote]) -> None:
    """Say below the panels how confident the other models are, and what entropy can't tell."""
    for split in ("validation", "test"):
        usual = [
            f"{_title(context, note)} ({note.check.sentence(split)})"
            for note in notes
            if note.check and note.split == split and not note.check.unusual
        ]
        if usual:
            st.caption(f"As confident as on {split} images: {'; '.join(usual)}.")
    ids_only = [_title(context, note) for note in notes if note.ids_only]
    if ids_only:
        st.caption(
            f"No confidence to compare, because only the class of each pixel is predicted: {', '.join(ids_only)}."
        )
    unknown = [_title(context, note) for note in notes if note.check is None and not note.ids_only]
    if unknown:
        st.caption(f"Can't be compared, because no entropy of other images is stored: {', '.join(unknown)}.")
    if notes:
        st.caption(
            "Entropy shows doubt, not mistakes: a model can be confident and wrong about things it has never seen. "
            "Times are for this image on this machine, with the model loaded; `segcore profile` measures "
            "them properly."
        )


def _title(context: AppContext, note: EntropyNote) -> str:
    return escape_markdown(context.titles[note.run.id])
