"""Predicts images of any size with a run's model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn, TypedDict, TypeVar, cast

import numpy as np

from segcore.arrays import F32Logits, U8Image, U8Mask
from segcore.data import resize
from segcore.errors import EvaluationError, first_line, unknown
from segcore.evaluation.backends import open_backend
from segcore.evaluation.backends.registry import AUTO, Coarse, backends_of, choose
from segcore.evaluation.postprocess import Logits, Prediction, as_array, decide_into, is_finite
from segcore.evaluation.standalone_inference import Taps, enlarged_argmax, joined, linear_taps
from segcore.evaluation.standalone_inference import decide as best_classes
from segcore.evaluation.tiling import fits, strips, window_of
from segcore.runs import RunRecord, load_run
from segcore.runs.cli_hints import train_again
from segcore.runs.model_required import require_model
from segcore.runs.split_variant import PLAIN, TTA, SplitVariant

T = TypeVar("T")


class PredictorOptions(TypedDict, total=False):
    """Keyword options of `Predictor`, for functions that pass them on."""

    device: str
    backend: str
    precision: str
    tta: str | None
    window: int | tuple[int, int] | None


class Predictor:
    """`Predictor(run)(image)`; threads may share a predictor.

    The image is resized to the run's input size (area where it shrinks, bilinear where it grows) and normalised as
    in training; the logits are upsampled bilinearly to the image's size before the softmax.

    With `tta="flip"` the mirrored image is predicted too, and the *logits* of both views are averaged. They have one
    scale, since they are of one model, and a mean of logits can still be interpolated and divided by a temperature.

    With a window, a larger image is cut into overlapping tiles of that size. Every tile is predicted like an image
    (resized to the run's input size), and the logits are blended where tiles overlap. A window of the size of the
    training images keeps objects at the size that they had in training.

    Args:
        run: A run, or the path of its folder.
        device: `auto` (CUDA where there is one, else the CPU) or a torch device such as `cpu` and `cuda:1`.
        backend: `torch`, `openvino` or `onnxruntime`; `auto` is torch, or for an imported file its own runtime.
        precision: `auto` (`fp32`, so that scores are comparable) or a precision of the backend, such as `bf16`.
        tta: `flip`, or None for one view.
        window: (height, width) in pixels of the image, or one number for a square; None is the whole image.

    Raises:
        RunError: when the run or its weights can't be read.
        EvaluationError: when the device does not exist, or a choice is unknown or not installed.
    """

    def __init__(
        self,
        run: RunRecord | str | Path,
        *,
        device: str = "auto",
        backend: str = AUTO,
        precision: str = "auto",
        tta: str | None = None,
        window: int | tuple[int, int] | None = None,
    ) -> None:
        if tta is not None and tta not in TTA:
            raise EvaluationError(unknown("test-time augmentation", tta, TTA))
        self.window, self.tta = window_of(window), tta
        self.run = run if isinstance(run, RunRecord) else load_run(run)
        instead = "segcore.evaluation.open_predictor takes it; or name its members: {}"
        require_model(self.run, "predict as one model does", instead)
        spec, self.precision = choose(self.run, backend, precision)
        self.backend = spec.name
        self.labels = self.run.labels
        self._model = open_backend(self.run, backend, precision, device)
        self.device, self.ids_only = self._model.device, self._model.ids_only
        if self.ids_only and (tta or window):
            self.refuse("be averaged over mirror images or tiles")
        fed = self.run.summary.input
        self._size = fed.height, fed.width

    def at(self, sample_id: str) -> Predictor:
        """This predictor, since a model needs no id of an image; `StoredPredictions.at` does."""
        return self

    def stored_as(self, split: str) -> SplitVariant:
        """The name under which results on a split are stored; that of the run's own backend says no backend."""
        backend = PLAIN if self.backend == backends_of(self.run)[0] else self.backend
        return SplitVariant(split, backend, self.precision, self.tta, self.window)

    @property
    def variant(self) -> str:
        """The part of the stored name that follows the split, e.g. `+openvino-bf16+flip`; empty by default."""
        return self.stored_as("").suffix

    @property
    def notes(self) -> tuple[str, ...]:
        """Messages for the user after a prediction, e.g. that a converted model could not be cached."""
        return self._model.notes

    def __call__(self, image: U8Image) -> Prediction:
        """Predict one image; a model that gives ids alone has NaN for confidence and entropy.

        Args:
            image: `[H, W, 3]` RGB uint8, any size.

        Raises:
            EvaluationError: when the array is no such image, the image needs too much memory, or the logits are not
                finite.
        """
        check_image(image)
        if self.ids_only:
            return Prediction.of_ids(np.asarray(self._model(self._fitted(image))), *image.shape[:2])
        prediction = Prediction.empty(*image.shape[:2])
        for rows, logits in self.parts(image):
            decide_into(prediction, rows, [logits])
        return prediction

    def mask(self, image: U8Image) -> U8Mask:
        """`[H, W]` uint8 class ids of one image, in a fraction of the time that also takes confidence and entropy.

        It is the mask of the whole prediction, except where the two best classes of a pixel are equal up to float32's
        rounding. A model that ends with a bilinear enlargement is run without it (OpenVINO), and only pixels between
        different classes are interpolated.

        Args:
            image: `[H, W, 3]` RGB uint8, any size.

        Raises:
            EvaluationError: as for a prediction.
        """
        check_image(image)
        if self.ids_only:
            return self(image).mask
        if self.tta is None and (self.window is None or fits(image, self.window)):
            fitted = self._fitted(image)
            coarse = self._run(self._model.coarse, fitted)
            if coarse is not None:
                self._checked(coarse.logits)
                return enlarged_classes(coarse, fitted.shape[:2], image.shape[:2])
        parts = [
            best_classes(as_array(logits), rows.stop - rows.start, image.shape[1]) for rows, logits in self.parts(image)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def logits(self, image: U8Image) -> F32Logits:
        """`[C, h, w]` float32 logits of an `[H, W, 3]` RGB uint8 image; raises `EvaluationError` as a prediction does.

        `decide(predictor.logits(image), height, width)` is `predictor(image)`. The logits have the size of the model's
        output; for an image larger than the window, the size of the image.
        """
        parts = [np.array(as_array(logits), np.float32) for _, logits in self.parts(image)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def parts(self, image: U8Image) -> Iterator[tuple[slice, Logits]]:
        """Logits by rows of the image, from top to bottom; without a window, the whole image in one part.

        Yields:
            (rows of the image, `[C, h, w]` float32 logits that cover them), which the next step may overwrite.

        Raises:
            EvaluationError: as for a prediction.
        """
        check_image(image)
        if self.ids_only:
            self.refuse("give logits")
        if self.window is None or fits(image, self.window):
            yield slice(0, image.shape[0]), self._scores(image)
        else:
            yield from strips(image, self.window, self._scores)

    def forward(self, image: U8Image) -> Logits | U8Mask:
        """Unchecked logits of an image of the model's input size, for timing the model alone."""
        return self._model(image)

    def warm(self, size: tuple[int, int]) -> None:
        """Run the model once on an image of (height, width), so that the first prediction is not slower."""
        self._model(np.zeros((*size, 3), np.uint8))

    def refuse(self, what: str) -> NoReturn:
        """Raise EvaluationError: a model that gives ids alone has no scores, so they can't `what`."""
        raise EvaluationError(
            f"The model of run {self.run.id!r} gives only the class of each pixel and no scores, so they can't {what}."
        )

    def _fitted(self, image: U8Image) -> U8Image:
        """The image at the size of the model's input."""
        height, width = image.shape[:2]
        # torch takes no arrays with negative strides, which a mirrored image has.
        return np.ascontiguousarray(resize(image, self._size[0] or height, self._size[1] or width))

    def _scores(self, image: U8Image) -> Logits:
        """`[C, h, w]` float32 logits on the device: of one view, or the mean of both views."""
        fitted = self._fitted(image)
        if self.tta is None:
            return self._view(fitted)
        view = self._view(np.ascontiguousarray(fitted[:, ::-1]))
        # A copy, which the next view does not overwrite.
        mirrored: Any = view[..., ::-1].copy() if isinstance(view, np.ndarray) else view.flip(2)
        total: Logits = (mirrored + self._view(fitted)) / 2
        return total

    def _logits(self, image: U8Image) -> Logits:
        """Logits in the form that is decided the fastest: tensors, but arrays of a model file, which needs no torch."""
        logits = cast("Logits", self._model(image))
        if self.run.model_file is not None:
            return logits
        import torch

        return torch.as_tensor(logits)

    def _view(self, image: U8Image) -> Logits:
        """Checked logits of an image of the model's input size."""
        return self._checked(self._run(self._logits, image))

    def _run(self, model: Callable[[U8Image], T], image: U8Image) -> T:
        try:
            return model(image)
        except (RuntimeError, MemoryError) as error:  # the only types that torch and OpenVINO raise
            size = f"{image.shape[0]}x{image.shape[1]}"
            if "memory" in str(error).lower() or isinstance(error, MemoryError):
                raise EvaluationError(
                    f"An image of {size} needs more memory than there is ({first_line(error)[:120]}). "
                    "Predict it in tiles: --window 512x512."
                ) from None
            raise EvaluationError(
                f"The model of run {self.run.id!r} can't take an image of {size}: {first_line(error)[:200]}."
            ) from error

    def _checked(self, logits: Logits) -> Logits:
        if logits.shape[0] != self.labels.classes:
            raise EvaluationError(
                f"The model of run {self.run.id!r} has {logits.shape[0]} classes, "
                f"its labels {self.labels.classes}; config.json and summary.json are not of one run."
            )
        if not is_finite(logits):
            raise EvaluationError(
                f"The model of run {self.run.id!r} gives scores that are not finite, so its training diverged. "
                f"Train it again with a lower learning rate: {train_again(self.run.path)}"
            )
        return logits


def enlarged_classes(coarse: Coarse, fed: tuple[int, ...], size: tuple[int, ...]) -> U8Mask:
    """`[H, W]` class ids at the (height, width) of an image, from coarse logits of it.

    Args:
        coarse: Logits before the model's enlargement.
        fed: (height, width) of the image as the model got it.
        size: (height, width) of the image itself.
    """
    sides = zip(coarse.logits.shape[1:], coarse.size, fed, size, strict=True)
    down, across = (_taps(*side, coarse.align_corners) for side in sides)
    return enlarged_argmax(coarse.logits, down, across)


@lru_cache(maxsize=16)
def _taps(coarse: int, padded: int, fed: int, size: int, align_corners: bool) -> Taps:
    """What a side of an image is a mean of: coarse logits are enlarged, cropped to the fed image, and resized to it."""
    first = linear_taps(coarse, padded, align_corners=align_corners)
    first = Taps(first.starts[:fed], first.weights[:, :fed])
    return first if size == fed else joined(linear_taps(fed, size), first)


def check_image(image: U8Image) -> None:
    """Raise EvaluationError unless the array is `[H, W, 3]` uint8 with at least one pixel."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise EvaluationError(
            f"Can't predict an image of {image.dtype} {list(image.shape)}; expected uint8 [H, W, 3] RGB."
        )
