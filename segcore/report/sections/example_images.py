"""The part of a report that shows images: photo, ground truth, and each model's answer with its mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segcore.arrays import U8
from segcore.errors import SegcoreError
from segcore.report.image_selection import Example, choose
from segcore.report.report_data import ReportData
from segcore.visual import data_uri, encode_errors, encode_jpeg, encode_png, layer_palette
from segcore.visual.image_encoding import shrunk

if TYPE_CHECKING:
    from segcore.data import Dataset
    from segcore.evaluation.comparison import Row
    from segcore.labels import LabelMap

WIDTH = 640  # px of every picture
QUALITY = 82  # of the photos
OPACITY = 0.62  # of class colours over a photo


@dataclass(frozen=True)
class Answer:
    """A model's answer for an image.

    Args:
        row: The model.
        layer: The answer in class colours, to lie over the photo, as a data URI.
        mistakes: Its mistakes, to lie over the photo, as a data URI.
        score: mIoU of the image.
        problem: Why there are no pictures.
    """

    row: Row
    layer: str = ""
    mistakes: str = ""
    score: float = float("nan")
    problem: str = ""


@dataclass(frozen=True)
class ExampleImage:
    """An image with the answers of all models.

    Args:
        name: Unique in the page.
        rule: Why it is shown, as a heading.
        detail: The numbers behind the rule.
        id: Id of the image.
        problem: Why it can't be shown.
        photo: JPEG as a data URI.
        truth: Ground truth in class colours, to lie over the photo, as a data URI.
        width: px.
        height: px.
        answers: One a model.
    """

    name: str
    rule: str
    detail: str
    id: str
    problem: str = ""
    photo: str = ""
    truth: str = ""
    width: int = 0
    height: int = 0
    answers: Sequence[Answer] = field(default_factory=tuple)


def examples(data: ReportData, pool: int) -> dict[str, Any]:
    """The images that rules choose; or why there are none."""
    dataset = data.datasets[pool]
    if isinstance(dataset, str):
        return {"problem": dataset, "images": []}
    ranked, ids = data.drawn(pool), data.comparison.pools[pool].ids
    images, classes = [], set()
    for number, choice in enumerate(choices(data, pool)):
        name, sample_id = f"photo-{pool}-{number}", ids[choice.place]
        head = (name, choice.rule, f"{choice.detail[0].upper()}{choice.detail[1:]}.", sample_id)
        try:
            photo, truth = dataset.image(sample_id), dataset.mask(sample_id)
        except SegcoreError as error:
            images.append(ExampleImage(*head, problem=str(error)))
            continue
        classes |= set(np.unique(truth).tolist())
        width = min(WIDTH, truth.shape[1])
        images.append(
            ExampleImage(
                *head,
                photo=data_uri(encode_jpeg(photo, width=WIDTH, quality=QUALITY)),
                truth=data_uri(_layer(truth, dataset.labels)),
                width=width,
                height=round(truth.shape[0] * width / truth.shape[1]),
                answers=[_answer(data, row, sample_id, truth, dataset.labels) for row in ranked],
            )
        )
    return {"problem": "", "images": images, "classes": _legend(dataset, classes)}


def choices(data: ReportData, pool: int) -> list[Example]:
    """The images that rules choose from the scores of all models; their places are those in the pool's ids."""
    rows = data.by_validation(pool)[: len(data.drawn(pool))]
    values = np.array([data.comparison.image_values(row) for row in rows])
    validated = all(data.validation(row) >= 0 for row in rows[:2])
    pair = "the two best by validation" if validated else ""
    return choose(values, [row.title for row in rows], data.examples, pair=pair)


def _legend(dataset: Dataset, classes: set[int]) -> list[tuple[str, tuple[int, int, int]]]:
    """(name, colour) of the classes that are seen."""
    named = zip(dataset.labels.names, dataset.labels.colors, strict=True)
    return [entry for index, entry in enumerate(named) if index in classes]


def _answer(data: ReportData, row: Row, sample_id: str, truth: U8, labels: LabelMap) -> Answer:
    try:
        evaluation = data.comparison.evaluation_of(row, sample_id)
        prediction = evaluation.prediction(sample_id)
        mistakes = encode_errors(prediction, truth, labels, width=WIDTH)
        layer, value = _layer(prediction, labels), evaluation.image_scores(sample_id).miou
    except SegcoreError as error:
        return Answer(row, problem=str(error))
    return Answer(row, data_uri(layer), data_uri(mistakes), float(value))


def _layer(mask: U8, labels: LabelMap) -> bytes:
    """Class colours, to lie over the photo."""
    palette = layer_palette(labels)
    palette[:, 3] = np.round(palette[:, 3] * OPACITY)
    return encode_png(shrunk(mask, WIDTH, cv2.INTER_NEAREST), palette)
