"""Counts: by hand, against torchmetrics and scikit-learn, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore.errors import EvaluationError
from segcore.metrics import confusion, confusion_matrix


@st.composite
def masks(draw):
    """(prediction, truth, classes, ignore_index): some classes absent, some pixels ignored, any size."""
    classes = draw(st.integers(2, 12))
    ignore_index = draw(st.sampled_from([255, classes, 0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    seen = draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=classes, unique=True))
    truth = rng.choice(seen, shape).astype(np.uint8)
    truth[rng.random(shape) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = ignore_index
    prediction = rng.integers(0, classes, shape, dtype=np.uint8)
    return prediction, truth, classes, ignore_index


def test_a_hand_counted_mask():
    truth = np.array([[0, 0], [1, 255]], np.uint8)
    prediction = np.array([[0, 1], [1, 0]], np.uint8)
    assert confusion_matrix(prediction, truth, classes=2).tolist() == [[1, 1], [0, 1]]


@given(masks())
@settings(max_examples=50)
def test_counts_equal_torchmetrics(case):
    import torch
    from torchmetrics.classification import MulticlassConfusionMatrix

    prediction, truth, classes, ignore_index = case
    metric = MulticlassConfusionMatrix(classes, ignore_index=ignore_index)
    expected = metric(torch.from_numpy(prediction.astype(np.int64)), torch.from_numpy(truth.astype(np.int64)))
    counts = confusion_matrix(prediction, truth, classes=classes, ignore_index=ignore_index)
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(counts, expected.numpy())


@given(masks())
def test_counts_equal_scikit_learn(case):
    from sklearn.metrics import confusion_matrix as reference

    prediction, truth, classes, ignore_index = case
    scored = truth != ignore_index
    expected = np.zeros((classes, classes), np.int64)
    if scored.any():
        expected = reference(truth[scored], prediction[scored], labels=range(classes))
    counts = confusion_matrix(prediction, truth, classes=classes, ignore_index=ignore_index)
    np.testing.assert_array_equal(counts, expected)


@given(masks())
def test_inputs_are_untouched_and_int64_counts_the_same(case):
    prediction, truth, classes, ignore_index = case
    before = prediction.copy(), truth.copy()
    counts = confusion_matrix(prediction, truth, classes=classes, ignore_index=ignore_index)
    np.testing.assert_array_equal(prediction, before[0])
    np.testing.assert_array_equal(truth, before[1])
    wide = confusion_matrix(
        prediction.astype(np.int64), truth.astype(np.int64), classes=classes, ignore_index=ignore_index
    )
    np.testing.assert_array_equal(counts, wide)


def test_counts_beyond_float32_are_exact():
    # 2^24 + 3 pixels in one cell: float32 would say 2^24 + 4.
    truth = np.zeros((1, (1 << 24) + 3), np.uint8)
    assert confusion_matrix(truth, truth, classes=1).tolist() == [[(1 << 24) + 3]]


@pytest.mark.parametrize("pixels", [1, 2, 3, 4, 5, 6, 7, 4097])
def test_pixels_that_quarters_leave_over_are_counted(pixels):
    truth = np.arange(pixels, dtype=np.uint8)[None] % 7
    counts = confusion_matrix(truth[:, ::-1], truth, classes=7)
    expected = np.zeros((7, 7), np.int64)
    np.add.at(expected, (truth.ravel(), truth.ravel()[::-1]), 1)
    np.testing.assert_array_equal(counts, expected)


def test_chunks_add_up(monkeypatch):
    rng = np.random.default_rng(0)
    prediction, truth = rng.integers(0, 5, (2, 33, 17), dtype=np.uint8)
    whole = confusion_matrix(prediction, truth, classes=5)
    monkeypatch.setattr(confusion, "PIXELS_AT_ONCE", 100)
    np.testing.assert_array_equal(confusion_matrix(prediction, truth, classes=5), whole)


def test_a_view_with_strides_counts_as_its_copy():
    rng = np.random.default_rng(0)
    prediction, truth = rng.integers(0, 3, (2, 20, 30), dtype=np.uint8)
    view = confusion_matrix(prediction[::2, ::-3], truth[::2, ::-3], classes=3)
    copy = confusion_matrix(prediction[::2, ::-3].copy(), truth[::2, ::-3].copy(), classes=3)
    np.testing.assert_array_equal(view, copy)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, bool])
def test_an_empty_mask_counts_nothing(kind):
    empty = np.zeros((0, 5), kind)
    assert confusion_matrix(empty, empty, classes=2).tolist() == [[0, 0], [0, 0]]


def test_masks_of_two_values_and_the_last_class_are_counted():
    bits = np.array([[True, False, True]])
    assert confusion_matrix(bits, bits, classes=2).tolist() == [[1, 0], [0, 2]]
    last = np.array([[254, 0]])
    counts = confusion_matrix(last, np.array([[254, 255]]), classes=255)
    assert counts[254, 254] == counts.sum() == 1


def test_a_prediction_outside_the_classes_is_refused_where_scored():
    truth = np.array([[0, 255]], np.uint8)
    assert confusion_matrix(np.array([[0, 7]], np.uint8), truth, classes=2).sum() == 1
    with pytest.raises(EvaluationError, match=r"The prediction has id 7 \(1 pixels\); expected 0 to 1 wherever the"):
        confusion_matrix(np.array([[7, 0]], np.uint8), truth, classes=2)


def test_a_truth_outside_the_classes_is_refused():
    truth = np.array([[0, 11, 11]], np.uint8)
    with pytest.raises(
        EvaluationError, match=r"ground truth has id 11 \(2 pixels\); expected 0 to 10 or 255 \(ignored"
    ):
        confusion_matrix(np.zeros_like(truth), truth, classes=11)


@pytest.mark.parametrize(("ignore_index", "pixels"), [(-1, 2), (0, 1), (255, 2), (256, 2)])
def test_foreign_ids_are_counted_where_the_truth_is_scored(ignore_index, pixels):
    truth, prediction = np.array([[0, 1]], np.uint8), np.full((1, 2), 9, np.uint8)
    message = rf"has id 9 \({pixels} pixels\); .* is scored\. The labels of the model and of the data differ"
    with pytest.raises(EvaluationError, match=message):
        confusion_matrix(prediction, truth, classes=2, ignore_index=ignore_index)


@pytest.mark.parametrize("ignore_index", [-1, 0, 255, 256])
def test_one_foreign_pixel_is_refused_whatever_is_ignored(ignore_index):
    mask = np.array([[1, 9, 1, 1]], np.uint8)
    for prediction, truth in ((mask, mask * 0 + 1), (mask * 0 + 1, mask)):
        with pytest.raises(EvaluationError, match=r"has id 9 \(1 pixels\); expected 0 to 1"):
            confusion_matrix(prediction, truth, classes=2, ignore_index=ignore_index)


def test_another_shape_is_refused():
    with pytest.raises(
        EvaluationError, match=r"The prediction is \[2, 3\], the ground truth \[4, 6\]; they must match"
    ):
        confusion_matrix(np.zeros((2, 3), np.uint8), np.zeros((4, 6), np.uint8), classes=2)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((2, 2), np.float32), "The prediction is float32; expected class ids as integers"),
        (np.full((2, 2), 300), "The prediction has ids 300 to 300; expected 0 to 255"),
        (np.full((2, 2), -1), "The prediction has ids -1 to -1; expected 0 to 255"),
        (np.array([[0, 0], [0, 256]]), "The prediction has ids 0 to 256; expected 0 to 255"),
    ],
)
def test_what_is_no_class_id_is_refused(mask, message):
    fine = np.zeros((2, 2), np.uint8)
    with pytest.raises(EvaluationError, match=message):
        confusion_matrix(mask, fine, classes=2)
    with pytest.raises(EvaluationError, match=message.replace("prediction", "ground truth")):
        confusion_matrix(fine, mask, classes=2)


@pytest.mark.parametrize("classes", [0, 256])
def test_a_number_of_classes_out_of_range_is_refused(classes):
    mask = np.zeros((1, 1), np.uint8)
    with pytest.raises(EvaluationError, match=rf"of {classes} classes; expected 1 to 255"):
        confusion_matrix(mask, mask, classes=classes)
