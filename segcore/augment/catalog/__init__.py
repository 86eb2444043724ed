"""The transforms on offer, one module a group: all of albumentations that make sense for an image with its mask."""

from __future__ import annotations

from collections.abc import Mapping

from segcore.augment.catalog import blur, colour, crops, dropout, geometry, weather
from segcore.augment.catalog.left_out import LEFT_OUT
from segcore.augment.transform_spec import TransformSpec

GROUPS = (geometry.GEOMETRY, colour.COLOUR, blur.BLUR, weather.WEATHER, dropout.DROPOUT, crops.CROPS)

CATALOG: Mapping[str, TransformSpec] = {
    spec.name: spec for group in (geometry, colour, blur, weather, dropout, crops) for spec in group.TRANSFORMS
}

__all__ = ["CATALOG", "GROUPS", "LEFT_OUT"]
