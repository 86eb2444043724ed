"""Confusion counts and the scores made from them: pure, exact, no I/O."""

from __future__ import annotations

from segcore.metrics.confusion import confusion_matrix
from segcore.metrics.scores import HELP, POLICY, Scores, per_image, scores

__all__ = ["HELP", "POLICY", "Scores", "confusion_matrix", "per_image", "scores"]
