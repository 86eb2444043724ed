"""Compares runs by scores and costs, from stored evaluations: needs no model and no torch."""

from __future__ import annotations

from segcore.evaluation.comparison.comparable_sets import ComparableSet, LabelSpace
from segcore.evaluation.comparison.comparison import RESAMPLES, Comparison
from segcore.evaluation.comparison.costs import COSTS, Cost
from segcore.evaluation.comparison.paired_differences import PairedDifference
from segcore.evaluation.comparison.rows import Row
from segcore.metrics import SCORES

METRICS = SCORES  # what runs are compared by: every score

__all__ = [
    "COSTS",
    "METRICS",
    "RESAMPLES",
    "ComparableSet",
    "Comparison",
    "Cost",
    "LabelSpace",
    "PairedDifference",
    "Row",
]
