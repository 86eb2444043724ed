"""Blocks by hand, draws against a plain loop, and block lengths against the formulas of their paper."""

import math

import numpy as np
import pytest

from segcore.errors import EvaluationError
from segcore.metrics import block_length
from segcore.metrics.block_bootstrap import Blocks


def test_blocks_of_two_clips_by_hand():
    plan = Blocks.of(5, 2, list("aabab"))  # clip a is images 0, 1 and 3; clip b is 2 and 4
    assert plan.table.tolist() == [[0, 1], [1, 3], [2, 4], [3, 0], [4, 2]]
    assert plan.number == 3 / 2 + 2 / 2 and plan.chance.tolist() == pytest.approx([0.2] * 5)
    assert plan.tile.tolist() == [0, 0, 2, 1, 2]
    assert plan.table.dtype == plan.tile.dtype == np.int64
    whole = Blocks.of(5, 9, list("aabab"))  # each clip is one block
    assert whole.table.tolist() == [[0, 1, 3], [1, 3, 0], [2, 4, 5], [3, 0, 1], [4, 2, 5]]
    assert whole.number == 2 and whole.chance.tolist() == pytest.approx([1 / 6, 1 / 6, 1 / 4, 1 / 6, 1 / 4])
    assert whole.tile.tolist() == [0, 0, 1, 0, 1]
    alone = Blocks.of(3, 1)
    assert alone.table.tolist() == [[0], [1], [2]] and (alone.number, alone.tile.tolist()) == (3, [0, 1, 2])


def test_independent_blocks_are_counted_among_those_that_hold_something():
    plan = Blocks.of(7, 2)  # 3.5 blocks; tiles of 0-1, 2-3, 4-5 and 6
    for occurs, expected in (([], 0), ([0], 1), ([0, 1], 1), ([1, 2], 2), ([0, 2, 4, 6], 3)):
        assert plan.holding(np.isin(np.arange(7), occurs)) == expected
    assert Blocks.of(6, 2).holding(np.ones(6, bool)) == 3
    assert Blocks.of(3, 9).holding(np.ones(3, bool)) == 1
    assert Blocks.of(3, 2).holding(np.ones(3, bool)) == 1  # 1.5 blocks, in two tiles


@pytest.mark.parametrize(
    ("block", "groups"),
    [(1, "aaaaaaa"), (3, "aaaaaaa"), (7, "aaaaaaa"), (2, "aaaabbb"), (3, "aaaaabb"), (4, "abcabca"), (5, "aaaaaab")],
)
def test_draws_are_those_of_a_plain_loop(block, groups):
    plan, images, draws = Blocks.of(len(groups), block, groups), len(groups), 50
    sizes = {clip: min(block, groups.count(clip)) for clip in groups}
    number = sum(1 / sizes[clip] for clip in groups)
    rng = np.random.default_rng(4)
    shape = (draws, math.ceil(round(number, 6)))
    if len(set(sizes.values())) == 1:
        starts = rng.integers(images, size=shape)
    else:  # every image is as likely, so a block of a long clip begins less often at each of its images
        ends = np.cumsum([1 / sizes[clip] for clip in groups]) / number
        starts = (rng.random(shape)[..., None] >= ends).sum(axis=-1)
    expected = np.zeros((draws, images))
    for draw, row in enumerate(starts):
        for place, start in enumerate(row):
            clip = [image for image in range(images) if groups[image] == groups[start]]
            taken = sizes[groups[start]]
            if place + 1 > number + 1e-6:  # the last block fills up what is left of one
                taken = round((number - place) * taken)
            for step in range(taken):
                expected[draw, clip[(clip.index(start) + step) % len(clip)]] += 1
    np.testing.assert_array_equal(plan.draw(draws, np.random.default_rng(4)), expected)


class Dealt:
    """A generator of random numbers that are given."""

    def __init__(self, numbers):
        self.numbers = np.array(numbers, float)

    def random(self, shape):
        return self.numbers.reshape(shape)


def test_random_numbers_spread_evenly_begin_blocks_as_often_as_their_chance_says():
    plan = Blocks.of(3, 2, "aab")  # two clips of one block each: image 2 is half of all
    assert plan.chance.tolist() == [0.25, 0.25, 0.5]
    drawn = plan.draw(2, Dealt([0.0, 0.25, 0.5, 0.75]))
    assert drawn.tolist() == [[2, 2, 0], [0, 0, 2]]  # 0 up to 0.25 begins at image 0, 0.25 up to 0.5 at image 1


@pytest.mark.parametrize("clips", [(3, 10), (10, 3, 7), (1, 2, 3, 4, 5), (6, 1, 7, 2, 9), (49, 10, 22)])
def test_the_largest_random_number_begins_a_block_at_the_last_image(clips):
    groups = np.repeat(np.arange(len(clips)), clips).tolist()
    plan = Blocks.of(len(groups), 50, groups)  # each clip is one block
    (drawn,) = plan.draw(1, Dealt([np.nextafter(1, 0)] * len(clips)))
    assert drawn.tolist() == [0] * (len(groups) - clips[-1]) + [len(clips)] * clips[-1]


