"""Turns the parameters that a transform drew into values a person can read: an angle instead of a matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_MOST = 4  # numbers in a value; longer values are noise maps and the like
_EVERY = 8  # px between the sampled points of a displacement field
_OMITTED = frozenset(
    (
        *("shape", "interpolation", "fill", "fill_mask", "output_shape", "result_shape", "random_seed", "seed"),
        *("x_min", "x_max", "y_min", "y_max"),  # Rotate's crop, which no pipeline here asks for
        *("bbox_matrix", "matrix_bbox", "max_height", "max_width", "pad_params", "order", "mask"),
    )
)
_RENAMED: Mapping[str, Mapping[str, str]] = {
    "RGBShift": {"noise_map": "shift"},
    "AdditiveNoise": {"noise_map": "noise"},
}
# In the units of the settings: brightness as a share of the full range, contrast as a change of the factor 1.
_REWRITTEN: Mapping[str, Mapping[str, tuple[str, Callable[[float], float]]]] = {
    "RandomBrightnessContrast": {
        "alpha": ("contrast", lambda alpha: alpha - 1),
        "beta": ("brightness", lambda beta: beta / 255),
    },
}


def readable_parameters(name: str, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The drawn parameters of one transform, as far as a few plain numbers can tell them.

    Args:
        name: Name of the transform.
        drawn: `transform.params` of albumentations after the transform was applied.

    Returns:
        Name -> bool, int, float, str, a short list, or a dict of these. Lengths are in pixels, angles in degrees.
    """
    values: dict[str, Any] = {}
    renamed, rewritten = _RENAMED.get(name, {}), _REWRITTEN.get(name, {})
    for key, value in drawn.items():
        if key in _OMITTED:
            continue
        if key in rewritten:
            title, change = rewritten[key]
            values[title] = round(change(float(value)), 3)
            continue
        few = key == "noise_map" and np.size(value) <= _MOST  # one number a channel
        if key in _SUMMARIES and isinstance(value, np.ndarray) and not few:
            values |= _SUMMARIES[key](value, drawn)
        elif (plain := _plain(value)) is not None:
            values[renamed.get(key, key)] = plain
    return values


def _matrix(matrix: Array, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """Summarise a 3x3 matrix: its angle and the shift of the centre, or how far the corners moved."""
    height, width = drawn["shape"][:2]
    if matrix.shape != (3, 3):
        return {}
    if abs(matrix[2, 0]) + abs(matrix[2, 1]) > 1e-9:  # a perspective
        corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float).T
        moved = matrix @ corners
        return {"corners_moved": round(float(np.hypot(*(moved[:2] / moved[2] - corners[:2])).max()), 1)}
    summary: dict[str, Any] = {}
    if "rotate" not in drawn:
        # Counter-clockwise as in Rotate's `limit`; image rows point down, hence the sign.
        summary["angle"] = round(float(-np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))), 3)
    centre = np.array([(width - 1) / 2, (height - 1) / 2, 1])
    shift = (matrix @ centre - centre)[:2]
    if np.abs(shift).max() >= 1:
        summary["shift"] = {"x": round(float(shift[0]), 1), "y": round(float(shift[1]), 1)}
    return summary


def _field(field: Array, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """Summarise a displacement field: how far the farthest pixel moved, in pixels."""
    if field.ndim != 2 or not {"map_x", "map_y"} <= set(drawn):
        return {}
    rows, columns = np.mgrid[0 : field.shape[0] : _EVERY, 0 : field.shape[1] : _EVERY]
    away = np.hypot(
        drawn["map_x"][::_EVERY, ::_EVERY].astype(float) - columns, drawn["map_y"][::_EVERY, ::_EVERY] - rows
    )
    return {"moved_up_to": round(float(away.max()), 1)}


def _kernel(kernel: Array, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"kernel": int(kernel.shape[0])}


def _noise(noise: Array, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"noise": round(float(np.std(noise)), 4)}


def _holes(holes: Array, drawn: Mapping[str, Any]) -> dict[str, Any]:
    height, width = drawn["shape"][:2]
    holes = holes.reshape(-1, 4)  # none at all is an empty list
    covered = float(((holes[:, 2] - holes[:, 0]) * (holes[:, 3] - holes[:, 1])).sum()) / (height * width)
    return {"holes": len(holes), "covered": round(min(1.0, covered), 3)}


_SUMMARIES: Mapping[str, Callable[[Array, Mapping[str, Any]], dict[str, Any]]] = {
    "matrix": _matrix,
    "map_x": _field,
    "kernel": _kernel,
    "noise_map": _noise,
    "holes": _holes,
}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, list | tuple):
        short = len(value) <= _MOST and all(isinstance(item, int | float | np.number) for item in value)
        return [_plain(item) for item in value] if short else None
    return value if isinstance(value, bool | int | str) else None
