"""Scores: by hand, against scikit-learn to 1e-12, and the policy on absent classes."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore.errors import EvaluationError
from segcore.metrics import CLASS_SCORES, EXPLAIN, HELP, POLICY, SCORES, confusion_matrix, per_image, scores

COUNTS = np.array([[3, 1], [0, 4]])


def test_hand_counted_scores():
    result = scores(COUNTS)
    assert result.iou.tolist() == [3 / 4, 4 / 5]
    assert result.miou == (3 / 4 + 4 / 5) / 2
    assert result.pixel_accuracy == 7 / 8
    assert result.accuracy.tolist() == [3 / 4, 1.0]
    assert result.mean_accuracy == (3 / 4 + 1) / 2
    assert result.precision.tolist() == [1.0, 4 / 5]
    assert result.dice.tolist() == [6 / 7, 8 / 9]
    assert result.mean_dice == pytest.approx((6 / 7 + 8 / 9) / 2, abs=1e-15)
    assert result.frequency_weighted_iou == pytest.approx((4 * 3 / 4 + 4 * 4 / 5) / 8, abs=1e-15)
    assert (result.absent, result.pixels) == ((), 8)


def test_a_class_absent_from_the_truth_is_left_out_and_named():
    result = scores(np.array([[4, 0, 1], [0, 5, 0], [0, 0, 0]]))
    assert result.absent == (2,)
    assert result.miou == (4 / 5 + 1) / 2
    for values in (result.iou, result.accuracy, result.precision, result.dice):
        assert np.isnan(values).tolist() == [False, False, True]


def test_a_class_never_predicted_scores_zero():
    result = scores(np.array([[4, 0], [2, 0]]))
    assert (result.iou[1], result.precision[1], result.dice[1]) == (0.0, 0.0, 0.0)


def test_without_drops_true_void_but_keeps_the_mistake_of_calling_it_so():
    void = 2
    counts = np.array([[6, 0, 2], [0, 8, 0], [3, 1, 4]])
    result = scores(counts, without=(void,))
    assert result.pixel_accuracy == 14 / 16
    assert result.iou[:2].tolist() == [6 / 8, 1.0]
    assert result.absent == (void,)


def test_nothing_scored_is_nan_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = scores(np.zeros((3, 3), np.int64))
    assert np.isnan([result.miou, result.pixel_accuracy, result.mean_dice, result.frequency_weighted_iou]).all()
    assert (result.absent, result.pixels) == ((0, 1, 2), 0)


def test_counts_of_images_are_summed_not_averaged():
    images = np.stack([COUNTS, 3 * COUNTS[::-1]])
    assert scores(images).miou == scores(images.sum(axis=0)).miou


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(1, 400))
def test_scores_equal_scikit_learn(seed, classes, pixels):
    from sklearn import metrics as reference

    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, pixels).astype(np.uint8)
    prediction = np.where(rng.random(pixels) < 0.5, truth, rng.integers(0, classes, pixels)).astype(np.uint8)
    truth[rng.random(pixels) < 0.1] = 255
    scored = truth != 255
    if not scored.any():
        return
    result = scores(confusion_matrix(prediction, truth, classes=classes))
    truth, prediction = truth[scored], prediction[scored]
    present = np.unique(truth)
    every = {"labels": range(classes), "average": None, "zero_division": 0}
    close = {"rtol": 0, "atol": 1e-12}
    iou = reference.jaccard_score(truth, prediction, **every)[present]
    np.testing.assert_allclose(result.iou[present], iou, **close)
    np.testing.assert_allclose(result.miou, iou.mean(), **close)
    recall = reference.recall_score(truth, prediction, **every)[present]
    np.testing.assert_allclose(result.accuracy[present], recall, **close)
    np.testing.assert_allclose(result.mean_accuracy, recall.mean(), **close)
    np.testing.assert_allclose(
        result.precision[present], reference.precision_score(truth, prediction, **every)[present], **close
    )
    dice = reference.f1_score(truth, prediction, **every)[present]
    np.testing.assert_allclose(result.dice[present], dice, **close)
    np.testing.assert_allclose(result.mean_dice, dice.mean(), **close)
    np.testing.assert_allclose(result.pixel_accuracy, reference.accuracy_score(truth, prediction), **close)
    weighted = reference.jaccard_score(truth, prediction, average="weighted", labels=range(classes), zero_division=0)
    np.testing.assert_allclose(result.frequency_weighted_iou, weighted, **close)
    assert result.absent == tuple(sorted(set(range(classes)) - set(present.tolist())))


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 5))
def test_each_image_scores_as_it_would_alone(seed, images, classes):
    counts = np.random.default_rng(seed).integers(0, 4, (images, classes, classes))
    counts *= np.random.default_rng(seed + 1).integers(0, 2, (images, classes, 1))
    before = counts.copy()
    result = per_image(counts)
    np.testing.assert_array_equal(counts, before)
    for index, image in enumerate(counts):
        alone = scores(image)
        for name, values in result.items():
            np.testing.assert_array_equal(values[index], getattr(alone, name), err_msg=name)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (np.zeros((2, 3), np.int64), r"int64 \[2, 3\]; expected \[C, C\] or \[N, C, C\] integers"),
        (np.zeros((2, 2)), r"float64 \[2, 2\]; expected \[C, C\]"),
        (np.array([[1, -2], [0, 0]]), "go down to -2; expected 0 or more"),
    ],
)
def test_what_are_no_counts_is_refused(counts, message):
    with pytest.raises(EvaluationError, match=message):
        scores(counts)


def test_leaving_out_no_class_is_refused():
    with pytest.raises(EvaluationError, match=r"Can't leave out classes \[2\]; expected ids 0 to 1"):
        scores(COUNTS, without=(2,))


def test_policy_and_help_are_sentences():
    for text in (POLICY, *HELP.values(), *EXPLAIN.values()):
        assert text.endswith(".")
    assert max(map(len, HELP.values())) < 120, "help is one hover long"
    assert {*SCORES, *CLASS_SCORES} <= set(HELP)
    assert set(scores(COUNTS).__dataclass_fields__) - {"absent", "pixels"} <= set(HELP)
