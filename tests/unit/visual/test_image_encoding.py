import io

import numpy as np
import pytest
from PIL import Image

from segcore.labels import CAMVID32, IGNORE_INDEX
from segcore.visual import data_uri, encode_jpeg, encode_layer, encode_png, swatch


def decoded(data, mode):
    return np.array(Image.open(io.BytesIO(data)).convert(mode))


@pytest.fixture
def mask():
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, CAMVID32.classes, (9, 12)).astype(np.uint8)
    return np.kron(coarse, np.ones((20, 20), np.uint8))


@pytest.mark.parametrize("width", [None, 97])
def test_a_mask_shows_exactly_its_palette_colours(mask, width):
    shown = decoded(encode_png(mask, CAMVID32.palette, width=width), "RGB")
    present = {tuple(pixel) for pixel in np.unique(shown.reshape(-1, 3), axis=0)}
    assert present == {CAMVID32.colors[index] for index in np.unique(mask)}
    assert shown.shape[1] == (width or mask.shape[1])


def test_full_size_mask_survives_pixel_by_pixel(mask):
    assert (decoded(encode_png(mask, CAMVID32.palette), "RGB") == CAMVID32.to_rgb(mask)).all()


def test_layer_is_transparent_where_hidden_or_ignored(mask):
    mask[:20] = IGNORE_INDEX
    mask[20:40] = 3
    layer = decoded(encode_layer(mask, CAMVID32, visible={3, 4}), "RGBA")
    assert (layer[:20, :, 3] == 0).all()
    assert (layer[20:40, :, 3] == 255).all() and (layer[20:40, :, :3] == CAMVID32.colors[3]).all()
    assert (layer[..., 3] > 0).sum() == np.isin(mask, (3, 4)).sum()


def test_outline_covers_little(mask):
    filled = decoded(encode_layer(mask, CAMVID32), "RGBA")[..., 3] > 0
    outline = decoded(encode_layer(mask, CAMVID32, outline=True), "RGBA")[..., 3] > 0
    assert 0 < outline.sum() < filled.sum() / 2


def test_jpeg_keeps_channel_order_and_shrinks():
    image = np.zeros((80, 120, 3), np.uint8)
    image[..., 0] = 200
    shown = decoded(encode_jpeg(image, width=60), "RGB")
    assert shown.shape == (40, 60, 3)
    assert np.abs(shown.astype(int) - (200, 0, 0)).max() <= 3


def test_data_uri_and_swatch(mask):
    assert data_uri(encode_png(mask, CAMVID32.palette)).startswith("data:image/png;base64,")
    assert data_uri(encode_jpeg(np.zeros((4, 4, 3), np.uint8))).startswith("data:image/jpeg;base64,")
    assert swatch((1, 2, 3)).startswith("data:image/svg+xml;base64,")
