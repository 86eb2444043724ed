"""Borders: by hand, against scipy.ndimage class by class, and against the published code of Boundary IoU."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from segcore.errors import EvaluationError
from segcore.metrics import (
    BOUNDARY_COLUMNS,
    bootstrap,
    boundary_band,
    boundary_counts,
    boundary_scores,
    confusion_matrix,
    scores,
    statistic,
)
from segcore.metrics.boundary import band_width

VOID = 255


@st.composite
def pairs(draw):
    """(prediction, truth, classes): blobs of classes and of void, the prediction near the truth or far from it."""
    classes = draw(st.sampled_from([1, 2, 3, 7, 70]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 45)), draw(st.integers(1, 45)))
    cell = draw(st.integers(1, 12))
    ids = [*rng.integers(0, classes, 4), *([VOID] * draw(st.integers(0, 2)))]
    coarse = rng.choice(ids, (shape[0] // cell + 1, shape[1] // cell + 1)).astype(np.uint8)
    truth = coarse.repeat(cell, 0).repeat(cell, 1)[: shape[0], : shape[1]]
    moved = np.roll(truth, draw(st.integers(-4, 4)), axis=draw(st.sampled_from([0, 1])))
    wrong = (moved == VOID) | (rng.random(shape) < draw(st.sampled_from([0, 0.02, 1])))
    return np.where(wrong, rng.integers(0, classes, shape), moved).astype(np.uint8), truth, classes


def by_scipy(prediction, truth, classes):
    """The same counts from binary morphology and Euclidean distances, one class at a time."""
    void = truth == VOID
    rows = []
    for index in range(classes):
        true, predicted = ((mask == index) & ~void for mask in (truth, prediction))
        row = []
        for width in (max(1, int(round(0.02 * math.hypot(*truth.shape)))), 3):  # noqa: RUF046
            square = np.ones((2 * width + 1, 2 * width + 1))
            bands = [item & ~ndimage.binary_erosion(item | void, square) for item in (true, predicted)]
            row += [bands[0].sum(), bands[1].sum(), (bands[0] & bands[1]).sum()]
        borders = [
            item & ~ndimage.binary_erosion(item | void, np.ones((3, 3)), border_value=1) for item in (true, predicted)
        ]
        for border, other in (borders, borders[::-1]):
            near = ndimage.distance_transform_edt(~other) <= 3 if other.any() else np.zeros_like(other)
            row += [border.sum(), (border & near).sum()]
        rows.append(row)
    return np.array(rows)


@given(pairs())
@settings(max_examples=60, deadline=None)
def test_counts_equal_scipy(case):
    prediction, truth, classes = case
    before = prediction.copy(), truth.copy()
    counts = boundary_counts(prediction, truth, classes=classes)
    assert (counts.dtype, counts.shape) == (np.int64, (classes, len(BOUNDARY_COLUMNS)))
    np.testing.assert_array_equal(counts, by_scipy(prediction, truth, classes))
    np.testing.assert_array_equal(prediction, before[0])
    np.testing.assert_array_equal(truth, before[1])


def published_boundary(mask, ratio=0.02):
    """`mask_to_boundary` of the authors' boundary_iou_api."""
    height, width = mask.shape
    dilation = max(1, int(round(ratio * np.sqrt(height**2 + width**2))))  # noqa: RUF046
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=dilation)
    return mask - eroded[1 : height + 1, 1 : width + 1]


def test_without_void_boundary_iou_is_that_of_its_authors():
    rng = np.random.default_rng(0)
    truth = cv2.resize(rng.integers(0, 3, (6, 8), dtype=np.uint8), (160, 120), interpolation=cv2.INTER_NEAREST)
    prediction = np.roll(truth, 2, axis=1)
    result = boundary_scores(boundary_counts(prediction, truth, classes=3))
    for index in range(3):
        true, predicted = (published_boundary((mask == index).astype(np.uint8)) for mask in (truth, prediction))
        assert result.iou[index] == (true * predicted).sum() / ((true + predicted) > 0).sum()
    assert result.boundary_iou == pytest.approx(result.iou.mean())


