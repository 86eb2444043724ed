"""`summary.json`: what a run is, what it scored and what it cost."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator

from segcore.errors import EvaluationError, LabelError
from segcore.labels import LabelMap
from segcore.metrics import scores

SCHEMA_VERSION: Final = 1
Status = Literal["training", "finished", "interrupted", "failed"]
Count = Annotated[int, Field(ge=0)]
Channels = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


def void_ids(labels: LabelMap) -> tuple[int, ...]:
    """Ids of void-like classes that are *scored* (`--void class`); empty where void is ignored."""
    from segcore.data.class_lists import is_void

    return tuple(index for index, name in enumerate(labels.names) if is_void(name))


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class DatasetInfo(_Frozen):
    """What it was trained on. `train`, `val`, `test` count samples before augmentation, `train_augmented` after.

    `leaks` is what speaks against scores on a split, in a sentence each; empty when it was looked for and not found,
    `None` in a run from before it was looked for. `video` is whether neighbouring ids are neighbours in time, as the
    data or its user said; `None` where nobody did.
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
    video: bool | None = None
    leaks: dict[str, str] | None = None


class InputInfo(_Frozen):
    """What the model is fed: size in pixels (`None`: the image's own) and RGB normalisation in 0..1."""

    height: Annotated[int, Field(ge=1)] | None
    width: Annotated[int, Field(ge=1)] | None
    mean: Channels
    std: Channels


class ScoreInfo(_Frozen):
    """Scores of one split, all in 0..1; `iou` is `None` for the classes named in `absent`."""

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
    def from_counts(cls, counts: npt.NDArray[np.int64], labels: LabelMap) -> ScoreInfo:
        """Score confusion counts.

        Args:
            counts: `[C, C]` or `[N, C, C]`, rows = truth.
            labels: Their classes; where void is one of them, mIoU and pixel accuracy are also given without it.

        Raises:
            EvaluationError: when not one pixel is scored.
        """
        found = scores(counts)
        if not found.pixels:
            raise EvaluationError(
                f"No pixel to score: every ground-truth pixel is ignored in {labels.name}. Check the masks and --void."
            )
        void = void_ids(labels)
        without_void = scores(counts, without=void) if void else None
        return cls(
            miou=found.miou,
            pixel_accuracy=found.pixel_accuracy,
            mean_accuracy=found.mean_accuracy,
            mean_dice=found.mean_dice,
            frequency_weighted_iou=found.frequency_weighted_iou,
            miou_without_void=without_void.miou if without_void and without_void.pixels else None,
            pixel_accuracy_without_void=without_void.pixel_accuracy if without_void and without_void.pixels else None,
            iou=tuple(None if math.isnan(value) else float(value) for value in found.iou),
            absent=found.absent,
        )


class Member(_Frozen):
    """One run of an ensemble.

    Args:
        id: Its id.
        path: Its folder, from that of the ensemble.
        model: Its name in the zoo.
        created: As its summary has it, which tells whether it was trained again.
    """

    id: str
    path: str
    model: str
    created: str


class Summary(_Frozen):
    """The whole of `summary.json`.

    Args:
        status: `training`, `finished`, `interrupted` (Ctrl-C, best so far kept) or `failed` (see `error`).
        created: ISO 8601 time with zone.
        model: Name in the zoo, e.g. `fcn8s`; `ensemble` where it has members.
        members: The runs whose answers are averaged; it has no weights and no training of its own then.
        labels: `LabelMap.to_dict()` of what the model predicts.
        best_epoch: Epoch of the kept weights, from 0; `None` before the first validation.
        epochs: Epochs trained so far.
        train_seconds: Wall time of training, without evaluation.
        images_per_second: Training images by `train_seconds`, validation included in those.
        data_wait: Share of `train_seconds` in which a step waited for its batch.
        peak_memory_mb: Most memory that the training process held.
        trainable_parameters: Those of `parameters` that training could change; `None` where it was not written down.
        frozen: What of the model was held, by the word of the setting `freeze`; likewise.
        git_commit: Short hash of the Segcore checkout that trained it, with `+` when its code differed; `None` for an
            installed Segcore, which `versions` tells.
        command: The command line as typed.
        val, test: Scores of the kept weights, at ground-truth size.
        error: Why it failed, one line.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    run_id: str
    status: Status
    created: str
    model: str
    members: tuple[Member, ...] = ()
    encoder: str
    encoder_weights: str | None
    parameters: Count
    trainable_parameters: Count | None = None
    frozen: str | None = None
    labels: dict[str, Any]
    dataset: DatasetInfo
    input: InputInfo
    best_epoch: Count | None = None
    epochs: Count = 0
    train_seconds: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    images_per_second: FiniteFloat | None = None
    data_wait: FiniteFloat | None = None
    peak_memory_mb: FiniteFloat | None = None
    device: str = "cpu"
    precision: str = "32-true"
    seed: int = 0
    versions: dict[str, str] = {}
    git_commit: str | None = None
    command: str | None = None
    val: ScoreInfo | None = None
    test: ScoreInfo | None = None
    error: str | None = None

    @field_validator("labels")
    @classmethod
    def _labels_make_sense(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            LabelMap.from_dict(value)
        except (KeyError, TypeError, ValueError, LabelError) as error:
            raise ValueError(f"no label map ({error})") from None
        return value
