"""The try-it page: one's own image through the chosen models. Here alone the app runs a model, and imports torch."""

from __future__ import annotations

import hashlib
import io
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import streamlit as st

from segcore.data import Sample, read_upload
from segcore.data.upload import MAX_BYTES, Upload
from segcore.errors import SegcoreError
from segcore.evaluation.entropy_check import EntropyCheck, check_entropy
from segcore.labels import LabelMap
from segcore.runs import RunRecord
from segcore.runs.run_files import file_name
from segcore.ui.augment.sample_input import TYPES
from segcore.ui.shell import run_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.image_cache import PHOTO_WIDTH
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.shell.run_cache import RunKey
from segcore.ui.widgets.viewer import Panel, Plane, Reading
from segcore.visual import encode_disagreement, encode_layer, encode_png, unanimous
from segcore.visual.layers import quantized

if TYPE_CHECKING:
    from segcore.evaluation import Ensemble, Predictor

VIEWS = ("overlay", "mask", "confidence")
MOST_MODELS = 8  # kept in memory; as many as can be ticked
_OWN = "try:own"


class UploadedFile(NamedTuple):
    """The file somebody chose; it stays until it is taken away, whichever pages are looked at."""

    image: bytes
    name: str

    @property
    def digest(self) -> str:
        """What it is known by to the caches."""
        return hashlib.sha256(self.image + self.name.encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class ModelAnswer:
    """What one model made of the image.

    Args:
        run: The model.
        mask: `[H, W]` uint8 ids, read-only; None where it can't be used.
        levels: `[H, W]` uint8 confidence in steps of 1/100.
        confidence: Its mean over the image, 0..1.
        entropy: The mean entropy, 0..1.
        milliseconds: From the image to the mask, the model being loaded.
        problem: Why it can't be used.
    """

    run: RunRecord
    mask: npt.NDArray[np.uint8] | None = None
    levels: npt.NDArray[np.uint8] | None = None
    confidence: float = float("nan")
    entropy: float = float("nan")
    milliseconds: float = float("nan")
    problem: str = ""


def drop() -> UploadedFile | None:
    """Where an image is dropped; what was dropped last."""
    megabytes = MAX_BYTES // 2**20
    st.file_uploader(
        "Your image", TYPES, key="try:file", max_upload_size=megabytes, on_change=_take, label_visibility="collapsed"
    )
    own: UploadedFile | None = st.session_state.get(_OWN)
    return own


def _take() -> None:
    given = st.session_state["try:file"]
    if given is None:
        st.session_state.pop(_OWN, None)
    else:
        st.session_state[_OWN] = UploadedFile(given.getvalue(), given.name)


def read(own: UploadedFile, labels: LabelMap) -> Sample | None:
    """The image, upright and at most a screen large; None where it can't be used, which is said."""
    try:
        found = _read(own.digest, repr(labels.to_dict()), own, labels)
    except SegcoreError as error:
        st.error(str(error), icon=":material/error:")
        return None
    height, width = found.sample.size
    # An upload of the lab has a mask; here none is wanted.
    notes = [note for note in found.notes if not note.startswith("no mask")]
    st.caption(" · ".join([f"{found.sample.id}, {width} × {height}", *notes]))
    return found.sample


@st.cache_resource(max_entries=8, show_spinner="Reading your picture")
def _read(digest: str, classes: str, _own: UploadedFile, _labels: LabelMap) -> Upload:
    return read_upload(_own.image, _own.name, _labels)


def answers(runs: Sequence[RunRecord], own: UploadedFile, sample: Sample) -> list[ModelAnswer]:
    """What each run's model makes of the image, one after the other; what can't be used says why."""
    found = []
    for run in runs:
        with st.spinner(f"{run.title} looks at it", show_time=True):
            try:
                found.append(_tried(RunKey.of(run), own.digest, run, sample))
            except SegcoreError as error:  # not kept: a disk that was full, a member put back
                found.append(ModelAnswer(run, problem=str(error)))
    return found


@st.cache_resource(max_entries=4 * MOST_MODELS, show_spinner=False)
def _tried(key: RunKey, digest: str, _run: RunRecord, _sample: Sample) -> ModelAnswer:
    predictor = _predictor(key, _run)
    began = time.perf_counter()
    found = predictor(_sample.image)
    milliseconds = 1000 * (time.perf_counter() - began)
    found.mask.flags.writeable = False
    return ModelAnswer(
        _run,
        found.mask,
        quantized(found.confidence),
        float(found.confidence.mean()),
        float(found.entropy.mean()),
        milliseconds,
    )


@st.cache_resource(max_entries=MOST_MODELS, show_spinner=False)
def _predictor(key: RunKey, _run: RunRecord) -> Predictor | Ensemble:
    """A loaded model, in `eval()`, shared by all sessions and changed by none."""
    from segcore.evaluation import open_predictor

    predictor = open_predictor(_run)
    size = _run.summary.input
    predictor.warm((size.height or 256, size.width or 256))
    return predictor


def panels(view: AppContext, tried: Sequence[ModelAnswer], mode: str) -> list[Panel]:
    """The image, where the models agree, and each model's answer with its mean confidence and time."""
    shown = [Panel("Your image", photo="image")]
    masks = [each.mask for each in _alike(tried) if each.mask is not None]
    if len(masks) > 1:
        same = float(unanimous(masks).mean())
        layer = encode_disagreement(masks, width=PHOTO_WIDTH)
        shown.append(Panel("Agreement", f"all agree on {100 * same:.0f} %", "image", layer, fixed=True))
    return shown + [_panel(view, each, mode) for each in tried]


def _panel(view: AppContext, each: ModelAnswer, mode: str) -> Panel:
    title, color = view.titles[each.run.id], view.colors[each.run.id]
    if each.mask is None:
        return Panel(title, photo="image", color=color, problem=each.problem)
    note = f"{100 * each.confidence:.0f} % sure · {each.milliseconds:.0f} ms"
    if mode == "confidence":
        return Panel(title, note, photo="image", color=color, doubt=each.run.id)
    labels = each.run.labels
    same = view.dataset is not None and view.dataset.labels.names == labels.names
    visible = set(range(labels.classes)) - (view.hidden if same else set())
    layer = encode_layer(each.mask, labels, visible=visible, width=PHOTO_WIDTH)
    return Panel(title, note, None if mode == "mask" else "image", layer, fixed=mode == "mask", color=color)


def _alike(tried: Sequence[ModelAnswer]) -> list[ModelAnswer]:
    """Those with the classes of the first: ids of others mean something else."""
    usable = [each for each in tried if each.mask is not None]
    return [each for each in usable if each.run.labels.names == usable[0].run.labels.names]


def readings(view: AppContext, tried: Sequence[ModelAnswer]) -> tuple[list[Reading], LabelMap | None]:
    """What is said of the point under the cursor, of models with the same classes, and those classes."""
    found = [
        Reading(
            each.run.id,
            view.titles[each.run.id],
            view.colors[each.run.id],
            Plane.of(each.mask),
            Plane.of(each.levels),
        )
        for each in _alike(tried)
        if each.mask is not None and each.levels is not None
    ]
    return found, _alike(tried)[0].run.labels if found else None


def known(run: RunRecord, entropy: float) -> tuple[str, EntropyCheck | None]:
    """(split, where the image stands) among images that the model was not trained on but chosen by; else of `test`."""
    for split in ("val", "test"):
        try:
            evaluation = run_cache.evaluation(run, split)
        except SegcoreError:
            continue
        if evaluation is not None:
            found = check_entropy(entropy, evaluation.of_images("entropy"))
            if found is not None:
                return {"val": "validation"}.get(split, split), found
    return "", None


def told(tried: Sequence[ModelAnswer]) -> list[tuple[ModelAnswer, str, EntropyCheck | None]]:
    """(answer, split, where the image stands among the images of that split) of every model that could be used."""
    return [(each, *known(each.run, each.entropy)) for each in tried if each.mask is not None]


def warn(view: AppContext, found: Sequence[tuple[ModelAnswer, str, EntropyCheck | None]]) -> None:
    """Say at once that the image may be outside what models know, as far as their entropy can tell."""
    strange = [(each, split, where) for each, split, where in found if where and where.unusual]
    if strange:
        lines = [
            f"**{escape_markdown(view.titles[each.run.id])}** is {where.sentence(split)}."
            for each, split, where in strange
        ]
        of = "this model knows" if len(found) == 1 else f"{len(strange)} of {len(found)} models know"
        st.warning("  \n".join([f"This image may be outside what {of}.", *lines]))


def explain(view: AppContext, found: Sequence[tuple[ModelAnswer, str, EntropyCheck | None]]) -> None:
    """How sure the other models are against what they are used to, and what that can't tell."""
    usual = [
        f"{escape_markdown(view.titles[each.run.id])} ({where.sentence(split)})"
        for each, split, where in found
        if where and not where.unusual
    ]
    if usual:
        st.caption(f"Not less sure than they are used to be: {'; '.join(usual)}.")
    untold = [escape_markdown(view.titles[each.run.id]) for each, _, where in found if where is None]
    if untold:
        st.caption(f"Nothing to compare with, since no entropy of other images is stored: {', '.join(untold)}.")
    if found:
        st.caption(
            "Entropy shows doubt, not mistakes: a model can be sure, and wrong, of what it has never seen. Times are "
            "of this image on this machine, the model being loaded, in PyTorch; `segcore profile` measures them well."
        )


def masks_zip(own: UploadedFile, tried: Sequence[ModelAnswer]) -> bytes:
    """Every model's mask as a palette PNG, and the classes of its ids."""
    usable = [each for each in tried if each.mask is not None]
    return _zip(tuple((RunKey.of(each.run), own.digest) for each in usable), usable)


@st.cache_data(max_entries=8, show_spinner=False)
def _zip(keys: tuple[tuple[RunKey, str], ...], _tried: Sequence[ModelAnswer]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for each in _tried:
            assert each.mask is not None
            archive.writestr(file_name(each.run.id), encode_png(each.mask, each.run.labels.palette))
            rows = [
                f"{index},{name},{','.join(map(str, color))}"
                for index, (name, color) in enumerate(zip(each.run.labels.names, each.run.labels.colors, strict=True))
            ]
            archive.writestr(f"{each.run.id}-classes.csv", "\n".join(["id,name,r,g,b", *rows, ""]))
    return buffer.getvalue()
