"""The former name of `segcore.evaluation.image_ranking`, kept for code that imports it."""

from segcore.evaluation.image_ranking import ImageScores, Mistake, Ranking, Triage

__all__ = ["ImageScores", "Mistake", "Ranking", "Triage"]
