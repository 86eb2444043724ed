import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore.errors import SegcoreError
from segcore.labels import CAMVID11, IGNORE_INDEX
from segcore.visual import contour, error_map, outlined, overlay
from segcore.visual.overlay import FADED


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 60, 3)).astype(np.uint8)
    mask = np.repeat(np.arange(4, dtype=np.uint8), 10)[:, None].repeat(60, 1)
    mask[:, 50:] = IGNORE_INDEX
    return image, mask


def test_overlay_is_half_photo_half_colour_and_leaves_void_alone(scene):
    image, mask = scene
    result = overlay(image, mask, CAMVID11, opacity=0.5)
    expected = (image[5, 5].astype(int) + CAMVID11.colors[0]) / 2
    assert np.abs(result[5, 5] - expected).max() <= 0.5
    assert (result[:, 50:] == image[:, 50:]).all()


def test_overlay_hides_classes(scene):
    image, mask = scene
    result = overlay(image, mask, CAMVID11, opacity=1, visible={1})
    assert (result[mask != 1] == image[mask != 1]).all()
    assert (result[mask == 1] == CAMVID11.colors[1]).all()


@given(st.floats(0, 1))
def test_opacity_moves_between_image_and_colours(opacity):
    image = np.full((2, 2, 3), 100, np.uint8)
    result = overlay(image, np.zeros((2, 2), np.uint8), CAMVID11, opacity=opacity)
    assert np.abs(result - (100 + 28 * opacity)).max() <= 0.51


def test_inputs_are_left_alone(scene):
    image, mask = scene
    before = image.copy(), mask.copy()
    overlay(image, mask, CAMVID11)
    error_map(image, mask, np.roll(mask, 3), CAMVID11)
    outlined(image, mask, CAMVID11)
    assert (image == before[0]).all() and (mask == before[1]).all()


def test_error_map_fades_right_colours_wrong_and_hatches_void(scene):
    image, truth = scene
    prediction = np.where(truth == 2, np.uint8(5), truth)
    prediction[:, 50:] = 3
    result = error_map(image, prediction, truth, CAMVID11)
    share = FADED[3] / 255
    assert result[5, 5] == pytest.approx((1 - share) * image[5, 5] + share * np.array(FADED[:3]), abs=1)
    assert (result[truth == 2] == CAMVID11.colors[5]).all()
    assert {tuple(pixel) for pixel in result[:, 50:].reshape(-1, 3)} == {(60, 60, 60), (150, 150, 150)}


def test_contour_lies_on_borders_only(scene):
    _, mask = scene
    edges = contour(mask, width=1)
    assert edges[10, 5] and edges[5, 50]
    assert not edges[5, 5]


def test_sizes_must_match(scene):
    image, mask = scene
    with pytest.raises(SegcoreError, match="mask is 40x59, image is 40x60; they must match"):
        overlay(image, mask[:, :-1], CAMVID11)
