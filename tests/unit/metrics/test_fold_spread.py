"""What folds add to an interval: against the formula of its module."""

import math

import numpy as np
import pytest
from scipy import stats

from segcore.metrics.fold_spread import fold_half_width


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("folds", [(0.4, 0.6), (0.4, 0.5, 0.6), (0.2, 0.3, 0.3, 0.5, 0.9)])
@pytest.mark.parametrize("sampled", [0.0, 1e-3])
def test_folds_widen_by_students_t_of_the_variance_that_the_images_leave_open(folds, sampled, share):
    count, mean = len(folds), sum(folds) / len(folds)
    variance = sum((fold - mean) ** 2 for fold in folds) / (count - 1)
    trainings = (variance / count - sampled) * (1 + count / (count - 1))
    expected = stats.t.ppf((1 + share) / 2, count - 1) * math.sqrt(trainings)
    assert fold_half_width(np.array(folds), sampled, share) == pytest.approx(expected, rel=1e-6)
    with_gaps = np.array([math.nan, *folds, math.nan])
    assert fold_half_width(with_gaps, sampled, share) == fold_half_width(np.array(folds), sampled, share)


@pytest.mark.parametrize("folds", [(), (0.5,), (0.5, math.nan), (0.5, 0.5)])
def test_one_fold_or_folds_alike_add_nothing(folds):
    assert fold_half_width(np.array(folds), 0.0) == 0.0
