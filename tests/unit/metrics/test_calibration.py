"""Calibration: against plain loops, scikit-learn, torchmetrics and scipy, and what a temperature does."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore.errors import EvaluationError
from segcore.metrics import Reliability, Sampled, calibration_counts, fit_temperature, grid_step


def softmax(logits, temperature=1.0):
    share = np.exp(logits / temperature - (logits / temperature).max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)


def drawn(seed, pixels, classes, temperature):
    """(logits, truth): truth drawn from the softmax at a temperature, so that it is the one to be found."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (pixels, classes)).astype(np.float32)
    share = softmax(logits.astype(np.float64), temperature)
    truth = (rng.random((pixels, 1)) > share.cumsum(axis=1)).sum(axis=1)
    return logits, np.minimum(truth, classes - 1)


@st.composite
def images(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 30)), draw(st.integers(1, 30)))
    classes = draw(st.integers(2, 6))
    confidence = rng.random(shape).astype(np.float32)
    confidence[rng.random(shape) < 0.3] = draw(st.sampled_from([0.0, 1 / 3, 0.2, 1.0]))
    prediction, truth = rng.integers(0, classes, (2, *shape), dtype=np.uint8)
    truth[rng.random(shape) < draw(st.sampled_from([0, 0.3, 1]))] = 255
    return confidence, prediction, truth


@given(images())
@settings(max_examples=40, deadline=None)
def test_bins_and_ece_equal_a_plain_loop(case):
    confidence, prediction, truth = case
    bins = [[] for _ in range(15)]
    for sure, guess, true in zip(confidence.ravel(), prediction.ravel(), truth.ravel(), strict=True):
        if true != 255:
            bins[min(max(math.ceil(float(sure) * 15) - 1, 0), 14)].append((float(sure), guess == true))
    result = Reliability.of(calibration_counts(*case))
    total = sum(map(len, bins))
    assert result.pixels.tolist() == [len(item) for item in bins]
    assert result.pixels.sum() == (truth != 255).sum() and result.pixels.dtype == np.int64
    ece = 0.0
    for index, item in enumerate(bins):
        if not item:
            assert math.isnan(result.accuracy[index]) and math.isnan(result.confidence[index])
            continue
        sure, right = (np.mean([pair[place] for pair in item]) for place in (0, 1))
        assert (result.accuracy[index], result.confidence[index]) == (pytest.approx(right), pytest.approx(sure))
        ece += len(item) / total * abs(right - sure)
    assert math.isnan(result.ece) if not total else result.ece == pytest.approx(ece)


def test_ece_is_that_of_torchmetrics():
    import torch
    from torchmetrics.functional.classification import multiclass_calibration_error

    logits, truth = drawn(0, 4000, 5, 0.6)
    share = softmax(logits.astype(np.float64))
    expected = multiclass_calibration_error(torch.from_numpy(share), torch.from_numpy(truth), 5, n_bins=15, norm="l1")
    result = Reliability.of(calibration_counts(share.max(axis=1), share.argmax(axis=1), truth))
    assert result.ece == pytest.approx(float(expected), abs=1e-6)


def test_likelihood_is_that_of_scikit_learn_and_all_pixels_sum_up():
    from sklearn.metrics import log_loss

    logits, truth = drawn(1, 600, 4, 1.0)
    for temperature in (1.0, 2.5):
        share = softmax(logits.astype(np.float64), temperature)
        counts = Sampled(logits, truth).counts(temperature)
        result = Reliability.of(counts)
        assert result.nll == pytest.approx(log_loss(truth, share, labels=range(4)))
        alone = calibration_counts(share.max(axis=1), share.argmax(axis=1), truth)
        np.testing.assert_allclose(counts[:, :3], alone[:, :3])
        np.testing.assert_array_equal(counts[:, 3], counts[:, 0])
    halves = np.stack([Sampled(logits[part], truth[part]).counts() for part in (slice(0, 250), slice(250, None))])
    assert Reliability.of(halves).nll == pytest.approx(Reliability.of(Sampled(logits, truth).counts()).nll)


def test_large_logits_and_the_default_temperature():
    logits = np.array([[1000, 0], [-1000, -1001]], np.float32)
    sampled = Sampled(logits, np.array([0, 1]))
    assert Reliability.of(sampled.counts()).nll == pytest.approx(math.log(1 + math.e) / 2)  # the first is certain
    np.testing.assert_array_equal(sampled.counts(), sampled.counts(1.0))
    assert sampled.counts(2.0)[:, 4].sum() == pytest.approx(math.log(1 + math.exp(0.5)))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0, 6.0])
def test_the_temperature_that_made_the_data_is_found(temperature):
    logits, truth = drawn(2, 20_000, 6, temperature)
    result = fit_temperature(logits, truth)
    assert result == pytest.approx(temperature, rel=0.06)
    before, after = (Reliability.of(Sampled(logits, truth).counts(item)) for item in (1.0, result))
    assert after.nll <= before.nll
    assert after.ece < 0.02
    if temperature != 1.0:
        assert after.ece < before.ece / 3


def test_the_temperature_is_the_minimum_that_scipy_finds():
    from scipy.optimize import minimize_scalar

    logits, truth = drawn(3, 500, 3, 1.7)

    def nll(temperature):
        return -np.log(softmax(logits.astype(np.float64), temperature)[np.arange(500), truth]).mean()

    expected = minimize_scalar(nll, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-8}).x
    assert fit_temperature(logits, truth) == pytest.approx(expected, rel=1e-4)


