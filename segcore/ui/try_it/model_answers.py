"""Runs the chosen models on an uploaded image. Here alone the app runs a model, and imports torch."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import streamlit as st

from segcore.arrays import U8Image, U8Mask
from segcore.data import Sample
from segcore.errors import EvaluationError, SegcoreError
from segcore.runs import RunRecord
from segcore.runs.run_files import file_name
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.shell.run_cache import HASH_FUNCS
from segcore.ui.widgets.image_upload import UploadedFile
from segcore.visual import encode_png
from segcore.visual.layers import quantized

if TYPE_CHECKING:
    from segcore.evaluation import Ensemble, Predictor

P = ParamSpec("P")
R = TypeVar("R")
MAX_MODELS = 8  # kept in memory; as many as can be ticked
# Models run one after the other, whoever asks: each uses all cores, and what it works with is kept by thread.
_MODELS = ThreadPoolExecutor(1, "models")
LONGEST_WAIT = 300.0  # s until a page says that no answer comes


@dataclass(frozen=True, eq=False)
class ModelAnswer:
    """What one model predicts for an uploaded image, or why it can't.

    Args:
        run: The model's run.
        mask: `[H, W]` uint8 ids, read-only; None where the model can't be used.
        confidence_levels: `[H, W]` uint8 confidence in steps of 1/100; None where the model gives classes alone.
        confidence: Mean confidence over the image, 0..1; NaN where the model gives classes alone.
        entropy: Mean entropy over the image, 0..1; NaN likewise.
        milliseconds: Time from the image to the mask, with the model already loaded.
        error: Why the model can't be used; None where it can.
    """

    run: RunRecord
    mask: U8Mask | None = None
    confidence_levels: U8Mask | None = None
    confidence: float = float("nan")
    entropy: float = float("nan")
    milliseconds: float = float("nan")
    error: SegcoreError | None = None


def predict_all(runs: Sequence[RunRecord], file: UploadedFile, sample: Sample) -> list[ModelAnswer]:
    """Run each run's model on the image, one after the other; a model that can't be used says why.

    Args:
        runs: The runs whose models are used.
        file: The uploaded file, the key in the cache.
        sample: The decoded image.
    """
    answers = []
    for run in runs:
        with st.spinner(f"{escape_markdown(run.title)} is predicting", show_time=True):
            try:
                answers.append(_predict(run, file.digest, sample))
            except SegcoreError as error:  # not cached: a full disk or a missing ensemble member may be mended
                answers.append(ModelAnswer(run, error=error))
    return answers


@st.cache_resource(max_entries=4 * MAX_MODELS, show_spinner=False, hash_funcs=HASH_FUNCS)
def _predict(run: RunRecord, digest: str, _sample: Sample) -> ModelAnswer:
    return _in_turn(_predict_timed, run, _predictor(run), _sample.image)


def _in_turn(work: Callable[Concatenate[RunRecord, P], R], run: RunRecord, *args: P.args, **kwargs: P.kwargs) -> R:
    """Do work of a model once those before it are done.

    Raises:
        EvaluationError: when they, or it, take longer than `LONGEST_WAIT`; work that has not begun is taken back.
    """
    future = _MODELS.submit(work, run, *args, **kwargs)
    try:
        return future.result(LONGEST_WAIT)
    except TimeoutError:
        if future.done():  # the work's own
            raise
        future.cancel()
        raise EvaluationError(
            f"{run.title} has no answer after {LONGEST_WAIT:.0f} s: it, or a model that other people use, takes that "
            "long or hangs. Try again later; if that does not help, start the app again."
        ) from None


def _predict_timed(run: RunRecord, predictor: Predictor | Ensemble, image: U8Image) -> ModelAnswer:
    start = time.perf_counter()
    prediction = predictor(image)
    milliseconds = 1000 * (time.perf_counter() - start)
    prediction.mask.flags.writeable = False
    return ModelAnswer(
        run,
        prediction.mask,
        None if predictor.ids_only else quantized(prediction.confidence),
        float(prediction.confidence.mean()),
        float(prediction.entropy.mean()),
        milliseconds,
    )


@st.cache_resource(max_entries=MAX_MODELS, show_spinner=False, hash_funcs=HASH_FUNCS)
def _predictor(run: RunRecord) -> Predictor | Ensemble:
    """Load a model in `eval()` mode; all sessions share it and none changes it."""
    return _in_turn(_load, run)


def _load(run: RunRecord) -> Predictor | Ensemble:
    from segcore.evaluation import open_predictor

    predictor = open_predictor(run)
    size = run.summary.input
    predictor.warm((size.height or 256, size.width or 256))
    return predictor


def masks_zip(file: UploadedFile, answers: Sequence[ModelAnswer]) -> bytes:
    """Zip each model's mask as a palette PNG, and the classes of its ids as CSV."""
    usable = [answer for answer in answers if answer.mask is not None]
    return _zip([answer.run for answer in usable], file.digest, usable)


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=HASH_FUNCS)
def _zip(runs: Sequence[RunRecord], digest: str, _answers: Sequence[ModelAnswer]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for run, answer in zip(runs, _answers, strict=True):
            assert answer.mask is not None
            archive.writestr(file_name(run.id), encode_png(answer.mask, run.labels.palette))
            archive.writestr(f"{run.id}-classes.csv", run.labels.to_csv())
    return buffer.getvalue()
