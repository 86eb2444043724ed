"""Imported predictions as a member of an ensemble: what is stored of an image stands for a model's prediction of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from segcore.arrays import U8Image, U8Mask
from segcore.errors import EvaluationError
from segcore.evaluation.postprocess import Logits
from segcore.evaluation.predictor import PredictorOptions
from segcore.labels import LabelMap
from segcore.runs import RunRecord, run_files
from segcore.runs.prediction_images import read_prediction
from segcore.runs.probability_files import own_splits, read_probabilities, why_ids_only
from segcore.runs.remake import import_command
from segcore.runs.split_variant import SplitVariant


def stored_predictions(run: RunRecord, options: PredictorOptions) -> StoredPredictions:
    """The stored predictions of a run, which were made in one way.

    Raises:
        EvaluationError: when the options of `Predictor` ask for another way.
    """
    changed = [name for name in ("tta", "window", "backend", "precision") if options.get(name) not in (None, "auto")]
    if changed:
        raise EvaluationError(
            f"Run {run.id!r} holds imported predictions, which were made already and can't be made again with "
            f"--{' or --'.join(changed)}. Leave that out, or leave out the run."
        )
    return StoredPredictions(run)


@dataclass(frozen=True)
class StoredPredictions:
    """`StoredPredictions(run).at(sample_id)` answers as a `Predictor` of a run of imported predictions would.

    Args:
        run: The run.
        chosen: Folder of the evaluation and id of the image that is predicted; None before one is chosen.
    """

    run: RunRecord
    chosen: tuple[Path, str] | None = None

    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> LabelMap:
        """The classes."""
        return self.run.labels

    @cached_property
    def ids_only(self) -> bool:
        """Whether it gives masks without probabilities."""
        return bool(why_ids_only(self.run))

    def stored_as(self, split: str) -> SplitVariant:
        """The name under which results on a split are stored."""
        return SplitVariant(split)

    def at(self, sample_id: str) -> StoredPredictions:
        """The prediction of one image.

        Raises:
            EvaluationError: when none is stored.
        """
        splits = own_splits(self.run)
        for split in splits:
            if self.run.has_prediction(split, sample_id):
                return replace(self, chosen=(self.run.path / run_files.EVALUATION / split, sample_id))
        raise EvaluationError(
            f"Run {self.run.id!r} holds imported predictions of {', '.join(splits) or 'no split'}, and none of image "
            f"{sample_id!r}. Import those of its split too: "
            f"{import_command(self.run, 'SPLIT')}"
        )

    def mask(self, image: U8Image) -> U8Mask:
        """`[H, W]` uint8 class ids of the chosen image."""
        return read_prediction(*self._place(image))

    def parts(self, image: U8Image) -> Iterator[tuple[slice, Logits]]:
        """Logits of the chosen image in one part, as `Predictor.parts`."""
        yield slice(0, image.shape[0]), read_probabilities(*self._place(image))

    def warm(self, size: tuple[int, int]) -> None:
        """Do nothing: no model is prepared."""

    def _place(self, image: U8Image) -> tuple[Path, str]:
        if self.chosen is None:
            size = "x".join(map(str, image.shape[:2]))
            raise EvaluationError(
                f"Run {self.run.id!r} holds imported predictions and no model, so it can't predict an image of {size} "
                "that is named by no id. Choose one of its images: .at(sample_id)"
            )
        return self.chosen
