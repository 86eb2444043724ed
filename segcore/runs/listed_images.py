"""Reads of a stored evaluation only the images that a tag or a file lists (`--only`)."""

from __future__ import annotations

from segcore.data.tags import ImageList, read_image_list
from segcore.errors import RunError, listed
from segcore.runs import data_places
from segcore.runs.evaluation import Evaluation
from segcore.runs.run_record import RunRecord


def images_of(run: RunRecord, given: str) -> ImageList:
    """The list that `--only` names for a run, whose data need not be here unless the list is a tag of it.

    Raises:
        DatasetError: as `read_image_list`.
    """
    info = run.summary.dataset
    return read_image_list(given, data_places.find_data(info) or info.source)


def listed_part(evaluation: Evaluation, images: ImageList) -> Evaluation:
    """A stored evaluation with the images of a list alone.

    Raises:
        RunError: when the list names no image of it.
    """
    ids = images.among(evaluation.ids)
    if not ids:
        raise RunError(
            f"None of the {len(images.lines)} images of {images.title} ({listed(images.lines, 2)}) is among the "
            f"{len(evaluation.ids)} of {evaluation.split}. Choose another --split, or another list."
        )
    return evaluation.only(ids)
