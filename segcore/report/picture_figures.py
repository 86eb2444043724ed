"""Draws the figures of a report that show images: samples, augmentation, predictions and errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from segcore.errors import RunError, listed
from segcore.report.sections.example_images import OPACITY, choices
from segcore.visual import encode_errors, encode_layer
from segcore.visual.picture_grid import Picture, classes_shown, photo, picture_grid, pixels

if TYPE_CHECKING:
    import altair as alt

    from segcore.augment import Pipeline
    from segcore.data import Dataset
    from segcore.report.report_data import ReportData

Drawn: TypeAlias = "Iterator[tuple[str, str, alt.LayerChart]]"  # (name of the file, caption, chart)
SAMPLES = 2  # of each split
DRAWS = 3  # of an augmentation, beside the original
MOST_COLUMNS = 6  # pictures in a row


def samples(data: ReportData, pool: int, dataset: Dataset, width: int) -> Drawn:
    """A few samples of each split.

    Raises:
        DatasetError: when one can't be read.
    """
    yield "samples", f"Samples of {dataset.name}: image, mask and overlay.", dataset.plot_samples(SAMPLES, width=width)


def augmentations(data: ReportData, pool: int, dataset: Dataset, width: int) -> Drawn:
    """What the augmentation of the runs makes of a training image; a figure for each different pipeline.

    Raises:
        AugmentError: when a pipeline can't be applied.
        DatasetError: when the sample can't be read.
    """
    sample = dataset[dataset.examples(1)[0]]
    used = _pipelines(data, pool)
    for place, (pipeline, titles) in enumerate(used):
        made = [
            (sample.image, sample.mask),
            *(pipeline.apply(sample.image, sample.mask, seed)[:2] for seed in range(DRAWS)),
        ]
        names = ["original", *(f"augmented {seed + 1}" for seed in range(DRAWS))]
        shown = pixels(width, len(made))
        images = [photo(image, shown) for image, _ in made]
        layers = [(encode_layer(mask, dataset.labels, width=shown), OPACITY) for _, mask in made]
        sizes = [(mask.shape[0], mask.shape[1]) for _, mask in made]
        photos = [Picture([image], size, name) for image, size, name in zip(images, sizes, names, strict=True)]
        masks = [Picture([*both], size) for *both, size in zip(images, layers, sizes, strict=True)]
        chart = picture_grid([photos, masks], width=width, classes=classes_shown(dataset.labels, [sample.mask]))
        steps = "; ".join(step.sentence() for step in pipeline.active)
        of = f" of {listed(titles, 3)}" if len(used) > 1 else ""
        name = f"augmentation-{place + 1}" if len(used) > 1 else "augmentation"
        yield name, f"The augmentation{of} of image and mask: {steps}.", chart


def _pipelines(data: ReportData, pool: int) -> list[tuple[Pipeline, list[str]]]:
    """The different pipelines that change anything, each with the titles of its runs."""
    from segcore.augment import load_pipeline

    used: dict[str, tuple[Pipeline, list[str]]] = {}
    for run_id in data.comparison.pools[pool].runs:
        run = next(run for run in data.runs if run.id == run_id)
        try:
            augment = run.config.get("augment")
        except RunError:  # an ensemble or imported predictions may have none
            augment = None
        if augment is not None:
            pipeline = load_pipeline(augment)
            used.setdefault(pipeline.to_yaml(), (pipeline, []))[1].append(data.comparison.titles[run_id])
    return [entry for entry in used.values() if entry[0].active]


def predictions(data: ReportData, pool: int, dataset: Dataset, width: int) -> Drawn:
    """Images chosen by rules with ground truth and every model's prediction; and the same with its errors.

    Raises:
        SegcoreError: when an image or a stored prediction can't be read.
    """
    rows, ids, labels = data.drawn(pool), data.comparison.pools[pool].ids, dataset.labels
    wide = pixels(width, columns_of(2 + len(rows)))
    chosen, shown, mistakes, masks = choices(data, pool), [], [], []
    for choice in chosen:
        sample = dataset[ids[choice.place]]
        image, size = photo(sample.image, wide), sample.size
        first = [
            Picture([image], size, sample.id),
            Picture([image, (encode_layer(sample.mask, labels, width=wide), OPACITY)], size, "ground truth"),
        ]
        masks.append(sample.mask)
        answers, errors = [], []
        for row in rows:
            evaluation = data.comparison.evaluation_of(row, sample.id)
            mask, score = evaluation.prediction(sample.id), f"{evaluation.image_scores(sample.id).miou:.3f}"
            layer = encode_layer(mask, labels, width=wide)
            answers.append(Picture([image, (layer, OPACITY)], size, row.title, score))
            wrong = encode_errors(mask, sample.mask, labels, width=wide)
            errors.append(Picture([image, (wrong, 1.0)], size, row.title, score))
            masks.append(mask)
        shown += _in_rows([*first, *answers])
        mistakes += _in_rows([*first, *errors])
    if not chosen:
        return
    rules = "; ".join(f"{choice.rule.lower()}: {ids[choice.place]}" for choice in chosen)
    legend = classes_shown(labels, masks)
    numbers = f"The numbers are the mIoU of the image. Chosen by rule: {rules}."
    yield "predictions", f"Ground truth and predictions. {numbers}", picture_grid(shown, width=width, classes=legend)
    how = (
        "Right pixels are the faded photo, wrong ones have the colour of the class they are taken for, hatched ones are"
    )
    yield "errors", f"Errors. {how} never scored. {numbers}", picture_grid(mistakes, width=width, classes=legend)


def columns_of(pictures: int) -> int:
    """The columns of a grid whose rows are about equally long, at most `MOST_COLUMNS`.

    >>> columns_of(6), columns_of(7), columns_of(10)
    (6, 4, 5)
    """
    rows = -(-pictures // MOST_COLUMNS)
    return -(-pictures // rows)


def _in_rows(pictures: list[Picture]) -> list[list[Picture]]:
    columns = columns_of(len(pictures))
    return [pictures[at : at + columns] for at in range(0, len(pictures), columns)]
