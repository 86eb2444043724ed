"""Scores: by hand, against scikit-learn to 1e-12, and the policy on absent classes."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore.errors import EvaluationError
from segcore.metrics import (
    CLASS_SCORES,
    EXPLAIN,
    HELP,
    POLICY,
    SCORES,
    Sums,
    confusion_matrix,
    per_image,
    scores,
    statistic,
)

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
        (
            np.zeros(4, np.int64),
            r"int64 \[4\]; expected \[C, C\] or \[N, C, C\] integers, rows = truth, as confusion_m",
        ),
        (np.zeros((1, 1, 2, 2), np.int64), r"int64 \[1, 1, 2, 2\]; expected \[C, C\]"),
        (np.zeros((1, 2, 3), np.int64), r"int64 \[1, 2, 3\]; expected \[C, C\]"),
        (np.array([[1, -2], [0, 0]]), "go down to -2; expected 0 or more"),
        (np.array([[1, 2], [0, -1]]), "go down to -1; expected 0 or more"),
    ],
)
def test_what_are_no_counts_is_refused(counts, message):
    with pytest.raises(EvaluationError, match=message):
        scores(counts)


@pytest.mark.parametrize("without", [(2,), (-1,), (0, 2), (1, -1)])
def test_leaving_out_no_class_is_refused(without):
    message = re.escape(f"Can't leave out classes {sorted(without)}; expected ids 0 to 1.")
    with pytest.raises(EvaluationError, match=message):
        scores(COUNTS, without=without)


@pytest.mark.parametrize("without", [(0,), (2, 0), (1, 1), (0, 1, 2)])
def test_classes_left_out_have_no_true_pixels_and_counts_stay_as_they_are(without):
    counts = np.arange(18).reshape(2, 3, 3)
    before, rest = counts.copy(), counts.copy()
    rest[:, list(without)] = 0
    sums, expected = Sums.of(counts, without), Sums.of(rest)
    for name in ("right", "true", "predicted"):
        np.testing.assert_array_equal(getattr(sums, name), getattr(expected, name))
    boundary = np.arange(60).reshape(2, 3, 10)
    kept = boundary.copy()
    values = statistic("class_boundary_f1", without=without).value(boundary)
    kept[:, list(without)] = 0
    np.testing.assert_array_equal(values, statistic("class_boundary_f1").value(kept))
    np.testing.assert_array_equal(np.isnan(values), np.isin(range(3), without))
    np.testing.assert_array_equal(counts, before)
    assert boundary[1, 2, 9] == 59 and boundary[0].sum() == sum(range(30))


def test_a_statistic_says_what_it_takes_and_is_of_each_class_or_of_all():
    counts = np.array([[[3, 1], [0, 4]], [[0, 0], [2, 2]]])
    function = statistic("iou", index=1)
    assert (function.name, function.source, function.mean_of_classes) == ("iou", "confusion", True)
    np.testing.assert_allclose(function.per_image(counts), [4 / 5, 1 / 2])
    every = statistic("class_miou")
    assert (every.name, every.source, every.mean_of_classes) == ("class_miou", "confusion", False)
    np.testing.assert_allclose(every.value(counts), [3 / 6, 6 / 9])
    assert statistic("class_miou", index=0).value(counts) == 0.5
    assert statistic("miou").value(counts) == pytest.approx((3 / 6 + 6 / 9) / 2)
    np.testing.assert_allclose(statistic("class_miou", without=(1,)).value(counts), [3 / 4, np.nan])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: statistic("class_iou"), "No metric 'class_iou'. Choose one of miou, "),
        (lambda: statistic("iuo"), f"Choose one of {', '.join([*SCORES, *CLASS_SCORES])}."),
        (lambda: statistic("iou", index=2).value(COUNTS[None]), "No class 2; expected 0 to 1."),
        (lambda: statistic("iou", index=-1).value(COUNTS[None]), "No class -1; expected 0 to 1."),
        (lambda: statistic("miou", index=0), "'miou' is no score of one class; iou, precision, accuracy, dice are."),
        (
            lambda: statistic(next(key for key, score in SCORES.items() if score.without_void)),
            "leaves classes out: say which, e.g. statistic(",
        ),
        (lambda: statistic("ece", without=(0,)).value(np.zeros((1, 15, 5))), "confusion and boundary counts alone."),
        (
            lambda: statistic("boundary_f1").value(np.zeros((2, 10), int)),
            "Boundary counts are [2, 10]; expected [N, C, 10], as of boundary_counts of each image.",
        ),
        (lambda: statistic("boundary_f1").value(np.zeros((1, 2, 9), int)), "counts are [1, 2, 9]; expected [N, C, 10]"),
        (lambda: statistic("entropy").value(np.zeros((2, 2))), "Entropies are [2, 2]; expected [N], the mean of each"),
        (
            lambda: statistic("ece").value(np.zeros((1, 15, 4))),
            "Calibration counts are [1, 15, 4]; expected [N, 15, 5], as of",
        ),
    ],
)
def test_what_is_no_statistic_is_refused(call, message):
    with pytest.raises(EvaluationError, match=re.escape(message)):
        call()


OF_CONFUSION = [score for score in (*SCORES.values(), *CLASS_SCORES.values()) if score.source == "confusion"]


@pytest.mark.parametrize("score", OF_CONFUSION, ids=lambda score: score.key)
def test_the_function_of_a_score_is_its_statistic_and_may_leave_classes_out(score):
    counts = np.random.default_rng(0).integers(1, 9, (4, 3, 3))
    for without in ((1,), [0, 2]):
        expected = statistic(score.key, without=without).value(counts)
        np.testing.assert_array_equal(score.function(without=without).value(counts), expected)
        assert not np.array_equal(score.function().value(counts), expected)


def test_policy_and_help_are_sentences():
    for text in (POLICY, *HELP.values(), *EXPLAIN.values()):
        assert text.endswith(".")
    assert max(map(len, HELP.values())) < 120, "help is one hover long"
    assert {*SCORES, *CLASS_SCORES} <= set(HELP)
    assert set(scores(COUNTS).__dataclass_fields__) - {"absent", "pixels"} <= set(HELP)
