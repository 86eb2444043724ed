"""Losses by name, and weights of classes for one of them."""

from __future__ import annotations

from segcore.training.losses.class_weights import class_weights
from segcore.training.losses.weighted_sum import SegmentationLoss

__all__ = ["SegmentationLoss", "class_weights"]
