"""Augmentation of an image together with its mask."""

from segcore.augment.catalog import CATALOG, GROUPS, LEFT_OUT
from segcore.augment.parameter_base import Bounded, Parameter, Value
from segcore.augment.parameters import PROBABILITY, Axes, Choice, Color, Flag, Nested, Number, Pair, Range, Region
from segcore.augment.pipeline import AppliedTransform, Pipeline, Stage
from segcore.augment.presets import load_pipeline, presets
from segcore.augment.steps import GROUP_KINDS, Group, Node, Step
from segcore.augment.transform_spec import TransformSpec

__all__ = [
    "CATALOG", "GROUPS", "GROUP_KINDS", "LEFT_OUT", "PROBABILITY", "AppliedTransform", "Axes", "Bounded", "Choice",
    "Color", "Flag", "Group", "Nested", "Node", "Number", "Pair", "Parameter", "Pipeline", "Range", "Region",
    "Stage", "Step", "TransformSpec", "Value", "load_pipeline", "presets",
]  # fmt: skip
