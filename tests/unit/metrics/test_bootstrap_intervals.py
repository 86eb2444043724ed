"""Intervals: against closed forms, coverage on simulated data, and the draws that runs share."""

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from segcore.errors import EvaluationError
from segcore.metrics import (
    BINS,
    CALIBRATION_COLUMNS,
    CLASS_SCORES,
    SCORES,
    BootstrapSamples,
    Interval,
    Reliability,
    Sums,
    block_length,
    bootstrap,
    resample,
    scores,
    statistic,
)
from segcore.metrics.block_bootstrap import Blocks
from segcore.metrics.bootstrap_intervals import stretch
from segcore.metrics.fold_spread import fold_half_width
from segcore.metrics.student_t import t_cdf, t_quantile

OF_CONFUSION = [
    name for name, score in (SCORES | CLASS_SCORES).items() if score.source == "confusion" and not score.without_void
]


def binary(right, pixels=100):
    """`[N, 2, 2]`: of `pixels` of class 0 in each image, so many are right."""
    counts = np.zeros((len(right), 2, 2), np.int64)
    counts[:, 0, 0], counts[:, 0, 1] = right, pixels - np.asarray(right)
    return counts


def some(seed, images=12, classes=4):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 50, (images, classes, classes)) + 40 * np.eye(classes, dtype=np.int64)


def autoregressive(rng, frames, memory):
    noise = rng.normal(size=frames + 100)
    for index in range(1, len(noise)):
        noise[index] += memory * noise[index - 1]
    return noise[100:] * math.sqrt(1 - memory**2)


def naive(counts, name, draw):
    """A score of drawn images, the way one would do it by hand."""
    return getattr(scores(counts[draw].sum(axis=0)), name)


def test_pixel_accuracy_has_the_spread_of_the_binomial():
    # Images of one pixel: the mean of N Bernoulli draws is spread by sqrt(p (1 - p) / N).
    right = np.arange(400) % 4 != 0
    draws = resample([binary(right.astype(int), 1)], "pixel_accuracy").values[0]
    assert draws.mean() == pytest.approx(0.75, abs=0.001)
    assert draws.std() == pytest.approx(math.sqrt(0.75 * 0.25 / 400), rel=0.03)
    result = bootstrap(binary(right.astype(int), 1), metric="pixel_accuracy")
    low, high = stats.binom.interval(0.95, 400, 0.75)
    assert (result.low, result.high) == (pytest.approx(low / 400, abs=0.004), pytest.approx(high / 400, abs=0.004))
    assert (result.value, result.images, result.blocks, result.vanished, result.note) == (0.75, 400, 400, 0.0, "")


def test_a_difference_has_the_spread_of_the_paired_mean():
    rng = np.random.default_rng(0)
    hard = rng.normal(80, 8, 200)  # what makes an image hard is common to both
    a = np.clip(hard + rng.normal(1, 1, 200), 0, 100).round().astype(int)
    b = np.clip(hard + rng.normal(0, 1, 200), 0, 100).round().astype(int)
    result = bootstrap(binary(a), binary(b), metric="pixel_accuracy")
    expected = stats.ttest_rel(a / 100, b / 100).confidence_interval(0.95)
    assert result.difference == pytest.approx((a - b).mean() / 100)
    assert result.low == pytest.approx(expected.low, abs=2e-4)
    assert result.high == pytest.approx(expected.high, abs=2e-4)
    assert result.separated and result.probability > 0.999
    assert result.a.high - result.a.low > 3 * (result.high - result.low)  # unpaired they could not be told apart


@pytest.mark.parametrize(("images", "least"), [(5, 0.88), (40, 0.92)])
def test_intervals_of_images_cover_the_truth_as_often_as_they_say(images, least):
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(300):
        result = bootstrap(binary(rng.binomial(100, 0.7, images)), metric="pixel_accuracy", resamples=800)
        inside += result.low <= 0.7 <= result.high
    assert least <= inside / 300 <= 0.98


def test_blocks_cover_what_single_frames_of_a_video_do_not():
    rng = np.random.default_rng(2)
    inside = {"frames": 0, "blocks": 0}
    for _ in range(150):
        values = 500 + 100 * autoregressive(rng, 200, 0.9)
        counts = binary(values.round().astype(int), 1000)
        for name, block in (("frames", 1), ("blocks", block_length(values))):
            result = bootstrap(counts, metric="pixel_accuracy", resamples=500, block=block)
            inside[name] += result.low <= 0.5 <= result.high
    assert inside["frames"] / 150 < 0.55
    assert inside["blocks"] / 150 > 0.8


