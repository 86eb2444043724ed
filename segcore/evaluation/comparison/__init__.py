"""Runs against each other: who is better, whether it is real, and at which cost. Needs no model and no torch."""

from __future__ import annotations

from segcore.evaluation.comparison.comparable_sets import ComparableSet, Kind
from segcore.evaluation.comparison.comparison import RESAMPLES, Comparison
from segcore.evaluation.comparison.costs import COSTS, Cost
from segcore.evaluation.comparison.rows import Pair, Row
from segcore.evaluation.comparison.score_registry import METRICS, Metric

__all__ = ["COSTS", "METRICS", "RESAMPLES", "ComparableSet", "Comparison", "Cost", "Kind", "Metric", "Pair", "Row"]
