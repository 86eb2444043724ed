"""Dropout: parts of the image are covered, so that a model must do with the rest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from segcore.augment.catalog.builder import GREY, HOLES, NotOffered, advanced, choice, override, transform
from segcore.augment.parameters import Number, Range

DROPOUT = "dropout"
_dropout = partial(transform, group=DROPOUT)
_SHARE = "of the size"
_LONGEST = 4  # times as wide as high, or as high as wide: pictures that Erasing must fit into


def _fits(values: Mapping[str, Any]) -> str | None:
    (smallest, _), (narrow, wide) = values["scale"], values["ratio"]
    most = round(min(narrow, 1 / wide) / _LONGEST, 4)
    if smallest > most:
        return (
            f"scale begins at {smallest:g}, too large to fit where the ratio is {narrow:g} or {wide:g}. "
            f"Begin at {most:g} or below, or bring both ends of ratio nearer to 1."
        )
    return None


TRANSFORMS = (
    _dropout(
        "CoarseDropout",
        "Covers rectangles of the image.",
        "Cover {num_holes_range}, each {hole_height_range} high and {hole_width_range} wide",
        num_holes_range=override(1, 30, (1, 4), 1, "holes", "How many."),
        hole_height_range=override(0.01, 0.5, (0.05, 0.15), 0.01, _SHARE, "Their height."),
        hole_width_range=override(0.01, 0.5, (0.05, 0.15), 0.01, _SHARE, "Their width."),
        **HOLES,
    ),
    _dropout(
        "ConstrainedCoarseDropout",
        "Covers rectangles on the objects of one class.",
        "Cover {num_holes_range} on each object of class {mask_indices}",
        mask_indices=Number(
            name="mask_indices",
            low=1,
            high=254,
            default=1,
            step=1,
            listed=True,
            help="Id of the class; 0 can't be chosen.",
        ),
        num_holes_range=override(1, 10, (1, 2), 1, "holes", "How many on each object."),
        hole_height_range=override(0.01, 1.0, (0.2, 0.4), 0.01, "of the object", "Their height."),
        hole_width_range=override(0.01, 1.0, (0.2, 0.4), 0.01, "of the object", "Their width."),
        **HOLES,
        bbox_labels=NotOffered("is about boxes, which are not augmented here. Leave it out."),
    ),
    _dropout(
        "Erasing",
        "Covers one rectangle of any shape (random erasing).",
        "Cover {scale}, {ratio} as wide as high",
        _fits,
        scale=override(0.01, 0.5, (0.02, 0.2), 0.01, "of the area", "How large it is."),
        ratio=override(0.1, 10.0, step=0.1, unit="times", help="Width over height."),
        **HOLES,
    ),
    _dropout(
        "GridDropout",
        "Covers squares on a regular grid.",
        "Cover {ratio} of every grid cell",
        ratio=override(0.05, 0.9, 0.3, 0.05, help="Side of the holes, in shares of a cell."),
        **HOLES,
        random_offset=advanced(help="Begin the grid at a random place."),
        unit_size_range=advanced(2, 400, None, 1, "pixels", "Side of a cell.", none="a tenth of the size"),
        shift_xy=advanced(0, 400, help="Where the grid begins without random_offset.", parts=("across", "down")),
        holes_number_xy=NotOffered("is not offered: unit_size_range sets the grid."),
    ),
    _dropout(
        "XYMasking",
        "Covers stripes across and down.",
        "Cover {num_masks_x}, {mask_x_length} wide, and {num_masks_y}, {mask_y_length} high",
        num_masks_x=override(0, 10, (1, 2), 1, "upright stripes", "How many from top to bottom."),
        mask_x_length=override(1, 400, (10, 40), 1, "pixels", "Their width; at most that of the picture."),
        num_masks_y=override(0, 10, (1, 2), 1, "level stripes", "How many from left to right."),
        mask_y_length=override(1, 400, (10, 40), 1, "pixels", "Their height; at most that of the picture."),
        **HOLES,
    ),
    _dropout(
        "PixelDropout",
        "Covers single pixels.",
        "Cover {dropout_prob} of the pixels",
        dropout_prob=override(0.0, 0.5, 0.02, 0.01, help="Share of the pixels."),
        per_channel=override(help="Each channel on its own, which leaves coloured specks."),
        drop_value=choice(
            "drop_value",
            {"black": 0, "white": 255, "grey": GREY, "random": None},
            "What covered pixels become; random is one colour for all.",
        ),
        mask_drop_value=NotOffered("is not offered: albumentations covers other pixels of the mask than of the image."),
    ),
    _dropout(
        "ChannelDropout",
        "Takes one or two of red, green and blue away.",
        "Drop {channel_drop_range} of the channels",
        channel_drop_range=Range(name="channel_drop_range", low=1, high=2, default=(1, 1), step=1, help="How many."),
        fill=advanced(0, 255, 0, 1, help="What they become, of 255."),
    ),
    _dropout(
        "MaskDropout",
        "Covers whole patches of a class, image and mask; patches of class 0 stay; slow.",
        "Cover {max_objects} of all patches",
        max_objects=override(high=20, help="How many connected patches of one id."),
        fill=choice("fill", {"grey": 118, "black": 0, "white": 255}, "What they become on the image."),
    ),
)
