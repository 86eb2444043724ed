"""Augmentation of an image together with its mask.

albumentations (which imports torch) is imported only when a pipeline is applied.
"""

from segcore.augment.catalog import CATALOG, GROUPS
from segcore.augment.pipeline import Fired, Pipeline, Step
from segcore.augment.shipped import load_pipeline, presets
from segcore.augment.spec import PROBABILITY, Choice, Flag, Number, Parameter, Range, TransformSpec, Value

__all__ = [
    "CATALOG",
    "GROUPS",
    "PROBABILITY",
    "Choice",
    "Fired",
    "Flag",
    "Number",
    "Parameter",
    "Pipeline",
    "Range",
    "Step",
    "TransformSpec",
    "Value",
    "load_pipeline",
    "presets",
]
