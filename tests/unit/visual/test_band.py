import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore.errors import SegcoreError
from segcore.visual import band, diagonal_width


def by_hand(mask, width):
    """Every pixel against every pixel that touches another id."""
    padded = np.pad(mask, 1, mode="edge").astype(int)
    middle = padded[1:-1, 1:-1]
    sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    touching = np.argwhere(np.any([side != middle for side in sides], axis=0))
    places = np.argwhere(np.ones(mask.shape, bool))
    if not len(touching):
        return np.zeros(mask.shape, bool)
    away = np.sqrt(((places[:, None] - touching[None]) ** 2).sum(-1)).min(1)
    return away.reshape(mask.shape) <= width - 1 + 1e-6


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_the_band_is_as_wide_as_said(seed, width):
    rng = np.random.default_rng(seed)
    mask = np.kron(rng.integers(0, 3, (3, 4)), np.ones((7, 6))).astype(np.uint8)
    before = mask.copy()
    # OpenCV's distances are good to a few percent; up to 2 px they decide the same.
    assert (band(mask, width) == by_hand(mask, width)).all()
    assert (mask == before).all()


def test_both_sides_of_a_border_are_in_it():
    mask = np.zeros((4, 10), np.uint8)
    mask[:, 5:] = 1
    assert band(mask, 1)[0].tolist() == [False] * 4 + [True] * 2 + [False] * 4
    assert band(mask, 3)[0].tolist() == [False] * 2 + [True] * 6 + [False] * 2


def test_a_mask_of_one_class_has_no_band():
    assert not band(np.full((5, 5), 3, np.uint8), 4).any()


def test_two_percent_of_the_diagonal_and_never_nothing():
    assert diagonal_width((360, 480)) == 12
    assert diagonal_width((3, 4)) == 1
    with pytest.raises(SegcoreError, match="A band of 0 pixels; expected 1 at least"):
        band(np.zeros((2, 2), np.uint8), 0)
