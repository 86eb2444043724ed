"""Weights of classes for `weighted_ce`, by their pixels in the training images or as given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64
from segcore.errors import ConfigError, unknown
from segcore.training.registry import CLASS_WEIGHTS, check_choice


def class_weights(
    method: str | Mapping[str, float], pixels: npt.NDArray[np.int64], *, limit: float, names: Sequence[str] = ()
) -> npt.NDArray[np.float32]:
    """Weights of the classes, 1 for those that no image shows.

    Args:
        method: A name of `CLASS_WEIGHTS`, or the weights by class name: taken as they are, 1 where not named.
        pixels: `[N, C]` scored pixels of each class in each training image.
        limit: Computed weights are kept within 1 / limit and limit: a class of a few pixels would take over.
        names: Of the C classes; wanted where weights are given by name.

    Returns:
        `[C]` float32.

    Raises:
        ConfigError: on a method or class that is not there; the nearest is named.
    """
    weights = np.ones(pixels.shape[1])
    if not isinstance(method, str):
        for name, weight in method.items():
            if name not in names:
                raise ConfigError(f"class_weights (--class-weights): {unknown('class', name, names)}")
            weights[names.index(name)] = weight
        return weights.astype(np.float32)
    check_choice("class weights", method, CLASS_WEIGHTS)
    present = pixels.sum(axis=0) > 0
    if present.any():
        weights[present] = _METHODS[method](pixels[:, present]).clip(1 / limit, limit)
    return weights.astype(np.float32)


def _median(pixels: npt.NDArray[np.int64]) -> F64:
    """`median(f) / f_c`, with f_c the share of class c in the images that show it.

    Eigen and Fergus, "Predicting Depth, Surface Normals and Semantic Labels with a Common Multi-Scale Convolutional
    Architecture" (2015).
    """
    shown = (pixels > 0) * pixels.sum(axis=1, keepdims=True)
    frequency = pixels.sum(axis=0) / shown.sum(axis=0)
    return np.asarray(np.median(frequency) / frequency)


def _inverse(pixels: npt.NDArray[np.int64]) -> F64:
    """`1 / pixels of the class`."""
    return _scaled(1 / pixels.sum(axis=0))


def _effective(pixels: npt.NDArray[np.int64]) -> F64:
    """`1 / E_c` with E_c = (1 - beta ** n_c) / (1 - beta), the effective number of n_c pixels, and beta = 1 - 1 / M.

    Cui et al., "Class-Balanced Loss Based on Effective Number of Samples" (2019). Neighbouring pixels say much the
    same, so M, how many different pixels there can be, is taken as the mean pixels of a class: classes above it are
    weighted almost alike, classes far below it almost by inverse frequency.
    """
    count = pixels.sum(axis=0)
    mean = count.mean()
    # Of numbers near 1, as powers of beta are, differences are lost; expm1 and log1p keep them.
    return _scaled(1 / -np.expm1(count * np.log1p(-1 / mean))) if mean > 1 else np.ones(len(count))


def _scaled(weights: F64) -> F64:
    """To a geometric mean of 1, the middle of 1 / limit .. limit; the loss itself does not change with the scale."""
    return np.asarray(weights / np.exp(np.log(weights).mean()))


_METHODS = {"median": _median, "inverse": _inverse, "effective": _effective}
