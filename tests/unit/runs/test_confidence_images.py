"""Stored confidence: its steps and its size."""

import numpy as np
from PIL import Image

from segcore.runs.confidence_images import read_confidence, write_confidence


def test_confidence_is_kept_in_steps_of_five_percent_and_large_ones_smaller(tmp_path):
    rng = np.random.default_rng(0)
    small = rng.random((30, 41), np.float32)
    write_confidence(tmp_path / "small.png", small)
    result = read_confidence(tmp_path / "small.png", 30, 41)
    assert (result.dtype, result.shape) == (np.float32, (30, 41))
    np.testing.assert_allclose(result, np.rint(small * 20) / 20, atol=1e-6)
    wide = np.tile(np.linspace(0, 1, 1300, dtype=np.float32), (700, 1))
    write_confidence(tmp_path / "wide.png", wide)
    with Image.open(tmp_path / "wide.png") as image:
        assert (image.mode, image.size) == ("L", (433, 233))
    result = read_confidence(tmp_path / "wide.png", 700, 1300)
    assert result.shape == (700, 1300)
    assert np.abs(result - wide).max() < 0.06
