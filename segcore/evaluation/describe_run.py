"""Describes the model of a run."""

from __future__ import annotations

from functools import partial

from segcore.models.description import ModelDescription
from segcore.runs import RunRecord


def describe_run(run: RunRecord, size: tuple[int, int] | None = None) -> ModelDescription:
    """Describe a run's model as it is built from its folder.

    Args:
        run: A run with weights.
        size: (height, width) of the image; None is the run's own input size, or where it has none 360x480.

    Raises:
        RunError: when it is an ensemble, or has no weights.
        ModelError: when the model can't be built, or run at this size.
    """
    from segcore.models import MODELS, load_model
    from segcore.models.inspection import describe
    from segcore.models.registry import ModelSpec, model_title

    _ = run.weights  # says what is missing, and what an ensemble has instead
    fed = run.summary.input
    own = (fed.height, fed.width) if fed.height and fed.width else (360, 480)
    name = run.summary.model
    return describe(
        partial(load_model, run.path),
        size or own,
        spec=MODELS.get(name) or ModelSpec(name, model_title(name), summary=""),
        encoder=run.summary.encoder or "",
    )