def by_formula(values, groups):
    """The length of Politis & White for circular blocks, sum by sum."""
    frames, mean = len(values), np.mean(values)
    longest = max(map(groups.count, groups))

    def covariance(lag):
        pairs = 0.0
        for clip in set(groups):
            series = np.array([value - mean for value, group in zip(values, groups, strict=True) if group == clip])
            pairs += series[: max(0, len(series) - lag)] @ series[lag:]
        return pairs / frames

    most = min(math.ceil(math.sqrt(frames)) + 5, longest - 1)
    small = [
        abs(covariance(lag) / covariance(0)) < 2 * math.sqrt(math.log10(frames) / frames) for lag in range(1, most + 1)
    ]
    fades = next((lag for lag in range(len(small)) if all(small[lag : lag + 5])), len(small))
    flat = max(fades, 1)
    lags = [lag for lag in range(-2 * flat, 2 * flat + 1) if abs(lag) <= most]
    window = {lag: 1.0 if abs(lag) <= flat else 2 * (1 - abs(lag) / (2 * flat)) for lag in lags}
    weighted = sum(window[lag] * abs(lag) * covariance(abs(lag)) for lag in lags)
    density = sum(window[lag] * covariance(abs(lag)) for lag in lags)
    return (2 * weighted**2 / (4 / 3 * density**2)) ** (1 / 3) * frames ** (1 / 3) if density > 0 else 1.0


def remembering(seed, frames, memory):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=frames)
    for index in range(1, frames):
        values[index] += memory * values[index - 1]
    return values


@pytest.mark.parametrize("memory", [-0.9, 0.3, 0.8, 0.95])
@pytest.mark.parametrize(
    "groups", ["a" * 150, "a" * 90 + "b" * 60, "a" * 100 + "b" * 5 + "c", "abcdefgh" * 100, "abcdefg" * 9]
)
def test_block_lengths_are_those_of_the_paper(memory, groups):
    rows = [remembering(seed, len(groups), memory) for seed in range(3)]
    longest = max(map(groups.count, groups))
    least, most = math.ceil(math.sqrt(longest)), min(longest // 3, math.ceil(3 * math.sqrt(longest)))
    expected = [min(max(math.ceil(by_formula(row, groups)), least), most) for row in rows]
    assert [block_length(row, groups) for row in rows] == expected
    assert block_length(rows, groups) == max(expected)  # one length for all runs


@pytest.mark.parametrize("turn", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("seed", range(4))
def test_block_lengths_of_frames_that_remember_the_last_one_only_are_those_of_the_paper(seed, turn):
    noise = np.random.default_rng(seed).normal(size=151)
    values = noise[1:] - turn * noise[:-1]
    assert block_length(values) == min(max(math.ceil(by_formula(values, "a" * 150)), 13), 37)


@pytest.mark.parametrize("period", [3.5, 7.5, 9.5, 14.5, 15.0])
def test_block_lengths_of_waves_in_short_clips_are_those_of_the_paper(period):
    groups = "".join(clip * 24 for clip in "abcdefghijklmn")
    values = np.sin(2 * np.pi * np.arange(len(groups)) / period)
    assert block_length(values, groups) == min(max(math.ceil(by_formula(values, groups)), 5), 8)


def test_waves_smaller_than_rounding_are_no_memory():
    wave = np.sin(np.arange(100) / 5)
    assert block_length(0.3 + 1e-8 * wave) == block_length(wave) == 30
    assert block_length(0.3 + 1e-9 * wave) == block_length(0.3 + 1e-12 * wave) == 10


def test_scores_of_half_precision_are_correlated_in_full():
    wave = np.sin(2 * np.pi * np.arange(233) / 15)
    values = (50 + 30 * wave).astype(np.float16)  # the sum of their squares is no float16
    assert block_length(values) == math.ceil(by_formula(values.astype(np.float64), "a" * 233)) == 33


@pytest.mark.parametrize(
    ("frames", "least", "most"),
    [(1, 1, 1), (2, 1, 1), (3, 1, 1), (6, 2, 2), (9, 3, 3), (16, 4, 5), (17, 5, 5), (100, 10, 30), (233, 16, 46)],
)
def test_block_lengths_have_bounds(frames, least, most):
    assert block_length(np.full(frames, 0.3)) == least  # nothing to correlate
    assert block_length((np.arange(frames) % 2).astype(float)) == least  # neighbours are opposites
    waves = [np.sin(2 * np.pi * np.arange(frames) / period) for period in np.arange(2, 20, 0.5)]
    assert block_length(waves) == most  # there are some whose autocovariances cancel


def test_images_without_a_score_have_no_effect_on_block_lengths():
    gaps = 3 + np.sin(2 * np.pi * np.arange(200) / 9)
    gaps[50:60] = np.nan
    filled = np.where(np.isnan(gaps), np.nanmean(gaps), gaps)
    assert block_length(gaps) == block_length(filled) > block_length(np.full(200, np.nan)) == 15


def test_values_of_images_have_one_axis_or_two():
    for values in (np.zeros((1, 2, 3)), np.zeros((2, 0))):
        with pytest.raises(
            EvaluationError, match=r"^Values of images are \[.*\]; expected \[N\] or \[R, N\] scores in"
        ):
            block_length(values)
    with pytest.raises(EvaluationError, match=r"^2 groups of 3 images; expected one for each image\.$"):
        block_length([0.1, 0.2, 0.3], groups="ab")