def test_a_border_two_pixels_off_is_in_reach_and_five_are_not():
    truth = np.zeros((40, 60), np.uint8)
    truth[:, 30:] = 1
    for off, f1 in ((0, 1.0), (2, 1.0), (3, 1.0), (4, 0.0), (5, 0.0)):
        shifted = np.zeros_like(truth)
        shifted[:, 30 + off :] = 1
        result = boundary_scores(boundary_counts(shifted, truth, classes=2))
        assert result.boundary_f1 == f1
    assert band_width(40, 60) == 1


def test_void_makes_no_border_and_is_never_scored():
    truth = np.zeros((60, 80), np.uint8)
    truth[:, 40:] = VOID
    anything = np.random.default_rng(0).integers(0, 2, truth.shape, dtype=np.uint8)
    prediction = np.where(truth == VOID, anything, 0).astype(np.uint8)
    counts = boundary_counts(prediction, truth, classes=2)
    result = boundary_scores(counts)
    assert (result.iou[0], result.iou_3px[0]) == (1.0, 1.0)  # the frame of the image is all its border
    assert math.isnan(result.f1[0]) and result.absent == (0, 1)
    assert counts[1].sum() == 0
    # A strip of void thinner than the band between two classes: both have a band along it.
    truth[:, 40:42], truth[:, 42:] = VOID, 1
    assert not boundary_band(truth, 1).any()
    band = boundary_band(truth, 3)
    assert band[:, 39].all() and band[:, 42].all() and not band[:, 38].any() and not band[:, 40:42].any()


def test_a_perfect_prediction_scores_one():
    rng = np.random.default_rng(1)
    truth = cv2.resize(rng.integers(0, 4, (4, 5), dtype=np.uint8), (100, 80), interpolation=cv2.INTER_NEAREST)
    result = boundary_scores(boundary_counts(truth, truth, classes=4))
    assert (result.boundary_iou, result.boundary_iou_3px, result.boundary_f1, result.absent) == (1.0, 1.0, 1.0, ())


def test_a_class_never_predicted_scores_zero_and_one_without_border_is_left_out():
    truth = np.zeros((50, 50), np.uint8)
    truth[20:30, 20:30] = 1
    result = boundary_scores(boundary_counts(np.zeros_like(truth), truth, classes=3))
    assert (result.f1[:2].tolist(), result.iou[1], result.absent) == ([0.0, 0.0], 0.0, (2,))
    assert result.boundary_f1 == 0.0


@pytest.mark.parametrize(
    ("true", "found", "predicted", "right", "f1"),
    [
        (1, 1, 1, 1, 1.0),
        (10, 1, 10, 1, 0.1),
        (4, 2, 1, 1, 2 / 3),
        (1, 0, 3, 0, 0.0),
        (3, 0, 0, 0, 0.0),
        (0, 0, 5, 2, math.nan),
    ],
)
def test_f1_of_hand_counted_borders(true, found, predicted, right, f1):
    counts = np.array([[[0] * 6 + [true, found, predicted, right]]])
    np.testing.assert_allclose(statistic("class_boundary_f1").value(counts), [f1])


def test_counts_of_images_are_summed_and_can_be_drawn():
    rng = np.random.default_rng(0)
    truths = [cv2.resize(rng.integers(0, 3, (4, 5), dtype=np.uint8), (50, 40), interpolation=0) for _ in range(12)]
    counts = np.stack([boundary_counts(np.roll(item, 1, 1), item, classes=3) for item in truths])
    result = boundary_scores(counts)
    assert result.boundary_f1 == boundary_scores(counts.sum(axis=0)).boundary_f1
    drawn = bootstrap(counts, metric="boundary_iou", resamples=500)
    assert drawn.value == result.boundary_iou
    assert drawn.low < drawn.value < drawn.high
    assert bootstrap(counts, counts, metric=statistic("class_boundary_f1", index=1)).difference == 0.0