def test_a_model_that_is_always_right_or_never_ends_at_the_bounds():
    logits = np.eye(3, dtype=np.float32)[[0, 1, 2]]
    assert fit_temperature(logits, np.array([0, 1, 2])) == pytest.approx(0.05, rel=1e-3)
    assert fit_temperature(logits, np.array([1, 2, 0])) == pytest.approx(20, rel=1e-3)


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 7]))
@settings(max_examples=20, deadline=None)
def test_a_number_added_to_all_logits_of_a_pixel_changes_no_temperature(seed, classes):
    rng = np.random.default_rng(seed)
    added = rng.normal(0, 5, (50, 1)).astype(np.float32)
    logits, truth = rng.normal(0, 3, (50, classes)).astype(np.float32), rng.integers(0, classes, 50)
    assert fit_temperature(logits + added, truth) == pytest.approx(fit_temperature(logits, truth), rel=1e-4)
    # Logits that are equal fit as well at any temperature: it is the one of the least sharpness.
    assert fit_temperature(np.tile(added, classes), truth) == pytest.approx(20, rel=1e-3)


def test_sampled_logits_are_those_of_a_prediction():
    import torch
    from torch.nn.functional import interpolate

    rng = np.random.default_rng(0)
    for (height, width), (rows, columns) in (((23, 31), (6, 8)), ((9, 12), (9, 12)), ((10, 14), (30, 20))):
        logits = rng.normal(size=(4, rows, columns)).astype(np.float32)
        truth = rng.integers(0, 4, (height, width), dtype=np.uint8)
        truth[:3] = 255
        full = interpolate(torch.from_numpy(logits)[None], size=(height, width), mode="bilinear")[0].numpy()
        result = Sampled.of(logits, truth)
        np.testing.assert_allclose(result.logits, full[:, truth != 255].T, atol=1e-5)
        np.testing.assert_array_equal(result.truth, truth[truth != 255])
        few = Sampled.of(logits, truth, grid_step(height, width, 20))
        assert 0 < len(few) <= 20
        both = Sampled.joined([result, few])
        assert (len(both), both.truth[-1]) == (len(result) + len(few), few.truth[-1])
        np.testing.assert_array_equal(both.logits, np.concatenate([result.logits, few.logits]))
        assert (both.logits.dtype, both.truth.dtype) == (np.float32, np.int64)


def test_a_grid_begins_half_a_step_inside_the_image():
    truth = np.arange(70, dtype=np.uint8).reshape(10, 7)
    logits = np.stack([truth, -1.0 * truth]).astype(np.float32)
    few = Sampled.of(logits, truth, 4)
    assert few.truth.tolist() == [2 * 7 + 2, 2 * 7 + 6, 6 * 7 + 2, 6 * 7 + 6]
    np.testing.assert_array_equal(few.logits, np.stack([few.truth, -few.truth], axis=1))
    assert Sampled.of(logits, truth, 100).truth.tolist() == [69]  # a step beyond the image: its last pixel
    assert [grid_step(10, 7, most) for most in (70, 69, 0)] == [1, 2, 9]


def test_any_id_may_be_void_and_confidence_may_be_rounded_above_one():
    truth, prediction = np.array([[0, 1], [2, 2]], np.uint8), np.array([[0, 1], [2, 0]], np.uint8)
    counts = calibration_counts(np.array([[0.5, 1 + 1e-6], [0.0, 1.0]]), prediction, truth, ignore_index=0)
    assert counts.shape == (15, 5) and counts[[0, 14], :2].tolist() == [[1, 1], [2, 1]] and counts[:, 3:].sum() == 0
    logits = np.zeros((3, 2, 2), np.float32)
    assert Sampled.of(logits, truth, ignore_index=0).truth.tolist() == [1, 2, 2]


def test_nothing_scored_is_nan_without_a_warning_and_cannot_be_fitted():
    void = np.full((4, 5), 255, np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = Reliability.of(calibration_counts(np.ones((4, 5)), void, void))
    assert np.isnan(result.accuracy).all() and np.isnan(result.confidence).all()
    assert math.isnan(result.ece) and math.isnan(result.nll)
    sampled = Sampled.of(np.zeros((3, 4, 5), np.float32), void, 9)
    assert (len(sampled), sampled.counts().sum()) == (0, 0)
    with pytest.raises(EvaluationError, match="No pixel to fit a temperature to"):
        fit_temperature(sampled.logits, sampled.truth)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: calibration_counts(np.ones((2, 3)), np.zeros((3, 2)), np.zeros((3, 2))),
            r"\[2, 3\], \[3, 2\], \[3, 2\]",
        ),
        (lambda: calibration_counts(np.full((1, 1), 1.2), np.zeros((1, 1)), np.zeros((1, 1))), "from 1.2 to 1.2"),
        (lambda: calibration_counts(np.full((1, 1), np.nan), np.zeros((1, 1)), np.zeros((1, 1))), "from nan to nan"),
        (lambda: calibration_counts(np.full((1, 1), -0.1), np.zeros((1, 1)), np.zeros((1, 1))), "from -0.1 to -0.1"),
        (lambda: calibration_counts(np.ones((2, 3)), np.zeros((2, 3)), np.zeros((3, 2))), r"\[2, 3\], \[3, 2\]; they"),
        (
            lambda: Reliability.of(np.zeros((1, 1, 15, 5))),
            r"are \[1, 1, 15, 5\]; expected \[15, 5\] or those of N images",
        ),
        (lambda: fit_temperature(np.full((2, 3), np.inf, np.float32), np.array([0, 1])), "logits that are not finite"),
        (lambda: Reliability.of(np.zeros((10, 3))), r"Calibration counts are \[10, 3\]; expected \[15, 5\]"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(call, message):
    with pytest.raises(EvaluationError, match=message):
        call()
