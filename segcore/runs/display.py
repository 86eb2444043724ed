"""Shows runs and evaluations in a notebook: curves as charts, facts and scores as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segcore.errors import RunError
from segcore.runs.curves import CURVES, curves
from segcore.runs.summary import over

if TYPE_CHECKING:
    import altair as alt

    from segcore.runs.evaluation import Evaluation
    from segcore.runs.run_record import RunRecord


def plot_curves(run: RunRecord, width: int) -> alt.HConcatChart:
    """Draw every curve of a run beside the others; `width` is that of each plot in px.

    Raises:
        RunError: when no epoch is known.
    """
    import altair as alt

    from segcore.visual.charts import history
    from segcore.visual.run_colors import RUN_COLORS

    table, notes = curves([run], {run.id: run.title})
    if table.empty:
        raise RunError(notes[0])
    charts = []
    for name, title in CURVES.items():
        values = table.rename(columns={name: "value"})[["run", "phase", "x", "value", "kept"]]
        curve = history(
            values,
            {run.title: RUN_COLORS[0]},
            title=title,
            x_title="epoch",
            score=name != "loss",
            height=200,
            printed=True,
        )
        charts.append(curve.chart(width))
    return alt.hconcat(*charts).resolve_scale(color="shared", shape="shared", strokeDash="shared")


def run_html(run: RunRecord) -> str:
    """What a run is, what it cost and what it scored, as a table."""
    info = run.summary
    facts: dict[str, Any] = {
        "run": run.id,
        "model": run.title,
        "encoder": info.encoder and f"{info.encoder}, {info.encoder_weights or 'from scratch'}",
        "parameters, M": info.parameters and f"{info.parameters / 1e6:.2f}",
        "data": f"{info.dataset.name}: {info.dataset.train_augmented} training, {info.dataset.val} validation, "
        f"{info.dataset.test} test images, {info.dataset.classes} classes",
        "epochs": f"{info.epochs}, kept: {info.best_epoch + 1}" if info.best_epoch is not None else f"{info.epochs}",
        "minutes": None
        if info.train_seconds is None
        else f"{over(info.train_seconds, 60):.1f} on {info.device}{', after those of its start' if info.init else ''}",
        "status": info.status,
    }
    for split, score in (("validation", info.val), ("test", info.test)):
        if score is not None:
            facts[split] = f"mIoU {score.miou:.3f}, pixel accuracy {score.pixel_accuracy:.3f}"
    return _facts({name: value for name, value in facts.items() if value is not None})


def evaluation_html(evaluation: Evaluation) -> str:
    """The scores of an evaluation, and the IoU of each class that its ground truth has."""
    scores = evaluation.scores
    known = {name: float(value) for name, value in zip(evaluation.labels.names, scores.iou, strict=True)}
    facts = {"mIoU": scores.miou, "pixel accuracy": scores.pixel_accuracy}
    facts |= {f"IoU {name}": value for name, value in known.items() if value == value}
    return _facts({"evaluation": repr(evaluation)[1:-1], **{name: f"{value:.3f}" for name, value in facts.items()}})


def _facts(facts: dict[str, Any]) -> str:
    import pandas as pd

    return pd.Series(facts).to_frame().to_html(header=False, border=0)
