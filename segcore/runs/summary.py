"""The schema of `summary.json`: what a run is, its scores and the cost of its training."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, FiniteFloat, field_validator

from segcore.arrays import I64
from segcore.data.open_options import absolute
from segcore.data.plan import ALL
from segcore.errors import EvaluationError, LabelError
from segcore.labels import LabelMap, is_void
from segcore.metrics import SCORES, scores
from segcore.reading import SHAPE_ERRORS
from segcore.runs.json_documents import Document

if TYPE_CHECKING:
    from segcore.data.dataset import Dataset
    from segcore.data.plan import SplitPlan

SCHEMA_VERSION: Final = 1
Status = Literal["training", "finished", "interrupted", "failed"]
Count = Annotated[int, Field(ge=0)]
Channels = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


def void_ids(labels: LabelMap) -> tuple[int, ...]:
    """Ids of the void-like classes that are scored (`--void class`); empty where void is ignored."""
    return tuple(index for index, name in enumerate(labels.names) if is_void(name))


def over(value: float | None, unit: float) -> float | None:
    """A value in a larger unit; None where it is unknown.

    >>> over(90, 60), over(None, 60)
    (1.5, None)
    """
    return None if value is None else value / unit


class DatasetInfo(Document):
    """The dataset that a run was trained on.

    Args:
        train, val, test: Number of samples before augmentation; `train_augmented` is the number after it.
        split: The method of the split.
        mask_rule: By what rule the masks were read, in words; `None` for drawn masks and older runs.
        video: Whether neighbouring ids are neighbours in time, as the data or the user stated; `None` where nobody did.
        leaks: Split -> a sentence on what its images share with the training images; empty when nothing was found,
            `None` in runs older than this check.
    """

    name: str
    source: str
    fingerprint: str
    classes: Count
    train: Count
    val: Count
    test: Count
    train_augmented: Count
    split: str
    split_fingerprint: str
    void: Literal["ignore", "class"] = "ignore"
    mask_rule: str | None = None
    video: bool | None = None
    leaks: dict[str, str] | None = None

    @property
    def validates(self) -> bool:
        """Whether anything validated the training, as `SplitPlan.validates`."""
        return self.split != ALL

    @classmethod
    def of(
        cls, dataset: Dataset, plan: SplitPlan, *, void: Literal["ignore", "class"], leaks: dict[str, str] | None
    ) -> DatasetInfo:
        """What a run keeps of an open dataset and its split."""
        return cls(
            name=dataset.name,
            source=dataset.source if dataset.source == "drive" else absolute(dataset.source),
            fingerprint=dataset.fingerprint,
            classes=dataset.labels.classes,
            split=plan.method,
            split_fingerprint=plan.fingerprint,
            void=void,
            mask_rule=dataset.mask_rule,
            video=dataset.stated,
            leaks=leaks,
            **plan.counts(),
        )


class InputInfo(Document):
    """The model's input: its size in pixels (`None`: the image's own) and the normalisation of RGB in 0..1."""

    height: Annotated[int, Field(ge=1)] | None
    width: Annotated[int, Field(ge=1)] | None
    mean: Channels
    std: Channels


class ScoreInfo(Document):
    """Scores of one split, all in 0..1; `iou` is `None` for the classes in `absent`, which the ground truth lacks.

    These fields are fixed by the format of `summary.json`; other scores are computed from the stored evaluation.
    """

    miou: FiniteFloat
    pixel_accuracy: FiniteFloat
    mean_accuracy: FiniteFloat
    mean_dice: FiniteFloat
    frequency_weighted_iou: FiniteFloat
    miou_without_void: FiniteFloat | None = None
    pixel_accuracy_without_void: FiniteFloat | None = None
    iou: tuple[FiniteFloat | None, ...]
    absent: tuple[int, ...]

    @classmethod
    def from_counts(cls, counts: I64, labels: LabelMap) -> ScoreInfo:
        """Compute the scores of confusion counts.

        Args:
            counts: `[C, C]` or `[N, C, C]`, rows = truth.
            labels: The classes; where void is one of them, mIoU and pixel accuracy are also given without it.

        Raises:
            EvaluationError: when no pixel is scored.
        """
        split_scores = scores(counts)
        if not split_scores.pixels:
            raise EvaluationError(
                f"No pixel to score: every ground-truth pixel is ignored in {labels.name}. Check the masks and --void."
            )
        values = {key: getattr(split_scores, key) for key in cls._keys() if not SCORES[key].without_void}
        void = void_ids(labels)
        for key in (key for key in cls._keys() if void and SCORES[key].without_void):
            value = float(SCORES[key].function(without=void).value(counts.reshape(-1, *counts.shape[-2:])))
            values[key] = None if math.isnan(value) else value
        iou = tuple(None if math.isnan(value) else float(value) for value in split_scores.iou)
        return cls(**values, iou=iou, absent=split_scores.absent)

    @classmethod
    def _keys(cls) -> list[str]:
        """The scores that `summary.json` stores."""
        return [key for key in SCORES if key in cls.model_fields]

    @property
    def values(self) -> dict[str, float]:
        """The known scores of all classes together, by their keys in `SCORES`."""
        return {key: value for key in self._keys() if (value := getattr(self, key)) is not None}


class Member(Document):
    """One run of an ensemble.

    Args:
        id: The run's id.
        path: The run's folder, relative to the ensemble's.
        model: The name of its model, e.g. `fcn8s`.
        created: The `created` of its summary; another one there means that the run was trained again.
    """

    id: str
    path: str
    model: str
    created: str

    def folder(self, ensemble: Path) -> Path:
        """The run's folder, which may be missing, from the folder of the ensemble."""
        return Path(os.path.normpath(ensemble / self.path))


