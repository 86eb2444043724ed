import io
import zlib

import numpy as np
import pytest
from PIL import Image

from segcore.errors import SegcoreError
from segcore.labels import CAMVID11, IGNORE_INDEX, LabelMap
from segcore.metrics import boundary_band
from segcore.visual import (
    encode_band,
    encode_correctness,
    encode_disagreement,
    encode_errors,
    encode_plane,
    encode_png,
    encode_where,
)
from segcore.visual.layers import CLEAR, DARK, HATCHED, MARKED, RIGHT, WRONG, confidence_palette, quantized
from segcore.visual.overlay import DIMMED, FADED


def drawn(data):
    return np.array(Image.open(io.BytesIO(data)).convert("RGBA"))


def colors(pixels):
    return {tuple(int(value) for value in pixel) for pixel in pixels.reshape(-1, 4)}


def color(index):
    return (*CAMVID11.colors[index], 255)


@pytest.fixture
def pair():
    """(prediction, truth): rows 0-9 taken for 7, 10-19 right, 20-29 void."""
    truth = np.zeros((30, 30), np.uint8)
    prediction = truth.copy()
    prediction[:10] = 7
    truth[20:] = IGNORE_INDEX
    return prediction, truth


def test_errors_are_the_class_it_was_taken_for(pair):
    layer = drawn(encode_errors(*pair, CAMVID11))
    assert colors(layer[:10]) == {color(7)}
    assert colors(layer[10:20]) == {FADED}
    assert colors(layer[20:]) == set(HATCHED)
    assert colors(drawn(encode_errors(*pair, CAMVID11, visible={1}))[:20]) == {FADED}


def test_errors_of_255_classes_can_be_drawn():
    many = LabelMap("many", tuple(map(str, range(255))), tuple((i, 0, 1) for i in range(255)))
    truth = np.zeros((16, 16), np.uint8)
    prediction = np.full((16, 16), 254, np.uint8)
    assert (drawn(encode_errors(prediction, truth, many))[0, 0] == (254, 0, 1, 255)).all()
    all_wrong = np.arange(1, 255, dtype=np.uint8)[None]
    truth = np.zeros_like(all_wrong)
    truth[0, -1] = IGNORE_INDEX
    assert len(colors(drawn(encode_errors(all_wrong, truth, many)))) == 254
    void = np.concatenate([truth, np.full((1, 254), IGNORE_INDEX, np.uint8)])
    void[0, -1] = 0
    with pytest.raises(SegcoreError, match="254 classes in one picture; at most 253 can be drawn"):
        encode_errors(np.concatenate([all_wrong, all_wrong]), void, many)


def test_a_verdict_is_right_wrong_or_void(pair):
    layer = drawn(encode_correctness(*pair))
    assert colors(layer[:10]) == {WRONG} and colors(layer[10:20]) == {RIGHT} and colors(layer[20:]) == set(HATCHED)


def test_a_condition_shows_its_classes(pair):
    prediction, truth = pair
    where = np.zeros((30, 30), bool)
    where[5:15] = True
    layer = drawn(encode_where(prediction, where, CAMVID11))
    assert colors(layer[5:10]) == {color(7)} and colors(layer[10:15]) == {color(0)}
    assert colors(layer[:5]) == colors(layer[15:]) == {DIMMED}
    assert colors(drawn(encode_where(truth, truth == IGNORE_INDEX, CAMVID11))) == {DIMMED}


def test_a_band_shows_the_errors_in_it(pair):
    prediction, truth = pair
    truth = truth.copy()
    truth[:, 15:] = np.where(truth[:, 15:] == IGNORE_INDEX, IGNORE_INDEX, 1)
    near = boundary_band(truth, 3)
    layer = drawn(encode_band(prediction, truth, near, CAMVID11))
    assert colors(layer[:10, 12:18]) == {color(7)}
    assert colors(layer[:10, :12]) == {DARK}
    assert colors(layer[10:17, 12:15]) == {CLEAR} and colors(layer[10:17, 15:18]) == {color(0)}
    assert colors(layer[20:]) == {DARK}


def test_more_disagreement_is_brighter_and_common_mistakes_are_marked():
    truth = np.zeros((1, 4), np.uint8)
    masks = [np.array([row], np.uint8) for row in ([0, 5, 0, 0], [0, 5, 0, 1], [0, 5, 2, 2])]
    for measure in ("answers", "entropy"):
        layer = drawn(encode_disagreement(masks, truth, measure=measure))[0].astype(int)
        assert tuple(layer[0]) == DIMMED and tuple(layer[1]) == MARKED
        assert DIMMED[3] < layer[2, 3] < layer[3, 3] and layer[2, :3].sum() < layer[3, :3].sum()
    truth[0, 1] = IGNORE_INDEX
    assert tuple(drawn(encode_disagreement(masks, truth))[0, 1]) == DIMMED
    with pytest.raises(SegcoreError, match="No measure 'votes' of disagreement; choose one of answers, entropy"):
        encode_disagreement(masks, measure="votes")


def test_confidence_below_the_threshold_is_marked_and_nan_counts_as_none():
    confidence = np.array([[1, 0.8, 0.5, 0.49, np.nan]], np.float32)
    layer = drawn(encode_png(quantized(confidence), confidence_palette(0.5)))[0]
    assert tuple(layer[0]) == DIMMED
    assert [tuple(pixel) == MARKED for pixel in layer] == [False, False, False, True, True]
    assert layer[1, 3] < layer[2, 3]
    assert not any(tuple(pixel) == MARKED for pixel in confidence_palette(0))


@pytest.mark.parametrize("shape", [(5, 7), (1, 4), (6, 1)])
def test_a_plane_comes_back_exactly(shape):
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    rows = np.frombuffer(zlib.decompress(encode_plane(values)), np.uint8).reshape(shape)
    assert (np.cumsum(rows, axis=0, dtype=np.uint8) == values).all()


def test_inputs_are_left_alone(pair):
    prediction, truth = pair
    for mask in pair:
        mask.flags.writeable = False
    near = boundary_band(truth, 2)
    near.flags.writeable = False
    encode_errors(prediction, truth, CAMVID11)
    encode_correctness(prediction, truth)
    encode_band(prediction, truth, near, CAMVID11)
    encode_where(prediction, near, CAMVID11)
    encode_disagreement([prediction, truth], truth)


@pytest.mark.parametrize("width", [10, 1])
def test_layers_shrink_without_new_colours(pair, width):
    prediction, truth = pair
    shown = set()
    for layer in (
        encode_errors(prediction, truth, CAMVID11, width=width),
        encode_where(prediction, truth == 0, CAMVID11, width=width),
        encode_band(prediction, truth, boundary_band(truth, 2), CAMVID11, width=width),
        encode_disagreement([prediction, prediction], truth, width=width),
    ):
        assert drawn(layer).shape[:2] == (width, width)
        shown |= colors(drawn(layer))
    assert shown <= {color(0), color(7), DIMMED, FADED, DARK, CLEAR, MARKED, *HATCHED}


def test_sizes_must_match(pair):
    prediction, truth = pair
    with pytest.raises(SegcoreError, match=r"prediction is \[30, 30\], truth is \[30, 29\]; they must match"):
        encode_errors(prediction, truth[:, :-1], CAMVID11)
    with pytest.raises(SegcoreError, match=r"prediction is \[30, 30\], band is \[29, 30\]; they must match"):
        encode_band(prediction, truth, truth[1:] == 0, CAMVID11)
