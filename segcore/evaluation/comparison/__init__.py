"""Runs against each other: who is better, whether it is real, and at which cost. Needs no model and no torch."""

from __future__ import annotations

from segcore.evaluation.comparison.comparison import RESAMPLES, Comparison
from segcore.evaluation.comparison.costs import COSTS, Cost
from segcore.evaluation.comparison.metrics import METRICS, Metric
from segcore.evaluation.comparison.pools import Kind, Pool
from segcore.evaluation.comparison.rows import Pair, Row

__all__ = ["COSTS", "METRICS", "RESAMPLES", "Comparison", "Cost", "Kind", "Metric", "Pair", "Pool", "Row"]
