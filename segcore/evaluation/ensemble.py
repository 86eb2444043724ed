"""Predicts with several runs together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from segcore.arrays import U8Image, U8Mask
from segcore.errors import EvaluationError
from segcore.evaluation.postprocess import Prediction, decide_into, mean_logits
from segcore.evaluation.predictor import Predictor, PredictorOptions, check_image
from segcore.runs import RunRecord, load_run
from segcore.runs.ensemble import check_same_classes
from segcore.runs.split_variant import SplitVariant

if TYPE_CHECKING:
    import torch


class Ensemble:
    """`Ensemble(runs)(image)`: predicts with the mean of the runs' softmax; it is called like a `Predictor`.

    The softmax is averaged and not the logits, since the logits of two models have no common scale. Each run resizes
    the image to its own input size; the runs' scores are combined at the image's size, some rows at a time.

    Args:
        runs: Runs with the same classes in the same order, or paths of their folders.
        weights: Weight of each run, above 0; None weighs all alike. Only their ratio matters.
        options: Options of `Predictor`, the same for every run: device, backend, precision, tta, window.

    Raises:
        EvaluationError: when there are no runs, the classes differ or the weights don't fit.
        RunError: when a run or its weights can't be read.
    """

    ids_only = False

    def __init__(
        self,
        runs: Sequence[RunRecord | str | Path],
        *,
        weights: Sequence[float] | None = None,
        **options: Unpack[PredictorOptions],
    ) -> None:
        if not runs:
            raise EvaluationError("An ensemble of no runs; expected one or more.")
        self.weights = _shares(weights, len(runs))
        self.members = tuple(Predictor(run, **options) for run in runs)
        for member in self.members:
            if member.ids_only:
                member.refuse("be averaged")
        self.labels = self.members[0].labels
        for member in self.members[1:]:
            check_same_classes(self.members[0].run, member.run)

    def stored_as(self, split: str) -> SplitVariant:
        """The name under which results on a split are stored."""
        return self.members[0].stored_as(split)

    @property
    def variant(self) -> str:
        """The part of the stored name that follows the split: see `Predictor.variant`."""
        return self.members[0].variant

    @property
    def notes(self) -> tuple[str, ...]:
        """Messages for the user after a prediction, without repeats."""
        return tuple(dict.fromkeys(note for member in self.members for note in member.notes))

    def __call__(self, image: U8Image) -> Prediction:
        """Predict one image, `[H, W, 3]` RGB uint8 of any size; raises `EvaluationError` as `Predictor` does."""
        check_image(image)
        prediction = Prediction.empty(*image.shape[:2])
        # All members have the same window, so their parts cover the same rows.
        for parts in zip(*(member.parts(image) for member in self.members), strict=True):
            decide_into(prediction, parts[0][0], [logits for _, logits in parts], weights=self.weights)
        return prediction

    def mask(self, image: U8Image) -> U8Mask:
        """`[H, W]` uint8 class ids of one image, as `Predictor.mask`; here it takes as long as the whole prediction."""
        return self(image).mask

    def parts(self, image: U8Image) -> Iterator[tuple[slice, torch.Tensor]]:
        """Logits by rows of the image, as `Predictor.parts`; their softmax is the mean of the members' softmax.

        Yields:
            (rows of the image, `[C, rows, W]` float32 logits).
        """
        width = image.shape[1]
        for parts in zip(*(member.parts(image) for member in self.members), strict=True):
            top, below = parts[0][0].start, parts[0][0].stop
            for rows, logits in mean_logits([member for _, member in parts], below - top, width, self.weights):
                yield slice(top + rows.start, top + rows.stop), logits

    def warm(self, size: tuple[int, int]) -> None:
        """Prepare the members for images of (height, width), or of their own input size where they have one."""
        for member in self.members:
            fed = member.run.summary.input
            member.warm((fed.height or size[0], fed.width or size[1]))


def open_predictor(run: RunRecord | str | Path, **options: Unpack[PredictorOptions]) -> Predictor | Ensemble:
    """A `Predictor` for a run, or an `Ensemble` of its members for a run that is an ensemble.

    Args:
        run: A run, or the path of its folder.
        options: Options of `Predictor`: device, backend, precision, tta, window.

    Raises:
        EvaluationError: as for a `Predictor`.
        RunError: when the run, a member or its weights can't be read.
    """
    record = run if isinstance(run, RunRecord) else load_run(run)
    return Ensemble(record.members, **options) if record.summary.members else Predictor(record, **options)


def _shares(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    given = [1.0] * count if weights is None else list(weights)
    if len(given) != count or not all(math.isfinite(weight) and weight > 0 for weight in given):
        raise EvaluationError(f"Weights {given} for {count} runs; expected one number above 0 for each.")
    return tuple(weight / sum(given) for weight in given)
