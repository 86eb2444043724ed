"""Class weights for `weighted_ce`, computed from the training masks or given by the user."""

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
    """Compute the weights of the classes; a class that is in no image has weight 1.

    Args:
        method: A name of `CLASS_WEIGHTS`, or weights by class name, which are used unchanged; other classes have 1.
        pixels: `[N, C]` scored pixels of each class in each training image.
        limit: Computed weights are clipped to 1 / limit .. limit, so that a class of few pixels does not dominate.
        names: Names of the C classes; needed for weights given by name.

    Returns:
        `[C]` float32.

    Raises:
        ConfigError: when the method or class is unknown; the message names the nearest.

    >>> class_weights("inverse", np.array([[100, 400], [100, 400]]), limit=10.0)
    array([2. , 0.5], dtype=float32)
    """
    if not isinstance(method, str):
        return named_weights(method, names)
    check_choice("class weights", method, CLASS_WEIGHTS)
    weights = np.ones(pixels.shape[1])
    present = pixels.sum(axis=0) > 0
    if present.any():
        weights[present] = _METHODS[method](pixels[:, present]).clip(1 / limit, limit)
    return weights.astype(np.float32)


def named_weights(weights: Mapping[str, float], names: Sequence[str]) -> npt.NDArray[np.float32]:
    """`[C]` float32 weights of the classes `names`; a class that has none here has 1.

    Raises:
        ConfigError: when a class is unknown; the message names the nearest.
    """
    for name in weights:
        if name not in names:
            raise ConfigError(f"class_weights (--class-weights): {unknown('class', name, names)}")
    return np.array([weights.get(name, 1) for name in names], np.float32)


def _median(pixels: npt.NDArray[np.int64]) -> F64:
    """`median(f) / f_c`, with f_c the share of class c in the images that contain it.

    Eigen and Fergus, "Predicting Depth, Surface Normals and Semantic Labels with a Common Multi-Scale Convolutional
    Architecture" (2015).
    """
    in_images = (pixels > 0) * pixels.sum(axis=1, keepdims=True)
    frequency = pixels.sum(axis=0) / in_images.sum(axis=0)
    return np.asarray(np.median(frequency) / frequency)


def _inverse(pixels: npt.NDArray[np.int64]) -> F64:
    """`1 / pixels of the class`."""
    return _scaled(1 / pixels.sum(axis=0))


def _effective(pixels: npt.NDArray[np.int64]) -> F64:
    """`1 / E_c` with E_c = (1 - beta ** n_c) / (1 - beta), the effective number of n_c pixels, and beta = 1 - 1 / M.

    Cui et al., "Class-Balanced Loss Based on Effective Number of Samples" (2019). Neighbouring pixels carry
    nearly the same information, so M, the number of different pixels, is set to the mean number of pixels of a class:
    classes above it have almost equal weights, classes far below it almost inverse-frequency weights.
    """
    count = pixels.sum(axis=0)
    mean = count.mean()
    # Powers of beta are close to 1, where subtraction loses digits; expm1 and log1p keep them.
    return _scaled(1 / -np.expm1(count * np.log1p(-1 / mean))) if mean > 1 else np.ones(len(count))


def _scaled(weights: F64) -> F64:
    """Scale to a geometric mean of 1, the middle of 1 / limit .. limit; the loss does not depend on the scale."""
    return np.asarray(weights / np.exp(np.log(weights).mean()))


_METHODS = {"median": _median, "inverse": _inverse, "effective": _effective}
