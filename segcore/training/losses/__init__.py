"""Losses by name, and class weights for `weighted_ce`."""

from __future__ import annotations

from segcore.training.losses.class_weights import class_weights
from segcore.training.losses.terms import LossOptions
from segcore.training.losses.weighted_sum import SegmentationLoss

__all__ = ["LossOptions", "SegmentationLoss", "class_weights"]
