"""Predicts with several runs together."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from segcore.arrays import U8Image, U8Mask
from segcore.errors import EvaluationError
from segcore.evaluation.postprocess import Logits, Prediction, decide_into, mean_logits
from segcore.evaluation.predictor import Predictor, PredictorOptions, check_image
from segcore.evaluation.stored_predictions import StoredPredictions, stored_predictions
from segcore.runs import RunRecord, load_run
from segcore.runs.ensemble import check_same_classes, votes
from segcore.runs.split_variant import SplitVariant

if TYPE_CHECKING:
    import torch


class Ensemble:
    """`Ensemble(runs)(image)`: predicts with several runs together; it is called like a `Predictor`.

    The runs' softmax is averaged, and not the logits, since the logits of two models have no common scale. Each run
    resizes the image to its own input size; the runs' scores are combined at the image's size, some rows at a time.

    Where a run gives only the class of each pixel, there is nothing to average: all runs vote, and a pixel gets the
    class with the most weight of votes, of equal ones that of the first run.

    Args:
        runs: Runs with the same classes in the same order, or paths of their folders.
        weights: Weight of each run, above 0; None weighs all alike. Only their ratio matters.
        stored: Whether runs of imported predictions take part, by what is stored of them. Then `at(sample_id)` predicts
            an image of their splits, and nothing predicts any other.
        options: Options of `Predictor`, the same for every run: device, backend, precision, tta, window.

    Raises:
        EvaluationError: when there are no runs, the classes differ, the weights or options don't fit, or fewer than
            three runs vote.
        RunError: when a run or its weights can't be read.
    """

    def __init__(
        self,
        runs: Sequence[RunRecord | str | Path],
        *,
        weights: Sequence[float] | None = None,
        stored: bool = False,
        **options: Unpack[PredictorOptions],
    ) -> None:
        if not runs:
            raise EvaluationError("An ensemble of no runs; expected one or more.")
        records = [run if isinstance(run, RunRecord) else load_run(run) for run in runs]
        self.weights = _shares(weights, len(runs))
        self.ids_only = votes(records)
        for other in records[1:]:
            check_same_classes(records[0], other)
        self.members: tuple[Predictor | StoredPredictions, ...] = tuple(
            stored_predictions(run, options) if stored and run.only_predictions else Predictor(run, **options)
            for run in records
        )
        self.labels = self.members[0].labels

    def at(self, sample_id: str) -> Ensemble:
        """The ensemble that predicts one image, of which some members may have stored predictions.

        Raises:
            EvaluationError: when a member that was imported has none of this image.
        """
        ensemble = copy.copy(self)
        ensemble.members = tuple(member.at(sample_id) for member in self.members)
        return ensemble

    def stored_as(self, split: str) -> SplitVariant:
        """The name under which results on a split are stored."""
        return self.members[0].stored_as(split)

    @property
    def variant(self) -> str:
        """The part of the stored name that follows the split: see `Predictor.variant`."""
        return self.stored_as("").suffix

    @property
    def notes(self) -> tuple[str, ...]:
        """Messages for the user after a prediction, without repeats."""
        return tuple(dict.fromkeys(note for member in self.members for note in member.notes))

    def __call__(self, image: U8Image) -> Prediction:
        """Predict one image, `[H, W, 3]` RGB uint8 of any size; raises `EvaluationError` as `Predictor` does."""
        check_image(image)
        if self.ids_only:
            mask = majority([member.mask(image) for member in self.members], self.weights)
            return Prediction.of_ids(mask, *image.shape[:2])
        prediction = Prediction.empty(*image.shape[:2])
        for rows, parts in self._together(image):
            decide_into(prediction, rows, parts, weights=self.weights)
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
        for place, parts in self._together(image):
            for rows, logits in mean_logits(parts, place.stop - place.start, width, self.weights):
                yield slice(place.start + rows.start, place.start + rows.stop), logits

    def _together(self, image: U8Image) -> Iterator[tuple[slice, list[Logits]]]:
        """Rows of the image with the logits of each member; with one window for all, their parts cover the same."""
        for parts in zip(*(member.parts(image) for member in self.members), strict=True):
            yield parts[0][0], [logits for _, logits in parts]

    def warm(self, size: tuple[int, int]) -> None:
        """Prepare the members for images of (height, width), or of their own input size where they have one."""
        for member in self.members:
            fed = member.run.summary.input
            member.warm((fed.height or size[0], fed.width or size[1]))


def open_predictor(
    run: RunRecord | str | Path, *, stored: bool = False, **options: Unpack[PredictorOptions]
) -> Predictor | Ensemble:
    """A `Predictor` for a run, or an `Ensemble` of its members for a run that is an ensemble.

    Args:
        run: A run, or the path of its folder.
        stored: As for `Ensemble`.
        options: Options of `Predictor`: device, backend, precision, tta, window.

    Raises:
        EvaluationError: as for a `Predictor`, and when an ensemble that averaged has to vote now, or the reverse.
        RunError: when the run, a member or its weights can't be read.
    """
    record = run if isinstance(run, RunRecord) else load_run(run)
    if not record.summary.members:
        return Predictor(record, **options)
    ensemble = Ensemble(record.members, stored=stored, **options)
    if ensemble.ids_only != record.summary.by_vote:
        now, before = ("vote", "were averaged") if ensemble.ids_only else ("are averaged", "voted")
        raise EvaluationError(
            f"The members of {record.id!r} {now} now, and {before} when it was made, since one of them was imported "
            "again. Make another: segcore evaluate RUN --with RUN --name NAME"
        )
    return ensemble


def majority(masks: Sequence[U8Mask], weights: Sequence[float]) -> U8Mask:
    """`[H, W]` uint8: of each pixel the class with the most weight of votes; of equal ones that of the first mask.

    >>> a, b, c = np.array([[0, 1, 2, 3]]), np.array([[0, 1, 4, 5]]), np.array([[0, 6, 4, 7]])
    >>> majority([a, b, c], [1, 1, 1])
    array([[0, 1, 4, 3]])
    >>> majority([a, b, c], [1, 1, 3])
    array([[0, 6, 4, 7]])
    """
    stack = np.stack(masks)
    support = [sum(weight * (stack == mask)[n] for n, weight in enumerate(weights)) for mask in masks]
    return np.take_along_axis(stack, np.argmax(support, axis=0)[None], axis=0)[0]


def _shares(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    given = [1.0] * count if weights is None else list(weights)
    if len(given) != count or not all(math.isfinite(weight) and weight > 0 for weight in given):
        raise EvaluationError(f"Weights {given} for {count} runs; expected one number above 0 for each.")
    return tuple(weight / sum(given) for weight in given)