@pytest.mark.parametrize("name", OF_CONFUSION)
def test_every_draw_scores_what_its_images_score(name):
    counts, seed, block = some(3), 5, 3
    result = resample([counts], name, block, 20, seed)
    weights = Blocks.of(len(counts), block).draw(20, np.random.default_rng(seed)).astype(int)
    for draw, values in zip(weights, result.values[0], strict=True):
        drawn = np.repeat(np.arange(len(counts)), draw)
        assert len(drawn) == len(counts)
        if name == "image_miou":
            np.testing.assert_allclose(values, np.mean([scores(image).miou for image in counts[drawn]]))
        else:
            np.testing.assert_allclose(values, naive(counts, name, drawn), rtol=1e-12)


@given(st.integers(0, 99), st.integers(1, 12), st.sampled_from(OF_CONFUSION))
@settings(max_examples=30, deadline=None)
def test_a_pair_and_its_single_runs_are_of_the_same_draws(seed, block, name):
    a, b = some(seed), some(seed + 1)
    metric = statistic(name, index=1) if name in CLASS_SCORES else name
    both = resample([a, b], metric, block, 50, seed)
    alone = [resample([counts], metric, block, 50, seed) for counts in (a, b)]
    np.testing.assert_array_equal(both.values, np.concatenate([item.values for item in alone]))
    pair = bootstrap(a, b, metric, block, 50, seed)
    single = [astuple(bootstrap(counts, None, metric, block, 50, seed)) for counts in (a, b)]
    np.testing.assert_equal([astuple(pair.a), astuple(pair.b)], single)  # by value: one block has no interval, NaN
    np.testing.assert_equal(astuple(pair), astuple(both.pair(0, 1)))
    assert pair.difference == pair.a.value - pair.b.value
    back = both.pair(1, 0)
    assert back.difference == -pair.difference
    if pair.blocks > 1:
        assert (back.low, back.high) == (pytest.approx(-pair.high), pytest.approx(-pair.low))
        assert back.probability == pytest.approx(1 - pair.probability)


