"""What the models of a cross-validation add to the uncertainty of its out-of-fold score.

Each image is scored by the model of its fold, and the score of all images is one number. A bootstrap over images holds
the models fixed. K folds are K trainings, though: where the scores of the folds differ by more than the luck of their
images explains, the rest is the luck of training (seed, training images), and belongs into the interval.

The variance of a mean of K folds is S^2 / K. From it the variance that the bootstrap found is taken away, as in an
analysis of variance; what remains, if it is above 0, is the share of the trainings. Its part of the interval is that of
Student's t for K - 1 degrees of freedom. Models of two folds share most of their training images, so that what a fold
shows of training is less than what other images would change: the share is multiplied by 1 + K / (K - 1), the
correction of Nadeau & Bengio (Machine Learning 52, 2003) for overlapping training sets.
"""

from __future__ import annotations

import math

import numpy as np

from segcore.arrays import F64
from segcore.metrics.student_t import t_quantile


def fold_half_width(folds: F64, sampled: float, share: float = 0.95) -> float:
    """Half the width that the trainings of the folds add to an interval, to be added in quadrature; 0 for one fold.

    Args:
        folds: `[K]` scores, or differences of scores, of each fold's images by themselves; NaN where there is none.
        sampled: Variance of the score of all images over bootstrap samples of images.
        share: What share of such intervals holds the truth.

    >>> fold_half_width(np.array([0.5, 0.5, 0.5]), 0.01), round(fold_half_width(np.array([0.4, 0.5, 0.6]), 0.0), 3)
    (0.0, 0.393)
    """
    known = folds[~np.isnan(folds)]
    count = known.size
    if count < 2:
        return 0.0
    trainings = max(0.0, float(known.var(ddof=1)) / count - sampled) * (1 + count / (count - 1))
    return t_quantile((1 + share) / 2, count - 1) * math.sqrt(trainings)
