"""Losses by name, and weights of classes for one of them."""

from __future__ import annotations

from segcore.training.losses.segmentation import SegmentationLoss
from segcore.training.losses.weights import class_weights

__all__ = ["SegmentationLoss", "class_weights"]
