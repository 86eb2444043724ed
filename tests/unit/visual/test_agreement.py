from collections import Counter
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore.errors import SegcoreError
from segcore.visual import answers, together_wrong, unanimous, vote_entropy

SEEDS = st.integers(0, 2**32 - 1)


def committee(seed, models):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, (6, 8)).astype(np.uint8)
    truth[rng.random(truth.shape) < 0.2] = 255
    masks = [np.where(rng.random(truth.shape) < 0.7, truth % 4, rng.integers(0, 4, truth.shape)) for _ in range(models)]
    return [mask.astype(np.uint8) for mask in masks], truth


def by_pixel(masks, work):
    rows = [work([int(value) for value in pixel]) for pixel in np.stack(masks).reshape(len(masks), -1).T]
    return np.array(rows).reshape(masks[0].shape)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(2, 8))
def test_votes_are_counted_as_one_would_by_hand(seed, models):
    masks, truth = committee(seed, models)
    before = [mask.copy() for mask in masks]
    assert (answers(masks) == by_pixel(masks, lambda votes: len(set(votes)))).all()
    assert (unanimous(masks) == by_pixel(masks, lambda votes: len(set(votes)) == 1)).all()

    def entropy(votes):
        shares = [count / models for count in Counter(votes).values()]
        return -sum(share * log(share) for share in shares) / log(models)

    np.testing.assert_allclose(vote_entropy(masks), by_pixel(masks, entropy), atol=1e-6)
    expected = (answers(masks) == 1) & (masks[0] != truth) & (truth != 255)
    assert (together_wrong(masks, truth) == expected).all()
    assert all((one == other).all() for one, other in zip(masks, before, strict=True))


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.permutations(range(4)))
def test_the_order_of_the_models_does_not_matter(seed, order):
    masks, _ = committee(seed, 4)
    shuffled = [masks[index] for index in order]
    assert (answers(masks) == answers(shuffled)).all()
    np.testing.assert_allclose(vote_entropy(masks), vote_entropy(shuffled), atol=1e-6)


def test_entropy_reaches_its_ends():
    masks = [np.array([[0, index]], np.uint8) for index in range(3)]
    np.testing.assert_allclose(vote_entropy(masks), [[0, 1]], atol=1e-6)


def test_one_model_and_other_sizes_are_refused():
    mask = np.zeros((4, 6), np.uint8)
    with pytest.raises(SegcoreError, match="1 prediction to compare; disagreement wants two models at least"):
        answers([mask])
    with pytest.raises(SegcoreError, match=r"differ in size: 4x5, 4x6; they must match to be compared"):
        vote_entropy([mask, mask[:, :5]])
    with pytest.raises(SegcoreError, match="they must match"):
        together_wrong([mask, mask], mask[:3])
