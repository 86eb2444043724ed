"""Augmentation of an image together with its mask.

albumentations (which imports torch) is imported only when a pipeline is applied.
"""

from segcore.augment.catalog import CATALOG, GROUPS, LEFT_OUT
from segcore.augment.parameters import (
    PROBABILITY,
    Axes,
    Bounded,
    Choice,
    Color,
    Flag,
    Nested,
    Number,
    Pair,
    Parameter,
    Range,
    Region,
    Value,
)
from segcore.augment.pipeline import Fired, Pipeline, Stage
from segcore.augment.shipped import load_pipeline, presets
from segcore.augment.spec import TransformSpec
from segcore.augment.steps import GROUP_KINDS, Group, Node, Step

__all__ = [
    "CATALOG",
    "GROUPS",
    "GROUP_KINDS",
    "LEFT_OUT",
    "PROBABILITY",
    "Axes",
    "Bounded",
    "Choice",
    "Color",
    "Fired",
    "Flag",
    "Group",
    "Nested",
    "Node",
    "Number",
    "Pair",
    "Parameter",
    "Pipeline",
    "Range",
    "Region",
    "Stage",
    "Step",
    "TransformSpec",
    "Value",
    "load_pipeline",
    "presets",
]
