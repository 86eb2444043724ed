"""Predicting with a run, and scoring it on a split. torch is imported when a model is loaded, not before."""

from __future__ import annotations

from segcore.evaluation.ensemble import Ensemble, open_predictor
from segcore.evaluation.evaluate import evaluate
from segcore.evaluation.postprocess import Prediction, decide
from segcore.evaluation.predictor import Predictor

__all__ = ["Ensemble", "Prediction", "Predictor", "decide", "evaluate", "open_predictor"]
