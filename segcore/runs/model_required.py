"""Refusing runs that have no model of their own (ensembles, imported predictions), or none that PyTorch runs."""

from __future__ import annotations

import shlex

from segcore.errors import EvaluationError
from segcore.runs.run_record import RunRecord


def require_model(run: RunRecord, what: str, with_members: str) -> None:
    """Raise an error unless the run has a model of its own.

    Args:
        run: Any run.
        what: The task that needs one model, for the message: `be written as one model`.
        with_members: What to do with an ensemble instead; `{}` stands for the names of its members.

    Raises:
        EvaluationError: when the run is an ensemble or holds imported predictions.
    """
    if run.summary.members:
        names = shlex.join(member.id for member in run.summary.members)
        raise EvaluationError(f"Run {run.id!r} is an ensemble, and can't {what}. {with_members.format(names)}")
    if run.only_predictions:
        raise EvaluationError(
            f"Run {run.id!r} holds imported predictions and no model, so it can't {what}. What is stored can be used: "
            "compare, predictions, errors, `segcore report`, `segcore export --format png`, ensembles (`segcore "
            "evaluate RUN --with RUN`). Predictions of other images are imported too: segcore import."
        )


def require_training(run: RunRecord, what: str, with_members: str) -> None:
    """Raise an error unless the run was trained here, so that PyTorch runs its model; arguments as `require_model`.

    Raises:
        EvaluationError: also when the run's model is an imported file.
    """
    require_model(run, what, with_members)
    if run.model_file is not None:
        raise EvaluationError(
            f"Run {run.id!r} was imported and is for prediction only, so it can't {what}. Its model is the file "
            f"{run.model_file}."
        )
