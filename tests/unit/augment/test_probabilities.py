"""Chances of a pipeline, against counting and by hand."""

import numpy as np
import pytest

from segcore.augment import Group, Pipeline, Step
from segcore.augment.probabilities import application_chances, unchanged_chance

FLIP, UPSIDE, GRAY = (Step.create(name, 0.5) for name in ("HorizontalFlip", "VerticalFlip", "ToGray"))


def test_a_list_multiplies():
    pipeline = Pipeline((FLIP, Step.create("ToGray", 0.2), Step.create("VerticalFlip", 1.0, enabled=False)))
    assert unchanged_chance(pipeline) == pytest.approx(0.5 * 0.8)
    assert application_chances(pipeline) == (0.5, 0.2, 0.0)


def test_nothing_leaves_everything_unchanged():
    assert unchanged_chance(Pipeline()) == 1
    assert application_chances(Pipeline((Group.create("OneOf", [Step.create("ToGray", enabled=False)]),))) == (0.0,)


def test_one_of_applies_by_weight_and_always_what_it_picked():
    pipeline = Pipeline((Group.create("OneOf", [Step.create("ToGray", 0.1), Step.create("VerticalFlip", 0.3)], 0.8),))
    assert unchanged_chance(pipeline) == pytest.approx(0.2)
    assert application_chances(pipeline) == (pytest.approx(0.2), pytest.approx(0.6))


def test_some_of_picks_evenly_and_then_asks_each():
    steps = [Step.create("ToGray", 0.2), Step.create("VerticalFlip", 1.0), Step.create("HorizontalFlip", 0.5)]
    pipeline = Pipeline((Group.create("SomeOf", steps, 1.0, n=2),))
    # Picks of two of three: (gray, upside), (gray, flip), (upside, flip); upside down always fires.
    assert unchanged_chance(pipeline) == pytest.approx((0 + 0.8 * 0.5 + 0) / 3)
    assert application_chances(pipeline) == (
        pytest.approx(2 / 3 * 0.2),
        pytest.approx(2 / 3),
        pytest.approx(2 / 3 * 0.5),
    )


def test_the_same_transform_twice_in_a_group_counts_twice():
    pipeline = Pipeline((Group.create("OneOf", [GRAY, GRAY, Step.create("ToGray", enabled=False)], 1.0),))
    assert application_chances(pipeline) == (0.5, 0.5, 0.0)


def test_groups_in_groups_agree_with_counting():
    inner = Group.create("SomeOf", [Step.create("ToGray", 0.4), Step.create("VerticalFlip", 0.7)], 0.6, n=1)
    pipeline = Pipeline((FLIP, Group.create("OneOf", [inner, Step.create("Equalize", 0.2)], 0.7), UPSIDE))
    image, mask = np.arange(48, dtype=np.uint8).reshape(4, 4, 3), np.zeros((4, 4), np.uint8)
    draws = [pipeline.trace(image, mask, seed) for seed in range(1500)]
    counted = np.zeros(5)
    for draw in draws:
        counted[[fired.step for fired in draw]] += 1
    np.testing.assert_allclose(counted / 1500, application_chances(pipeline), atol=0.04)
    assert sum(not draw for draw in draws) / 1500 == pytest.approx(unchanged_chance(pipeline), abs=0.04)
