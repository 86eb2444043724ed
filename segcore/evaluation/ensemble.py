"""Several runs that answer together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.arrays import U8Image
from segcore.errors import EvaluationError
from segcore.evaluation.postprocess import Prediction, decide_into, mean_logits
from segcore.evaluation.predictor import Predictor, check_image
from segcore.runs import RunRecord, load_run
from segcore.runs.ensemble import check_same_classes
from segcore.runs.split_variant import SplitVariant

if TYPE_CHECKING:
    import torch


class Ensemble:
    """`Ensemble(runs)(image)`: the mean of the runs' softmax, called as a `Predictor` is.

    The softmax and not the logits, since the logits of two models have no common scale. Each run resizes the image to
    its own input size; their scores meet at the image's size, some rows at a time.

    Args:
        runs: Runs with the same classes in the same order, or paths of their folders.
        weights: What each counts, above 0; None is the same for all. Only their ratio matters.
        device: See `Predictor`; so are the others.
        backend: For every run.
        precision: For every run.
        tta: For every run.
        window: For every run.

    Raises:
        EvaluationError: when there are no runs, the classes differ or the weights don't fit.
        RunError: when a run or its weights can't be read.
    """

    def __init__(
        self,
        runs: Sequence[RunRecord | str | Path],
        *,
        weights: Sequence[float] | None = None,
        device: str = "auto",
        backend: str = "torch",
        precision: str = "auto",
        tta: str | None = None,
        window: int | tuple[int, int] | None = None,
    ) -> None:
        if not runs:
            raise EvaluationError("An ensemble of no runs; expected one or more.")
        self.weights = _shares(weights, len(runs))
        self.members = tuple(
            Predictor(run, device=device, backend=backend, precision=precision, tta=tta, window=window) for run in runs
        )
        self.labels = self.members[0].labels
        for member in self.members[1:]:
            check_same_classes(self.members[0].run, member.run)

    def stored_as(self, split: str) -> SplitVariant:
        """The name under which its results on a split are stored."""
        return self.members[0].stored_as(split)

    @property
    def variant(self) -> str:
        """The part of that name that follows the split: see `Predictor.variant`."""
        return self.members[0].variant

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know once images were predicted."""
        return tuple(dict.fromkeys(note for member in self.members for note in member.notes))

    def __call__(self, image: U8Image) -> Prediction:
        """Predict one image.

        Args:
            image: `[H, W, 3]` RGB uint8, any size.

        Raises:
            EvaluationError: as for a `Predictor`.
        """
        check_image(image)
        found = Prediction.empty(*image.shape[:2])
        # All have the same window, so their parts are of the same rows.
        for parts in zip(*(member.parts(image) for member in self.members), strict=True):
            decide_into(found, parts[0][0], [logits for _, logits in parts], weights=self.weights)
        return found

    def parts(self, image: U8Image) -> Iterator[tuple[slice, torch.Tensor]]:
        """The scores by rows of the image, as `Predictor.parts`: logits whose softmax is the members' mean.

        Yields:
            (rows of the image, `[C, rows, W]` float32 logits).

        Raises:
            EvaluationError: as for a prediction.
        """
        width = image.shape[1]
        for parts in zip(*(member.parts(image) for member in self.members), strict=True):
            top, below = parts[0][0].start, parts[0][0].stop
            for rows, logits in mean_logits([each for _, each in parts], below - top, width, self.weights):
                yield slice(top + rows.start, top + rows.stop), logits

    def warm(self, size: tuple[int, int]) -> None:
        """Get ready for images of (height, width), each member in its own input size where it has one."""
        for member in self.members:
            fed = member.run.summary.input
            member.warm((fed.height or size[0], fed.width or size[1]))


def open_predictor(
    run: RunRecord | str | Path,
    *,
    device: str = "auto",
    backend: str = "torch",
    precision: str = "auto",
    tta: str | None = None,
    window: int | tuple[int, int] | None = None,
) -> Predictor | Ensemble:
    """What predicts as a run does: a `Predictor`, or of a run that is an ensemble the `Ensemble` of its members.

    Raises:
        EvaluationError: as for a `Predictor`.
        RunError: when the run, a member or its weights can't be read.
    """
    record = run if isinstance(run, RunRecord) else load_run(run)
    how: dict[str, Any] = {"device": device, "backend": backend, "precision": precision, "tta": tta, "window": window}
    return Ensemble(record.members, **how) if record.summary.members else Predictor(record, **how)


def _shares(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    given = [1.0] * count if weights is None else list(weights)
    if len(given) != count or not all(math.isfinite(weight) and weight > 0 for weight in given):
        raise EvaluationError(f"Weights {given} for {count} runs; expected one number above 0 for each.")
    return tuple(weight / sum(given) for weight in given)
