"""Scores in a summary."""

import numpy as np
import pytest

from segcore.errors import EvaluationError
from segcore.labels import CAMVID11, CAMVID32
from segcore.runs import ScoreInfo, void_ids


def test_void_counted_as_a_class_is_also_left_out():
    labels = CAMVID32.with_ignored(())
    void = labels.index("Void")
    assert (void_ids(labels), void_ids(CAMVID32)) == ((void,), ())
    counts = np.zeros((32, 32), np.int64)
    counts[0, 0], counts[0, void], counts[void, void] = 6, 2, 92
    result = ScoreInfo.from_counts(counts, labels)
    assert (result.pixel_accuracy, result.pixel_accuracy_without_void) == (0.98, 0.75)
    assert (result.miou, result.miou_without_void) == (pytest.approx((6 / 8 + 92 / 94) / 2), 0.75)
    assert ScoreInfo.from_counts(counts[:31, :31], CAMVID32).pixel_accuracy_without_void is None


def test_nothing_to_score_is_an_error():
    with pytest.raises(EvaluationError, match="No pixel to score: every ground-truth pixel is ignored in camvid11"):
        ScoreInfo.from_counts(np.zeros((11, 11), np.int64), CAMVID11)
