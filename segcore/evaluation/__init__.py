"""Predicting with a run, and scoring it on a split. torch is imported when a model is loaded, not before."""

from __future__ import annotations

from segcore.evaluation.evaluate import evaluate
from segcore.evaluation.predictor import Prediction, Predictor

__all__ = ["Prediction", "Predictor", "evaluate"]
