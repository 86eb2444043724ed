"""Says before the first epoch what the masks can't teach or score: one class, an unseen class, nothing scored."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

import numpy as np

from segcore.arrays import I64
from segcore.data.evenly_spread import spread
from segcore.errors import DatasetError, listed, number
from segcore.labels import LabelMap
from segcore.training.job import Job

MOST = 2_000  # masks counted of a split; of more, as many spread over it
_SHOWN = 6  # names in a sentence


def check_classes(job: Job) -> list[str]:
    """Count the classes in the masks of training and validation, at the model's input size.

    Returns:
        Sentences on classes that training never shows, and on a training that shows one class only.

    Raises:
        DatasetError: when no pixel of training or of validation is scored, so that nothing can be learned or compared.
    """
    frames = [item.id for item in job.plan.train if item.copy == 0]
    shown, about = _count(job, frames)
    validated, val_about = _count(job, [item.id for item in job.plan.val])
    for split, pixels, counted in (("training", shown, about), ("validation", validated, val_about)):
        if not pixels.sum() and (split == "training" or job.plan.validates):
            raise DatasetError(
                f"No pixel of the {split} masks is scored{counted}: all are ignored. "
                f"Look at them (segcore data info {quote(str(job.dataset.source))} --check), or choose another "
                "--void, --labels or --split."
            )
    return class_notes(job.dataset.labels, shown, validated, about)


def class_notes(labels: LabelMap, shown: I64, validated: I64, about: str = "") -> list[str]:
    """Sentences on what training does not show.

    Args:
        labels: The classes.
        shown: `[C]` pixels of each class in training.
        validated: `[C]` the same of validation.
        about: Which masks were counted, where not all were.
    """
    present = np.flatnonzero(shown)
    if len(present) == 1:
        name = labels.names[present[0]]
        return [
            f"Training shows one class only, {name}{about}: a model that answers {name} everywhere is right, and its "
            "scores say nothing. Check the masks and the class list."
        ]
    unseen = [index for index in range(labels.classes) if not shown[index]]
    if not unseen:
        return []
    scored = [labels.names[index] for index in unseen if validated[index]]
    there = f" Validation has {listed(scored, _SHOWN)}, which can't be found and count as 0." if scored else ""
    return [
        f"Training never shows {listed([labels.names[index] for index in unseen], _SHOWN)} "
        f"({len(unseen)} of {labels.classes} classes){about}: no model can learn them.{there}"
    ]


def _count(job: Job, ids: Sequence[str]) -> tuple[I64, str]:
    """(`[C]` scored pixels of each class, which masks were counted where not all were)."""
    if not ids:  # nothing validates
        return np.zeros(job.dataset.labels.classes, np.int64), ""
    chosen = spread(ids, MOST)
    pixels: I64 = job.store.pixels(chosen, job.dataset.labels.classes).sum(axis=0)
    return pixels, f" (counted in {len(chosen)} of {number(len(ids), 'mask')})" if len(chosen) < len(ids) else ""
