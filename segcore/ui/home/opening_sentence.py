"""What the home page says of its image."""

from __future__ import annotations

from segcore.runs import RunRecord
from segcore.ui.shell.app_context import AppContext


def opening_sentence(context: AppContext, split: str, sample_id: str) -> str:
    """Name the dataset and what is shown; that no model is trained on the image only where that is known.

    Args:
        context: The chosen runs and the active dataset.
        split: The split that the image is of, as the runs know it.
        sample_id: Id of the image.
    """
    assert context.dataset is not None
    image = f"One image of {context.dataset.name}"
    if not context.fitting:
        return f"{image}."
    unseen = all(_is_unseen(run, split, sample_id) for run in context.fitting)
    return f"{image}{' that no model is trained on' if unseen else ''}, and what each model predicts for it."


def _is_unseen(run: RunRecord, split: str, sample_id: str) -> bool:
    """Whether a run was scored on an image of this split, and no leak of the split into its training is known."""
    return run.summary.imported is None and run.has_prediction(split, sample_id) and not run.leak(split)