def bins(seed, images=20):
    """`[N, 15, 5]` calibration counts: images of other sizes, sure and unsure by chance, some bins empty."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((images, BINS, len(CALIBRATION_COLUMNS)))
    pixels = rng.integers(0, 900, (images, BINS)) * (rng.random((images, BINS)) < 0.8)
    centre = (np.arange(BINS) + 0.5) / BINS
    counts[:, :, 0] = pixels
    counts[:, :, 1] = rng.binomial(pixels, np.clip(centre + rng.normal(0, 0.15, (images, 1)), 0, 1))
    counts[:, :, 2] = pixels * centre
    return counts


@pytest.mark.parametrize("name", ["ece", "ece_scaled"])
@pytest.mark.parametrize("block", [1, 3])
def test_the_calibration_error_of_a_draw_is_that_of_its_pooled_bins(name, block):
    counts = [bins(1), bins(2)]
    result = resample(counts, name, block, 40, 5)
    weights = Blocks.of(20, block).draw(40, np.random.default_rng(5)).astype(int)
    for run, item in enumerate(counts):
        for draw, value in zip(weights, result.values[run], strict=True):
            drawn = item[np.repeat(np.arange(20), draw)].sum(axis=0)
            gaps = [
                total / drawn[:, 0].sum() * abs(right / total - sure / total)
                for total, right, sure, *_ in drawn
                if total
            ]
            assert value == pytest.approx(sum(gaps), rel=1e-12)
        assert result.interval(run).value == pytest.approx(Reliability.of(item).ece, rel=1e-12)


def test_the_interval_of_the_calibration_error_is_that_of_a_bootstrap_by_hand():
    # Draws of its own, not those of `Blocks`: the percentiles agree but for the noise of 4,000 draws.
    a, b = bins(3, 60), bins(4, 60)
    b[:, :, 1] *= 0.9
    rng = np.random.default_rng(11)
    draws = [rng.integers(0, 60, 60) for _ in range(4000)]
    alone, gap = [], []
    for draw in draws:
        one, other = (Reliability.of(item[draw]).ece for item in (a, b))
        alone.append(one)
        gap.append(one - other)
    result, pair = bootstrap(a, metric="ece"), bootstrap(a, b, "ece")
    wide = 1.035  # `stretch(60)`
    for values, interval in ((alone, result), (gap, pair)):
        low, middle, high = np.quantile(values, (0.025, 0.5, 0.975))
        assert interval.low == pytest.approx(middle + wide * (low - middle), abs=0.003)
        assert interval.high == pytest.approx(middle + wide * (high - middle), abs=0.003)
    assert pair.difference < 0 and pair.separated  # a has the smaller error: it is the better one


def test_entropy_has_the_spread_of_a_mean():
    values = np.random.default_rng(0).beta(2, 8, 233)
    result = bootstrap(values, metric="entropy")
    draws = resample([values], "entropy").values[0]
    assert result.value == pytest.approx(values.mean(), rel=1e-12)
    assert draws.std() == pytest.approx(values.std() / math.sqrt(233), rel=0.03)
    low, high = stats.t.interval(0.95, 232, values.mean(), values.std(ddof=1) / math.sqrt(233))
    assert (result.low, result.high) == (pytest.approx(low, abs=0.001), pytest.approx(high, abs=0.001))
    # An image without one is in no mean, and is told.
    values[:3] = np.nan
    some = bootstrap(values, metric="entropy")
    assert some.value == pytest.approx(np.nanmean(values)) and some.images == 230
    assert math.isnan(bootstrap(np.full(5, np.nan), metric="entropy").value)


def test_an_image_by_itself_has_the_score_of_its_own_counts():
    counts, calibration = some(6), bins(7)
    calibration[0] = 0
    np.testing.assert_array_equal(statistic("miou").per_image(counts), [scores(item).miou for item in counts])
    np.testing.assert_array_equal(statistic("dice").per_image(counts), [scores(item).dice for item in counts])
    np.testing.assert_allclose(
        statistic("ece").per_image(calibration), [Reliability.of(item).ece for item in calibration]
    )
    assert statistic("entropy").per_image(np.array([0.25, np.nan])).tolist()[0] == 0.25


def test_the_same_seed_draws_the_same_and_chunks_do_not_matter(monkeypatch):
    counts = some(0, images=30)
    whole = resample([counts], block=4, resamples=100, seed=3, groups=[0] * 10 + [1] * 20).values
    np.testing.assert_array_equal(
        whole, resample([counts], block=4, resamples=100, seed=3, groups=[0] * 10 + [1] * 20).values
    )
    monkeypatch.setattr("segcore.metrics.bootstrap_intervals.CELLS_AT_ONCE", 200)
    np.testing.assert_array_equal(
        whole, resample([counts], block=4, resamples=100, seed=3, groups=[0] * 10 + [1] * 20).values
    )
    assert not np.array_equal(whole, resample([counts], block=4, resamples=100, seed=4).values)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 12), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_blocks_are_whole_within_their_clip_and_every_image_is_as_likely(clips, block, seed):
    groups = [clip for clip, frames in enumerate(clips) for _ in range(frames)]
    images = len(groups)
    plan = Blocks.of(images, block, groups)
    weights = plan.draw(4000, np.random.default_rng(seed))
    assert weights.shape == (4000, images)
    expected = weights.sum() / weights.size
    spread = weights.std(axis=0) / math.sqrt(4000)
    # The last block is cut to whole images, which may cost a clip shorter than the others a little of its share.
    assert (np.abs(weights.mean(axis=0) - expected) < 5 * spread + 0.5 / plan.number).all()
    for start, row in enumerate(plan.table):
        members = row[row < images]
        assert {groups[member] for member in members} == {groups[start]}
        steps = np.diff(members)
        assert np.isin(steps, (1, 1 - clips[groups[start]])).all()
    if len(clips) == 1:
        assert (weights.sum(axis=1) == images).all()


def test_frames_of_a_block_come_together():
    weights = Blocks.of(6, 3).draw(500, np.random.default_rng(0))
    alone = (weights > 0) & (np.roll(weights, 1, axis=1) == 0) & (np.roll(weights, -1, axis=1) == 0)
    assert not alone.any()


def test_one_clip_of_eleven_frames_says_little():
    rng = np.random.default_rng(0)
    inside = {1: 0, 3: 0}
    for _ in range(150):
        a = binary((500 + 50 * autoregressive(rng, 11, 0.8)).round().astype(int), 1000)
        for block in inside:
            result = bootstrap(a, metric="pixel_accuracy", block=block, resamples=400)
            inside[block] += result.low <= 0.5 <= result.high
    assert inside[1] < 0.5 * 150 < 0.7 * 150 < inside[3]
    assert (block_length(rng.normal(size=11)), result.blocks) == (3, 3)
    assert result.note == (
        "11 images in 3 independent blocks: the interval is a rough guide, and can't rank models that are close."
    )
    # Three values make nothing sure, even where every draw says the same.
    better = bootstrap(binary(np.arange(52, 63)), binary(np.full(11, 50)), "pixel_accuracy", block=3)
    assert 0.9 < better.probability < 0.99


@pytest.mark.parametrize(
    ("images", "blocks", "vanished", "note"),
    [
        (0, 0, 0.0, "Nothing to score."),
        (1, 1, 0.0, "One image: no interval can be given."),
        (2, 1, 0.0, "2 images that are one block: no interval can be given."),
        (2, 2, 0.0, "2 images: the interval is a rough guide, and can't rank models that are close."),
        (
            40,
            9,
            0.5,
            "40 images in 9 independent blocks: the interval is a rough guide, and can't rank models that are",
        ),
        (40, 10, 0.01, ""),
        (40, 10, 0.02, "A class is absent from 2% of the draws; its spread is not in the interval."),
    ],
)
def test_a_note_says_why_an_interval_is_unreliable(images, blocks, vanished, note):
    result = Interval(0.5, 0.4, 0.6, images, blocks, vanished).note
    assert result.startswith(note) and bool(result) == bool(note)


def test_one_block_has_no_interval():
    for counts, block in ((some(0), 12), (some(0)[:1], 1), (some(0), 99)):
        result = bootstrap(counts, block=block)
        assert result.value == scores(counts).miou
        assert math.isnan(result.low) and math.isnan(result.high)
        pair = bootstrap(counts, counts, block=block)
        assert (pair.difference, pair.separated, math.isnan(pair.probability)) == (0.0, False, True)
    assert bootstrap(some(0), block=12).note == "12 images that are one block: no interval can be given."
    assert bootstrap(some(0)[:1]).note == "One image: no interval can be given."


def test_a_run_is_as_likely_better_as_worse_than_itself():
    pair = bootstrap(some(0), some(0))
    assert (pair.low, pair.high, pair.probability, pair.separated) == (0.0, 0.0, 0.5, False)


def test_a_class_that_vanishes_from_a_draw_does_not_move_the_mean():
    # Class 1 is hard and in the first image alone: without it a draw's mIoU would be 0.9 instead of 0.5.
    counts = np.zeros((8, 2, 2), np.int64)
    counts[:, 0, 0], counts[:, 0, 1], counts[0, 1] = 90, 10, [90, 10]
    whole = scores(counts).miou
    draws = resample([counts], "miou")
    assert draws.vanished[0] == pytest.approx((7 / 8) ** 8, abs=0.02)
    assert draws.values[0].mean() == pytest.approx(whole, abs=0.01)
    assert np.abs(draws.values[0] - whole).max() < 0.15
    result = draws.interval()
    assert result.note.startswith("8 images: the interval is a rough guide")
    one = bootstrap(counts, metric=statistic("iou", index=1))
    assert (one.images, one.blocks, math.isnan(one.low)) == (1, 1, True)
    item = resample([counts], "iou")
    assert item.interval(index=1).value == one.value
    assert np.isnan(item.values[0, :, 1]).mean() == item.vanished[0, 1] == one.vanished


def test_a_class_absent_from_the_split_stays_left_out():
    counts = np.zeros((9, 3, 3), np.int64)
    counts[:, :2, :2] = some(0, 9, 2)
    assert bootstrap(counts).value == scores(counts).miou
    draws = resample([counts], "iou")
    assert np.isnan(draws.values[..., 2]).all()
    absent = draws.interval(index=2)
    assert math.isnan(absent.value) and absent.note == "Nothing to score."
    nothing = bootstrap(np.zeros((3, 2, 2), np.int64))
    assert math.isnan(nothing.value) and math.isnan(nothing.low) and nothing.images == 0


def test_counts_beyond_float32_are_drawn_exactly():
    counts = binary([2**40 + 1, 2**40 + 3, 2**40 + 5], 2**41)
    draws = resample([counts], "pixel_accuracy", resamples=50)
    weights = Blocks.of(3, 1).draw(50, np.random.default_rng(0)).astype(int)
    expected = [int(row @ counts[:, 0, 0]) / int(row @ counts[:, 0].sum(axis=1)) for row in weights]
    np.testing.assert_array_equal(draws.values[0], expected)


def test_sums_score_as_their_counts():
    counts = [some(0), some(1)]
    for name in OF_CONFUSION:
        np.testing.assert_array_equal(
            resample(counts, name, resamples=20).values,
            resample([Sums.of(item) for item in counts], name, resamples=20).values,
        )
    left_out = statistic("miou", without=(1,))
    assert left_out.value(counts[0]) == scores(counts[0], without=(1,)).miou
    assert left_out.value(counts[0]) == statistic("miou").value(Sums.of(counts[0], without=(1,)))


@pytest.mark.parametrize("name", sorted(set(OF_CONFUSION) - {"image_miou"}))
def test_a_statistic_of_all_images_is_the_score(name):
    np.testing.assert_array_equal(statistic(name).value(some(4)), getattr(scores(some(4)), name))


def test_seeds_of_a_recipe_are_drawn_too():
    rng = np.random.default_rng(0)
    seeds = [binary(rng.binomial(1000, share, 200), 1000) for share in (0.60, 0.62, 0.64)]
    draws = resample([*seeds, seeds[0]], "pixel_accuracy")
    recipe = draws.grouped([(0, 1, 2), (3,)])
    assert recipe.points[0] == pytest.approx(draws.points[:3].mean())
    np.testing.assert_array_equal(recipe.values[1], draws.values[3])
    # The spread over images is small here; that of the mean of three seeds is 0.02 / sqrt(3), at t for 2 degrees.
    half = (recipe.interval(0).high - recipe.interval(0).low) / 2
    assert half == pytest.approx(4.303 * 0.02 / math.sqrt(3), rel=0.05)
    assert recipe.interval(0).high - recipe.interval(0).low > 5 * (recipe.interval(1).high - recipe.interval(1).low)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_intervals_of_few_seeds_hold_the_truth(seeds):
    rng, held, better, trials = np.random.default_rng(seeds), 0, 0, 200
    for trial in range(trials):
        # 2 recipes of equal worth, 0.6: an image is as hard for all, and each training has luck of its own.
        hard = rng.normal(0, 0.05, 30)
        shares = np.clip(0.6 + rng.normal(0, 0.02, (2 * seeds, 1)) + hard, 0, 1)
        runs = [binary(rng.binomial(1000, item), 1000) for item in shares]
        draws = resample(runs, "pixel_accuracy", resamples=400, seed=trial)
        recipes = draws.grouped([range(seeds), range(seeds, 2 * seeds)], seed=trial)
        result = recipes.interval(0)
        held += result.low <= 0.6 <= result.high
        better += recipes.pair(0, 1).separated
    assert held >= 0.92 * trials and better <= 0.08 * trials


def t_ratio(degrees):
    return stats.t.ppf(0.975, degrees) / stats.norm.ppf(0.975)


@pytest.mark.parametrize("images", [2, 3, 40])
@pytest.mark.parametrize("metric", ["miou", "iou"])
def test_the_noise_of_seeds_is_that_of_students_t_and_is_not_stretched_again(images, metric):
    draws = resample([some(seed, images) for seed in range(4)], metric, seed=1)
    grouped = draws.grouped([(0, 1, 2), (3,)], seed=5)
    noise = grouped.values[0] - draws.values[:3].mean(axis=0)
    error = draws.points[:3].std(axis=0, ddof=1) / math.sqrt(3)
    wide = math.sqrt(images / (images - 1)) * t_ratio(images - 1)  # by which the interval is stretched later
    np.testing.assert_allclose(noise.std(axis=0), error * t_ratio(2) / wide, rtol=0.03)
    np.testing.assert_allclose(grouped.points, [draws.points[:3].mean(axis=0), draws.points[3]])
    np.testing.assert_array_equal(grouped.values[1], draws.values[3])
    np.testing.assert_array_equal(grouped.values, draws.grouped([(0, 1, 2), (3,)], seed=5).values)
    np.testing.assert_array_equal(draws.grouped([(0, 1)]).values, draws.grouped([(0, 1)], seed=0).values)
    for name in ("images", "blocks", "vanished"):
        np.testing.assert_array_equal(getattr(grouped, name), getattr(draws, name)[[0, 3]])


def test_seeds_of_one_block_of_images_have_no_interval():
    draws = resample([some(0, 1), some(1, 1)], "miou", resamples=10)
    assert math.isnan(draws.grouped([(0, 1)]).interval().low)


def test_the_folds_of_one_cross_validation_count_as_one_training():
    draws = resample([some(seed, 30) for seed in range(6)], "miou")
    group, trainings = range(6), list("aaabbb")
    noise = draws.grouped([group], trainings=trainings).values[0] - draws.values.mean(axis=0)
    means = draws.points.reshape(2, 3).mean(axis=1)
    assert noise.std() == pytest.approx(means.std(ddof=1) / math.sqrt(2) * t_ratio(1) / stretch(30), rel=0.03)
    alone = draws.grouped([group]).values
    np.testing.assert_array_equal(draws.grouped([group], trainings=list("abcdef")).values, alone)
    np.testing.assert_array_equal(draws.grouped([group], trainings=["a"] * 6).values, alone)


@pytest.mark.parametrize("metric", ["miou", "iou", "pixel_accuracy"])
def test_folds_are_scored_by_their_own_images(metric):
    counts, folds = [some(0), some(1)], np.array(list("bbbaaaaccccc"))
    draws = resample(counts, metric, resamples=50, folds=folds)
    for run, item in enumerate(counts):
        expected = [getattr(scores(item[folds == fold]), metric) for fold in "abc"]
        np.testing.assert_allclose(draws.folds[run], expected)
    grouped = draws.grouped([(1,), (0, 1)])
    np.testing.assert_array_equal(grouped.folds[0], draws.folds[1])
    assert np.isnan(grouped.folds[1]).all()  # the seeds hold it
    assert resample(counts, metric, resamples=50).folds.shape[1] == 0
    # A class that the images of a fold don't have counts in their mean as it does in the whole split.
    counts[0][:3, 2] = 0
    some_absent = resample(counts[:1], "miou", resamples=50, folds=folds).folds[0, 1]
    iou = scores(counts[0][:3]).iou
    assert np.isnan(iou).tolist() == [False, False, True, False]
    assert some_absent == pytest.approx((np.nansum(iou) + scores(counts[0]).iou[2]) / 4)


def normal_samples(mean, spread, blocks, folds=()):
    """Samples of two runs whose difference is normal; the second run is always 0."""
    noise = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    values = np.stack([mean + spread * noise, np.zeros(4000)])
    of_folds = np.stack([np.array(folds, float), np.zeros(len(folds))])
    two = np.array([blocks, blocks])
    return BootstrapSamples(values, np.array([mean, 0.0]), two, two, np.zeros(2), of_folds)


@pytest.mark.parametrize("blocks", [2, 3, 12, 200])
@pytest.mark.parametrize("folds", [(), (0.1, 0.108, 0.116), (0.1, 0.2, 0.3)])
def test_intervals_and_probabilities_are_stretched_for_few_blocks_and_widened_for_folds(blocks, folds):
    spread = 0.004
    more = fold_half_width(np.array(folds), spread**2)
    half = math.hypot(stats.norm.ppf(0.975) * spread * math.sqrt(blocks / (blocks - 1)) * t_ratio(blocks - 1), more)
    for mean in (0.3, half):
        samples = normal_samples(mean, spread, blocks, folds)
        pair = samples.pair(0, 1)
        assert (pair.low, pair.high) == (pytest.approx(mean - half, abs=1e-4), pytest.approx(mean + half, abs=1e-4))
        assert (samples.interval(0).low, samples.interval(0).high) == (pytest.approx(max(pair.low, 0)), pair.high)
    assert pair.probability == pytest.approx(0.975, abs=0.001)  # the interval begins at 0
    assert samples.pair(1, 0).probability == pytest.approx(0.025, abs=0.001)
    assert normal_samples(0.0, spread, blocks, folds).pair(0, 1).probability == pytest.approx(0.5)


def test_intervals_end_where_scores_end():
    high, low, negative = (normal_samples(mean, 0.2, 30) for mean in (0.95, 0.05, -0.95))
    assert high.interval(0).low > 0 and high.interval(0).high == 1.0
    assert low.interval(0).low == 0.0 and low.pair(0, 1).low < 0
    assert negative.pair(0, 1).low == -1.0


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 10, 31, 232, 2000, 2001])
def test_students_t_is_that_of_scipy(degrees):
    for t in (-3.0, -0.2, 0.0, 1.0, 6.5):
        assert t_cdf(t, degrees) == pytest.approx(stats.t.cdf(t, degrees), abs=1e-4 if degrees > 2000 else 1e-12)
    assert t_quantile(0.975, degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-3)


def test_block_lengths_grow_with_memory_and_stay_short_without():
    rng = np.random.default_rng(0)
    lengths = {
        memory: np.mean([block_length(autoregressive(rng, 233, memory)) for _ in range(20)])
        for memory in (0.0, 0.5, 0.9)
    }
    assert lengths[0.0] < 17 < lengths[0.9] <= 46
    assert lengths[0.5] < lengths[0.9]
    # Politis & White give (2 G^2 / D)^(1/3) n^(1/3); of a first-order process G and D are known.
    memory, frames = 0.9, 4000
    expected = (6 * memory**2 / (1 - memory**2) ** 2 * frames) ** (1 / 3)
    result = [block_length(autoregressive(rng, frames, memory)) for _ in range(8)]
    assert np.median(result) == pytest.approx(expected, rel=0.35)


def test_block_lengths_of_small_and_odd_series():
    assert block_length(np.arange(11.0)) == 3
    assert block_length([0.5, 0.6]) == 1
    assert block_length([0.4] * 9, groups=list("abcdefghi")) == 1
    assert block_length(np.full(20, np.nan)) == 5
    rising = np.linspace(0, 1, 300)
    assert block_length([rising, np.full(300, 0.5)]) == block_length(rising) > block_length(np.full(300, 0.5))
    assert block_length(np.linspace(0, 1, 60), groups=[0] * 30 + [1] * 30) <= 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap(some(0), metric="iuo"), r"No metric 'iuo'. Did you mean 'iou'\?"),
        (lambda: bootstrap(some(0), metric="iou"), r"one score a class; choose one: statistic\('iou', index=0\)"),
        (lambda: statistic("miou", index=0), "'miou' is no score of one class; iou, precision, accuracy, dice"),
        (lambda: bootstrap(some(0), metric=statistic("iou", index=4)), "No class 4; expected 0 to 3"),
        (lambda: bootstrap(some(0), block=0), "Blocks of 0 images; expected 1 or more"),
        (lambda: bootstrap(some(0), resamples=0), "0 resamples; expected 1 or more"),
        (lambda: bootstrap(some(0), groups=[1]), "1 groups of 12 images; expected one for each"),
        (lambda: bootstrap(some(0), some(0, images=9)), "Counts of 12 images and of 9"),
        (lambda: bootstrap(some(0), some(0, classes=3)), r"of 12 \(4 and 3 classes\) can't be drawn together"),
        (lambda: bootstrap(some(0)[:0]), "Counts of no image"),
        (lambda: bootstrap(some(0)[0]), r"Confusion counts are int64 \[4, 4\]; expected \[N, C, C\]"),
        (lambda: bootstrap(some(0), metric="boundary_f1"), r"Boundary counts are \[12, 4, 4\]; expected \[N, C, 10\]"),
        (lambda: bootstrap(some(0), metric="ece"), r"Calibration counts are \[12, 4, 4\]; expected \[N, 15, 5\]"),
        (
            lambda: bootstrap(bins(0)[0], metric="ece"),
            r"counts are \[15, 5\]; expected \[N, 15, 5\], as of calibration_",
        ),
        (lambda: bootstrap(Sums.of(some(0)), metric="ece_scaled"), r"are sums; expected \[N, 15, 5\]"),
        (lambda: bootstrap(some(0), metric="entropy"), r"Entropies are \[12, 4, 4\]; expected \[N\], the mean of each"),
        (
            lambda: bootstrap(bins(0), metric=statistic("ece", without=(1,))),
            "left out of confusion and boundary counts",
        ),
        (lambda: bootstrap(Sums.of(some(0)), metric=statistic("iou", index=0, without=(1,))), "can't be left out of"),
        (lambda: resample([]), "No counts to draw from"),
        (lambda: resample([some(0)], "iou").interval(), "is one of each class: say which, index=0"),
        (lambda: resample([some(0)], "miou").interval(index=0), "is of all classes: leave index out"),
        (lambda: block_length([]), r"Values of images are \[1, 0\]; expected \[N\] or \[R, N\]"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(EvaluationError, match=message):
        call()