def test_what_iou_hardly_sees_costs_a_border_much():
    truth = np.zeros((360, 480), np.uint8)
    truth[:, 240:] = 1
    shifted = np.zeros_like(truth)
    shifted[:, 246:] = 1
    iou = scores(confusion_matrix(shifted, truth, classes=2)).miou
    result = boundary_scores(boundary_counts(shifted, truth, classes=2))
    assert iou > 0.97
    assert result.boundary_iou_3px < result.boundary_iou < iou
    assert result.boundary_f1 == 0.0


@pytest.mark.parametrize(
    ("prediction", "truth", "classes", "message"),
    [
        (np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), 2, r"is \[2, 3\], the ground truth \[3, 2\]"),
        (np.zeros(3, np.uint8), np.zeros(3, np.uint8), 2, r"must match and be \[H, W\]"),
        (np.full((2, 2), 5, np.uint8), np.zeros((2, 2), np.uint8), 2, "The prediction has id 5; expected 0 to 1"),
        (np.zeros((2, 2), np.uint8), np.full((2, 2), 9, np.uint8), 2, "The ground truth has id 9; expected 0 to 1"),
        (np.array([[0, 5], [0, 0]]), np.array([[0, 255], [0, 9]]), 2, "The ground truth has id 9; expected 0 to 1"),
        (np.array([[5, 2], [0, 0]]), np.array([[255, 0], [0, 0]]), 2, "The prediction has id 2; expected 0 to 1"),
        (np.array([[-1, 0], [0, 0]]), np.zeros((2, 2), int), 2, "The prediction has id -1; expected 0 to 1"),
        (np.array([[0, 300], [0, 0]]), np.zeros((2, 2), int), 255, "The prediction has id 300; expected 0 to 254"),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), 0, "Borders of 0 classes; expected 1 to 255"),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), 256, "Borders of 256 classes; expected 1 to 255"),
    ],
)
def test_what_has_no_borders_is_refused(prediction, truth, classes, message):
    with pytest.raises(EvaluationError, match=message):
        boundary_counts(prediction, truth, classes=classes)


@pytest.mark.parametrize("kind", [np.uint8, np.int64])
def test_an_empty_mask_has_no_border(kind):
    empty = np.zeros((0, 4), kind)
    counts = boundary_counts(empty, empty, classes=2)
    assert (counts.dtype, counts.tolist()) == (np.int64, [[0] * len(BOUNDARY_COLUMNS)] * 2)


@pytest.mark.parametrize("void", [0, 3, 255, 300, -1])
def test_ids_of_any_integers_count_as_bytes_and_any_id_may_be_void(void):
    rng = np.random.default_rng(0)
    truth, prediction = (
        cv2.resize(rng.integers(0, 3, (5, 6), dtype=np.uint8), (60, 50), interpolation=cv2.INTER_NEAREST) for _ in "ab"
    )
    hidden = cv2.resize(rng.integers(0, 4, (9, 8), dtype=np.uint8), (60, 50), interpolation=cv2.INTER_NEAREST) == 0
    marked = np.where(hidden, void, truth.astype(np.int64))
    expected = boundary_counts(prediction, np.where(marked == void, VOID, truth).astype(np.uint8), classes=255)
    result = boundary_counts(prediction.astype(np.int64), marked, classes=255, ignore_index=void)
    np.testing.assert_array_equal(result, expected)
    last = boundary_counts(prediction + np.uint8(252), np.full((50, 60), 254, np.uint8), classes=255)  # ids up to 254
    assert last[254, 6:].tolist() == [0, 0, *boundary_counts(prediction, prediction * 0 + 2, classes=3)[2, 8:]]
