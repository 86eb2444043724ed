"""Confusion counts and the scores made from them: pure, exact, no I/O."""

from __future__ import annotations

from segcore.metrics.block_bootstrap import block_length
from segcore.metrics.bootstrap_intervals import BootstrapSamples, Interval, PairedInterval, bootstrap, resample
from segcore.metrics.boundary import BoundaryScores, boundary_band, boundary_counts, boundary_scores
from segcore.metrics.calibration import (
    Calibration,
    Reliability,
    Sampled,
    calibration_counts,
    fit_temperature,
    grid_step,
)
from segcore.metrics.confusion import confusion_matrix
from segcore.metrics.counts import BINS, BOUNDARY_COLUMNS, CALIBRATION_COLUMNS, Counts, Sums
from segcore.metrics.glossary import EXPLAIN, HELP, POLICY
from segcore.metrics.registry import CLASS_SCORES, SCORES, Score, ScoreFunction, statistic
from segcore.metrics.scores import Scores, per_image, scores

__all__ = [
    "BINS",
    "BOUNDARY_COLUMNS",
    "CALIBRATION_COLUMNS",
    "CLASS_SCORES",
    "EXPLAIN",
    "HELP",
    "POLICY",
    "SCORES",
    "BootstrapSamples",
    "BoundaryScores",
    "Calibration",
    "Counts",
    "Interval",
    "PairedInterval",
    "Reliability",
    "Sampled",
    "Score",
    "ScoreFunction",
    "Scores",
    "Sums",
    "block_length",
    "bootstrap",
    "boundary_band",
    "boundary_counts",
    "boundary_scores",
    "calibration_counts",
    "confusion_matrix",
    "fit_temperature",
    "grid_step",
    "per_image",
    "resample",
    "scores",
    "statistic",
]
