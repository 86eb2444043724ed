"""Confusion counts and the scores made from them: pure, exact, no I/O."""

from __future__ import annotations

from segcore.metrics.blocks import block_length
from segcore.metrics.boundary import BoundaryScores, boundary_band, boundary_counts, boundary_scores
from segcore.metrics.calibration import (
    BINS,
    CALIBRATION_COLUMNS,
    Calibration,
    Reliability,
    Sampled,
    calibration_counts,
    fit_temperature,
    grid_step,
)
from segcore.metrics.confusion import confusion_matrix
from segcore.metrics.resampling import Draws, Interval, PairedInterval, bootstrap, resample
from segcore.metrics.scores import Scores, per_image, scores
from segcore.metrics.statistic import BOUNDARY_COLUMNS, STATISTICS, Counts, Statistic, Sums, statistic
from segcore.metrics.words import CLASS_SCORES, EXPLAIN, HELP, POLICY

__all__ = [
    "BINS",
    "BOUNDARY_COLUMNS",
    "CALIBRATION_COLUMNS",
    "CLASS_SCORES",
    "EXPLAIN",
    "HELP",
    "POLICY",
    "STATISTICS",
    "BoundaryScores",
    "Calibration",
    "Counts",
    "Draws",
    "Interval",
    "PairedInterval",
    "Reliability",
    "Sampled",
    "Scores",
    "Statistic",
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
