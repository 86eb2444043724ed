import io

import numpy as np
import pytest
from PIL import Image

from segcore.errors import SegcoreError
from segcore.labels import CAMVID11
from segcore.visual import encode_highlight, encode_mistake, mistake_mask

DIMMED, RIM = (0, 0, 0, 128), (255, 255, 255, 220)


def decoded(data):
    return np.array(Image.open(io.BytesIO(data)).convert("RGBA"))


@pytest.fixture
def masks():
    """Truth in three bands, the last void; the prediction has 7 in the left half, whatever is true."""
    truth = np.repeat(np.array([1, 3, 255], np.uint8), 10)[:, None] + np.zeros((1, 40), np.uint8)
    prediction = np.where(truth == 255, 1, truth).astype(np.uint8)
    prediction[:, :20] = 7
    return prediction, truth


@pytest.mark.parametrize(
    ("true", "taken", "rows"),
    [(1, 7, slice(0, 10)), (3, None, slice(10, 20)), (None, 7, slice(0, 20)), (None, None, slice(0, 20)), (1, 3, None)],
)
def test_one_kind_of_mistake_is_picked(masks, true, taken, rows):
    wanted = np.zeros((30, 40), bool)
    if rows is not None:
        wanted[rows, :20] = True
    assert (mistake_mask(*masks, true, taken) == wanted).all()


def test_right_and_void_pixels_are_never_lit(masks):
    prediction, truth = masks
    assert not mistake_mask(truth, truth, 1, 1).any()
    assert not mistake_mask(prediction, truth, None, None)[20:].any()


def test_lit_pixels_have_the_colour_they_were_taken_for_and_a_rim(masks):
    layer = decoded(encode_mistake(*masks, CAMVID11, true=1, taken=7))
    assert (layer[:10, :20] == (*CAMVID11.colors[7], 255)).all()
    assert (layer[:10, 20] == RIM).all() and (layer[10, :20] == RIM).all()
    assert (layer[11:] == DIMMED).all() and (layer[:, 21:] == DIMMED).all()


def test_a_lone_pixel_survives_a_thumbnail():
    truth, prediction = np.full((2, 360, 480), 1, np.uint8)
    prediction[101, 203] = 4
    layer = decoded(encode_mistake(prediction, truth, CAMVID11, true=1, taken=4, width=120))
    assert layer.shape == (90, 120, 4)
    assert (layer[25, 50] == (*CAMVID11.colors[4], 255)).all()
    assert (layer == (*CAMVID11.colors[4], 255)).all(axis=2).sum() == 1


def test_marks_keep_their_arrays_and_any_number_of_classes():
    mask = np.arange(200, dtype=np.uint8).reshape(10, 20) % 11
    marked = np.ones((10, 20), bool)
    layer = decoded(encode_highlight(mask, marked, CAMVID11))
    assert (layer[..., :3] == CAMVID11.to_rgb(mask)).all() and (layer[..., 3] == 255).all()
    assert marked.all()


def test_sizes_must_match(masks):
    with pytest.raises(SegcoreError, match=r"prediction is \[30, 40\], truth is \[4, 4\]; they must match"):
        encode_mistake(masks[0], np.zeros((4, 4), np.uint8), CAMVID11, true=None, taken=None)
