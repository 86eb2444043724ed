"""Samples of several runs and classes: against plain loops over draws, and laws of their pairs."""

import math
from dataclasses import astuple

import numpy as np
import pytest
from scipy import stats

from segcore.errors import EvaluationError
from segcore.metrics import BootstrapSamples, bootstrap, resample, scores, statistic
from segcore.metrics.block_bootstrap import Blocks
from segcore.metrics.bootstrap_intervals import CELLS_AT_ONCE


def rare(seed, images=7, classes=3):
    """`[N, C, C]` counts: each class is in two images and by chance in others, and the last image is all void."""
    rng = np.random.default_rng(seed)
    present = rng.random((images, classes)) < 0.3
    for place in range(2 * classes):
        present[place, place % classes] = True
    present[-1] = False
    return rng.integers(1, 50, (images, classes, classes)) * present[:, :, None]


def samples_of(a, b, blocks, folds=((), ())):
    """Two runs with these scores of their draws and of their folds."""
    values, number = np.array([a, b], float), np.full(2, blocks)
    return BootstrapSamples(values, values.mean(axis=1), number, number, np.zeros(2), np.array(folds, float))


@pytest.mark.parametrize("cells", [CELLS_AT_ONCE, 1])
@pytest.mark.parametrize("metric", ["miou", "iou"])
def test_draws_that_lack_a_class_are_scored_and_counted_as_in_a_plain_loop(monkeypatch, metric, cells):
    monkeypatch.setattr("segcore.metrics.bootstrap_intervals.CELLS_AT_ONCE", cells)
    runs = [rare(0), rare(1)]
    runs[0][:, 2] = 0  # absent from all images
    runs[1][:4] = 0  # so that some draws have nothing to score
    result = resample(runs, metric, resamples=60, seed=7)
    weights = Blocks.of(7, 1).draw(60, np.random.default_rng(7)).astype(int)
    for run, counts in enumerate(runs):
        whole = scores(counts).iou
        drawn = np.array([scores((draw[:, None, None] * counts).sum(axis=0)).iou for draw in weights])
        lost = np.isnan(drawn) & ~np.isnan(whole)
        expected, share = drawn, lost.mean(axis=0)
        if metric == "miou":
            some = ~np.isnan(drawn).all(axis=1)
            expected, share = np.full(60, math.nan), lost.any(axis=1).mean()
            expected[some] = np.nanmean(np.where(lost, whole, drawn)[some], axis=1)
        np.testing.assert_allclose(result.values[run], expected)
        np.testing.assert_allclose(result.vanished[run], share)
    assert 0 < np.isnan(result.values[1]).sum() < np.isnan(result.values[0]).size


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_interval_and_the_pair_of_a_class_are_those_of_its_statistic(index):
    a, b = rare(2, images=30), rare(3, images=30)
    samples = resample([a, b], "iou", resamples=300, seed=3)
    expected = bootstrap(a, b, statistic("iou", index=index), resamples=300, seed=3)
    assert expected.blocks > 1
    np.testing.assert_equal(astuple(samples.pair(0, 1, index=index)), astuple(expected))
    np.testing.assert_equal(astuple(samples.interval(1, index=index)), astuple(expected.b))


def test_fewer_samples_are_the_first_of_more():
    more = resample([rare(0)], resamples=5, seed=2).values
    for number in (1, 2, 4):
        np.testing.assert_array_equal(resample([rare(0)], resamples=number, seed=2).values, more[:, :number])


def test_what_the_folds_of_two_runs_have_in_common_widens_no_difference():
    a, b = np.random.default_rng(0).normal((0.5, 0.45), 0.02, (200, 2)).T
    alike = samples_of(a, b, 20, [(0.1, 0.2, 0.3), (0.05, 0.15, 0.25)])
    assert astuple(alike.pair(0, 1))[2:] == pytest.approx(astuple(samples_of(a, b, 20).pair(0, 1))[2:])
    apart = samples_of(a, b, 20, [(0.1, 0.2, 0.3), (0.3, 0.2, 0.1)])
    assert apart.pair(0, 1).high - apart.pair(0, 1).low > alike.interval(0).high - alike.interval(0).low


@pytest.mark.parametrize(("worse", "equal", "better"), [(300, 100, 600), (700, 200, 100), (0, 500, 500), (1, 0, 999)])
@pytest.mark.parametrize("blocks", [2, 12, 200])
def test_a_probability_is_that_of_the_share_of_better_draws_and_ties_count_half(blocks, worse, equal, better):
    share = (better + equal / 2) / 1000
    expected = stats.t.cdf(stats.norm.ppf(share) * math.sqrt((blocks - 1) / blocks), blocks - 1)
    gaps = np.repeat([-0.3, 0.0, 0.001], [worse, equal, better])  # by how much doesn't matter
    assert samples_of(0.5 + gaps, np.full(1000, 0.5), blocks).pair(0, 1).probability == pytest.approx(expected)


def test_each_image_is_of_one_fold():
    with pytest.raises(EvaluationError, match=r"^2 folds of 7 images; expected one for each image\.$"):
        resample([rare(0)], resamples=5, folds=[0, 1])
