"""The part of a report that shows images: photo, truth, and each model's answer with its mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from segcore.arrays import U8
from segcore.errors import SegcoreError
from segcore.evaluation.comparison.comparable_sets import image_values
from segcore.report.charts import swatch, who
from segcore.report.image_selection import Example, choose
from segcore.report.leaderboard import score
from segcore.report.markup import Html, el, inner
from segcore.report.report_data import Subject
from segcore.visual import data_uri, encode_errors, encode_jpeg, encode_png, layer_palette
from segcore.visual.image_encoding import shrunk

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Row
    from segcore.labels import LabelMap

WIDTH = 640  # px of every picture
QUALITY = 82  # of the photos
OPACITY = 0.62  # of class colours over a photo


def examples(subject: Subject, pool: int) -> tuple[Html, str]:
    """(pictures or why there are none, the style sheet that holds the photos: each is stored once)."""
    dataset = subject.data[pool]
    if isinstance(dataset, str):
        return el("p", f"No pictures. {dataset}", class_="note"), ""
    rows = subject.by_validation(pool)[: len(subject.drawn(pool))]
    ids = subject.comparison.pools[pool].ids
    values = np.array([_image_scores(subject, row, ids) for row in rows])
    chosen = choose(values, [row.title for row in rows], subject.examples)
    ranked = subject.drawn(pool)
    parts, styles, seen = [], [], set()
    for number, example in enumerate(chosen):
        name = f"photo-{pool}-{number}"
        try:
            image, truth = dataset.image(ids[example.place]), dataset.mask(ids[example.place])
        except SegcoreError as error:
            parts.append(el("p", f"{example.rule}: no picture. {error}", class_="note"))
            continue
        photo = data_uri(encode_jpeg(image, width=WIDTH, quality=QUALITY))
        styles.append(f".{name}{{background-image:url({photo})}}")
        seen |= set(np.unique(truth).tolist())
        parts.append(_example(subject, ranked, example, ids[example.place], dataset.labels, (photo, truth), name))
    said = (
        "Chosen by rule from the stored scores, not by hand. Top: the model's answer; below: its mistakes in the "
        "colour of the class taken, with what is right faded and what is never scored hatched. The number is "
        "the mIoU of the image. Click a picture to enlarge it."
    )
    return inner(el("p", said, class_="note"), _classes(dataset.labels, seen), parts), "\n".join(styles)


def _image_scores(subject: Subject, row: Row, ids: Sequence[str]) -> npt.NDArray[np.float64]:
    return image_values(subject.comparison.evaluations[row.id], ids)


def _classes(labels: LabelMap, seen: set[int]) -> Html:
    names = [
        el("span", swatch(color), name)
        for index, (name, color) in enumerate(zip(labels.names, labels.colors, strict=True))
        if index in seen
    ]
    return el("p", names, class_="legend")


def _example(
    subject: Subject,
    rows: Sequence[Row],
    example: Example,
    sample_id: str,
    labels: LabelMap,
    shown: tuple[str, U8],
    name: str,
) -> Html:
    photo, truth = shown
    height, width = truth.shape
    size = {"width": min(WIDTH, width), "height": round(height * min(WIDTH, width) / width)}
    first = [
        el("img", src=photo, alt=f"Photo {sample_id}", **size),
        el("img", class_=name, src=data_uri(_layer(truth, labels)), alt=f"Ground truth of {sample_id}", **size),
    ]
    figures = [_figure(f"{name}-0", first, [el("span", "Photo, ground truth")])]
    for number, row in enumerate(rows, 1):
        caption = [el("span", who(subject.color(row), row.title))]
        evaluation = subject.comparison.evaluations[row.id]
        try:
            guess = evaluation.prediction(sample_id)
            pictures = [
                el("img", class_=name, src=data_uri(_layer(guess, labels)), alt=f"{row.title}: answer", **size),
                el(
                    "img",
                    class_=name,
                    src=data_uri(encode_errors(guess, truth, labels, width=WIDTH)),
                    alt=f"{row.title}: mistakes",
                    **size,
                ),
            ]
            caption.append(el("span", score(evaluation.image_scores(sample_id).miou), class_="num"))
        except SegcoreError as error:
            pictures = [el("p", f"No picture. {error}", class_="problem")]
        figures.append(_figure(f"{name}-{number}", pictures, caption))
    return el(
        "div",
        el("h3", f"{example.rule}: {sample_id}"),
        el("p", f"{example.detail[0].upper()}{example.detail[1:]}.", class_="note"),
        el("div", figures, class_="panels", id=name),
        class_="example",
    )


def _figure(name: str, pictures: Sequence[Html], caption: Sequence[Html]) -> Html:
    """A picture that a click enlarges, without a script: the address names it, and the style sheet does the rest."""
    group = name.rsplit("-", 1)[0]
    return el(
        "figure",
        el("a", "Close", href=f"#{group}", class_="close"),
        el("a", pictures, href=f"#{name}", class_="open"),
        el("figcaption", caption),
        id=name,
    )


def _layer(mask: U8, labels: LabelMap) -> bytes:
    """Class colours, to lie over the photo."""
    palette = layer_palette(labels)
    palette[:, 3] = np.round(palette[:, 3] * OPACITY)
    return encode_png(shrunk(mask, WIDTH, cv2.INTER_NEAREST), palette)
