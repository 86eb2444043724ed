"""Geometric transforms: the mask moves with the image, and uncovered pixels are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from segcore.augment.catalog.builder import (
    BORDER,
    GREY,
    Fixed,
    NotOffered,
    advanced,
    around_zero,
    choice,
    override,
    transform,
)
from segcore.augment.parameter_base import is_named_pairs, named_pairs

GEOMETRY = "geometry"
_geometry = partial(transform, group=GEOMETRY)
_FLAT = 45  # degrees of shear in both axes
_RESIZES = NotOffered("changes the size of the picture. Leave it out.")


def _of_axes(value: Any) -> tuple[Any, Any]:  # noqa: ANN401 - a value of `Axes`
    """The ranges of x and y."""
    x, y = (ends for _, ends in named_pairs(value)) if is_named_pairs(value) else (value, value)
    return x, y


def _possible(values: Mapping[str, Any]) -> str | None:
    x, y = _of_axes(values["scale"])
    if values["keep_ratio"] and x != y:
        return "keep_ratio scales both axes by the same number, but scale differs in x and y. Set keep_ratio to false."
    if all(ends in ((-_FLAT, -_FLAT), (_FLAT, _FLAT)) for ends in _of_axes(values["shear"])):
        # OpenCV inverts the singular matrix and, where borders are mirrored, never comes back.
        return f"shear is {_FLAT} degrees in x and y, which flattens the picture to a line. Give it a range."
    return None


TRANSFORMS = (
    _geometry("HorizontalFlip", "Mirrors left and right.", "Flip left to right"),
    _geometry("VerticalFlip", "Turns the picture upside down; rarely wanted on streets.", "Flip upside down"),
    _geometry(
        "RandomRotate90",
        "Turns by a random multiple of 90 degrees; rows and columns may change places.",
        "Turn by a multiple of 90 degrees",
        keeps_size=False,
    ),
    _geometry("Transpose", "Swaps rows and columns.", "Swap rows and columns", keeps_size=False),
    _geometry(
        "D4",
        "One of the eight ways to turn and mirror a square; rows and columns may change places.",
        "Turn and mirror one of eight ways",
        keeps_size=False,
    ),
    _geometry(
        "SquareSymmetry",
        "Another name of D4: one of the eight ways to turn and mirror a square.",
        "Turn and mirror one of eight ways",
        keeps_size=False,
    ),
    _geometry(
        "Rotate",
        "Turns around the centre.",
        "Rotate {limit}",
        limit=around_zero(180, 30, 1, "degrees", "Angle; positive turns counter-clockwise."),
        border_mode=BORDER,
        crop_border=_RESIZES,
    ),
    _geometry(
        "SafeRotate",
        "Turns around the centre and zooms out, so that all corners stay inside.",
        "Rotate with all corners inside {limit}",
        limit=around_zero(180, 30, 1, "degrees", "Angle; positive turns counter-clockwise."),
        border_mode=BORDER,
    ),
    _geometry(
        "Affine",
        "Scales, shifts, turns and shears at once; a scale above 1 zooms in.",
        "Scale {scale}, shift {translate_percent}, rotate {rotate}, shear {shear}",
        _possible,
        scale=override(0.3, 3.0, (0.8, 1.25), 0.05, "times", "Zoom: 1 changes nothing, 0.5 halves, 2 doubles."),
        translate_percent=around_zero(0.5, 0.1, 0.05, "of the size", "Shift, drawn for each axis."),
        rotate=around_zero(180, 10, 1, "degrees", "Angle around the centre."),
        shear=override(-45, 45, (0, 0), 1, "degrees", "Slant, drawn for each axis."),
        border_mode=BORDER,
        keep_ratio=advanced(default=True, help="The same scale for both axes."),
        balanced_scale=advanced(help="Zoom in as often as out, however the range lies around 1."),
        translate_px=NotOffered("is not offered: translate_percent fits pictures of every size."),
        fit_output=_RESIZES,
    ),
    _geometry(
        "ShiftScaleRotate",
        "Shifts, scales and turns; Affine does the same and shears too.",
        "Shift {shift_limit}, scale {scale_limit} around 1, rotate {rotate_limit}",
        shift_limit=around_zero(0.5, 0.06, 0.01, "of the size", "Shift, drawn for each axis."),
        scale_limit=override(-0.7, 2.0, (-0.1, 0.1), 0.05, "", "Added to 1: -0.5 halves, 1 doubles."),
        rotate_limit=around_zero(180, 45, 1, "degrees", "Angle around the centre."),
        border_mode=BORDER,
        shift_limit_x=advanced(-0.5, 0.5, None, 0.01, "of the width", "Shift across.", none="as shift_limit"),
        shift_limit_y=advanced(-0.5, 0.5, None, 0.01, "of the height", "Shift down.", none="as shift_limit"),
    ),
    _geometry(
        "Perspective",
        "Tilts the picture plane by moving its corners.",
        "Move the corners {scale}",
        scale=override(0.0, 0.3, (0.05, 0.1), 0.01, "of the size", "How far the corners move."),
        border_mode=BORDER,
        fit_output=advanced(help="Shrink until the whole tilted picture is seen."),
        keep_size=Fixed(True),
    ),
    _geometry(
        "CropAndPad",
        "Crops (below 0) or pads (above 0) each side, then resizes back: a zoom with a changing aspect ratio.",
        "Pad each side {percent}",
        percent=override(-0.4, 0.4, (-0.2, 0.0), 0.01, "of the size", "Below 0 crops, above 0 pads."),
        border_mode=BORDER,
        sample_independently=advanced(help="A number of its own for each side."),
        keep_size=Fixed(True),
        fill=Fixed(GREY),  # of three numbers the library takes one, for all channels
        px=NotOffered("is not offered: percent fits pictures of every size."),
    ),
    _geometry(
        "ElasticTransform",
        "Bends the picture like rubber; slow where sigma is large.",
        "Bend with strength {alpha}, smooth over {sigma}",
        alpha=override(0.0, 500.0, 100.0, 5.0, help="Strength of the displacement."),
        sigma=override(1.0, 50.0, 8.0, 1.0, "pixels", "Larger bends more gently."),
        border_mode=BORDER,
        approximate=advanced(help="Smooth with a small kernel: faster, and less exact where sigma is large."),
        same_dxdy=advanced(help="The same displacement across and down: faster, less varied."),
        noise_distribution=advanced(help="Where displacements come from: gaussian looks more natural."),
    ),
    _geometry(
        "GridDistortion",
        "Stretches and squeezes the cells of a grid.",
        "Distort a grid of {num_steps} cells {distort_limit}",
        num_steps=override(2, 12, 5, 1, "", "Cells on each side."),
        distort_limit=around_zero(0.9, 0.3, help="How much cells are stretched."),
        border_mode=BORDER,
        normalized=advanced(help="Keep all cells inside the picture."),
    ),
    _geometry(
        "OpticalDistortion",
        "Bends straight lines as a lens does.",
        "Distort like a {mode} lens {distort_limit}",
        distort_limit=around_zero(1.0, 0.3, help="Below 0 pinches, above 0 bulges."),
        mode=choice("mode", ("camera", "fisheye"), "Model of the lens."),
        border_mode=BORDER,
    ),
    _geometry(
        "PiecewiseAffine",
        "Moves the points of a grid, each with what is nearest to it; very slow: about 20 s for 960x720.",
        "Move a grid of {nb_rows} by {nb_cols} points {scale}",
        scale=override(0.01, 0.15, (0.03, 0.05), 0.01, "of the size", "How far points move."),
        nb_rows=override(2, 10, (4, 4), 1, "", "Points down."),
        nb_cols=override(2, 10, (4, 4), 1, "", "Points across."),
        border_mode=BORDER,
        absolute_scale=NotOffered("is not offered: scale is in shares of the size, which fits every picture."),
    ),
    _geometry(
        "ThinPlateSpline",
        "Bends the picture smoothly between points of a grid, like a sheet of metal; slow.",
        "Bend at a grid of {num_control_points} points a side {scale_range}",
        scale_range=override(default=(0.1, 0.2), help="How far points move: 0.1 is subtle, above 0.5 is strong."),
        num_control_points=override(high=6, help="Points on each side."),
        border_mode=BORDER,
    ),
    _geometry(
        "RandomGridShuffle",
        "Cuts the picture into a grid and shuffles its cells.",
        "Shuffle the cells of a grid of {grid}",
        grid=override(1, 12, help="Cells down and across."),
    ),
)