class Imported(Document):
    """Where a run comes from that was not trained here: predictions, or the file of a model.

    Args:
        source: The folder, zip or function that made the predictions, or the file that the model came in.
        rule: How they say the class of a pixel, in words.
        resized: The (height, width) that all of them had, where they were resized to their ground truth's size.
        file: The model's file in the run's folder; None where there are only predictions.
    """

    source: str
    rule: str
    resized: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = None
    file: Literal["model.onnx", "model.xml"] | None = None


class InitInfo(Document):
    """The weights that a training started from (`--init`).

    Args:
        source: The run, folder, file or model of the hub, as it was named.
        tensors: Tensors of the model; `taken` of them come from the source, wholly or in the rows of some classes.
        classes: Class -> class of the source whose rows it took.
        fresh: Classes whose rows began fresh.
        not_taken: Why each other tensor began fresh.
        unused: Number of tensors of the source that the model has no place for.
    """

    source: str
    tensors: Count
    taken: Count
    classes: dict[str, str] = Field(default_factory=dict)
    fresh: tuple[str, ...] = ()
    not_taken: tuple[str, ...] = ()
    unused: Count = 0


class Summary(Document):
    """The whole of `summary.json`. What only a training knows is None for imported runs.

    Args:
        status: `training`, `finished`, `interrupted` (Ctrl-C; the best weights so far are kept) or `failed`.
        created: ISO 8601 time with zone.
        model: The name of the model, e.g. `fcn8s`; `ensemble` where there are members; any name of an imported one.
        members: The runs of an ensemble, which has no weights and no training of its own.
        by_vote: Whether they vote on the class of a pixel, since one of them gives no probabilities to average.
        imported: Where the predictions or the model come from that were made elsewhere; None for a training.
        encoder_weights: What the encoder began with; `None` where the whole model began with the weights of `init`.
        init: The weights that the whole model began with; `None` without `--init`.
        labels: `LabelMap.to_dict()` of the classes that the model predicts.
        best_epoch: Epoch of the kept weights, from 0; `None` before the first one has ended.
        epochs: Epochs trained so far.
        train_seconds: Wall time of training, without evaluation.
        images_per_second: Training images divided by `train_seconds`, which include validation.
        data_wait: Share of `train_seconds` in which a step waited for its batch.
        peak_memory_mb: The most memory that the training process used.
        trainable_parameters: How many of the `parameters` training could change; `None` in older runs.
        weights_sha256: Checksum of the kept weights; `None` while it trains and in older runs.
        frozen: The part of the model that was not trained, a value of the setting `freeze`; `None` in older runs.
        git_commit: Short hash of the Segcore checkout that trained it, with `+` when its code was modified; `None` for
            an installed Segcore, whose version is in `versions`.
        command: The command line as typed.
        val, test: Scores of the kept weights, at ground-truth size.
        error: Why the training failed, in one line.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    run_id: str
    status: Status
    created: str
    model: str
    members: tuple[Member, ...] = ()
    by_vote: bool = False
    imported: Imported | None = None
    encoder: str | None
    encoder_weights: str | None
    init: InitInfo | None = None
    parameters: Count | None
    trainable_parameters: Count | None = None
    weights_sha256: str | None = None
    frozen: str | None = None
    labels: dict[str, Any]
    dataset: DatasetInfo
    input: InputInfo
    best_epoch: Count | None = None
    epochs: Count | None = 0
    train_seconds: Annotated[FiniteFloat, Field(ge=0)] | None = 0.0
    images_per_second: FiniteFloat | None = None
    data_wait: FiniteFloat | None = None
    peak_memory_mb: FiniteFloat | None = None
    device: str | None = "cpu"
    precision: str | None = "32-true"
    seed: int | None = 0
    versions: dict[str, str] = Field(default_factory=dict)
    git_commit: str | None = None
    command: str | None = None
    val: ScoreInfo | None = None
    test: ScoreInfo | None = None
    error: str | None = None

    @property
    def first_weights(self) -> str:
        """What its training began with, in words: `imagenet`, `none`, or the run that `init` named."""
        return f"started from {self.init.source}" if self.init else self.encoder_weights or "none"

    @property
    def whole_train_seconds(self) -> float | None:
        """Seconds of the whole training; None where it went on from other weights, whose time is not known here."""
        return None if self.init else self.train_seconds

    def kept_epoch(self, scores: Iterable[float]) -> int | None:
        """The epoch whose weights are kept, from each epoch's validation mIoU: the first of the best.

        NaN is never the best. Where nothing validates, it is the last epoch; None where there is none.
        """
        by_epoch = dict(enumerate(scores))
        if not self.dataset.validates:
            return max(by_epoch, default=None)
        known = {epoch: score for epoch, score in by_epoch.items() if not math.isnan(score)}
        return max(known, key=known.__getitem__, default=None)

    @field_validator("labels")
    @classmethod
    def _labels_make_sense(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            LabelMap.from_dict(value)
        except (*SHAPE_ERRORS, LabelError) as error:
            raise ValueError(f"no label map ({error})") from None
        return value
