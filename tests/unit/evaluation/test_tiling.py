"""Sliding windows: any image size, no seam, every row once."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from segcore.errors import EvaluationError
from segcore.evaluation.tiling import ramp, starts, strips, window_of

SIDE = st.integers(1, 90)
WINDOW = st.tuples(st.integers(16, 60), st.integers(16, 60))


def colours(tile):
    """Scores that only look at a pixel's own colour, so that every tile agrees."""
    return torch.from_numpy(tile.astype(np.float32)).permute(2, 0, 1) - 100


@given(SIDE, SIDE, WINDOW)
def test_a_model_that_sees_one_pixel_shows_no_seam(height, width, window):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    seen = [(rows, part.clone()) for rows, part in strips(image, window, colours)]
    assert [rows.start for rows, _ in seen] == [0, *(rows.stop for rows, _ in seen[:-1])]
    assert seen[-1][0].stop == height
    np.testing.assert_allclose(torch.cat([part for _, part in seen], 1), colours(image), atol=1e-4)


@given(st.integers(1, 400), st.integers(16, 120))
def test_tiles_cover_a_side_and_overlap_by_a_quarter(length, window):
    result = starts(length, window)
    assert result[0] == 0
    assert result[-1] == max(0, length - window)
    assert all(0 < later - earlier <= 0.75 * window + 1 for earlier, later in pairwise(result))


@given(st.integers(1, 200))
def test_no_pixel_of_a_tile_counts_nothing(length):
    weight = ramp(length)
    assert weight.min() > 0
    assert weight.max() <= 1
    np.testing.assert_allclose(weight, weight[::-1], rtol=1e-6)


def test_scores_fade_from_one_tile_into_the_next():
    """Tiles that say 0 and 1 in turn: no step between neighbours is a jump."""
    turn = iter(range(100))
    image = np.zeros((32, 200, 3), np.uint8)
    result = torch.cat(
        [
            part.clone()
            for _, part in strips(image, (32, 64), lambda tile: torch.full((1, 8, 16), float(next(turn) % 2)))
        ],
        1,
    )
    line = result[0, 16]
    assert (line.min(), line.max()) == (0, 1)
    assert line.diff().abs().max() < 0.15
    assert result[0].diff(dim=0).abs().max() < 1e-5


@pytest.mark.parametrize("window", [0, 8, (100,), (100, 8), (100, 100, 3), ("a", "b")])
def test_what_is_no_window_is_said(window):
    with pytest.raises(EvaluationError, match=r"A window of .*; expected \(height, width\) or one number, each 16"):
        window_of(window)


def test_a_number_is_a_square_window():
    assert (window_of(None), window_of(64), window_of((32, 48))) == (None, (64, 64), (32, 48))
