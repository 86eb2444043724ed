"""Cases b: masks as people have coded them.

b01 b03 b05 b09 b10 b18 are in `unit/data/test_mask_coding.py`, b06 b11 b15 in `unit/data/test_bad_input.py`, b13 b20 in
`unit/data/test_decode.py`, exactly so.
"""

import io

import cv2
import numpy as np
import pytest
from fixtures import cases
from fixtures.layouts import save
from PIL import Image


def one_bit(path, ids):
    Image.fromarray(ids.astype(bool)).save(path)


def rgba(path, ids):
    save(path, np.dstack([cases.paint(ids), np.full(ids.shape, 255, np.uint8)]))


def tif(kind):
    return lambda path, ids: cv2.imwrite(str(path), ids.astype(kind))


PAIR = ("background", "building")


@pytest.mark.parametrize(
    ("names", "classes", "draw", "suffix"),
    [
        pytest.param(PAIR, "name\nbackground\nbuilding\n", one_bit, ".png", id="b07 one bit"),
        pytest.param(PAIR, cases.BLACK_WHITE, one_bit, "_mask.gif", id="b17 gif of Carvana"),
        pytest.param(cases.NAMES, cases.LISTED, rgba, ".png", id="b12 opaque rgba"),
        pytest.param(cases.NAMES, cases.BARE, lambda p, a: save(p, a.astype(np.uint16)), ".png", id="b19 16 bits"),
        pytest.param(cases.NAMES, cases.BARE, tif(np.float32), ".tif", id="b21 float tif"),
        pytest.param(cases.NAMES, cases.BARE, tif(np.int32), ".tif", id="b22 int32 tif"),
        pytest.param(
            cases.NAMES,
            "id,name\n0,sky\n127,road\n255,car\n",
            lambda path, ids: save(path, np.uint8([0, 127, 255])[ids]),
            ".png",
            id="b08 255 is a class where the list says so",
        ),
    ],
)
def test_it_is_read(names, classes, draw, suffix, tmp_path):
    scenes = cases.truth(classes=len(names))
    cases.folder(tmp_path, scenes, classes, draw=draw, masks=f"masks/{{}}{suffix}")
    cases.opens_as(tmp_path, scenes, names)


def test_one_class_in_masks_of_0_and_255(tmp_path):
    """b04: the thing that is looked for, and never everything as that thing."""
    cases.folder(
        tmp_path, cases.truth(classes=2), "name\nbuilding\n", draw=lambda path, ids: save(path, ids * np.uint8(255))
    )
    cases.refused(r"pic0\.png: only 0 and 255 occur, .*a background too", tmp_path)


def blocks(ids):
    return np.kron(ids, np.ones((8, 8), np.uint8))


def test_smoothed_edges_need_a_tolerance(tmp_path):
    """b14: resized or drawn with smooth edges. The inside of each area is what it was."""

    def draw(path, ids):
        half = cv2.resize(cases.paint(ids), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_LINEAR)
        save(path, cv2.resize(half, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR))

    large = {name: blocks(ids) for name, ids in cases.truth().items()}
    cases.folder(tmp_path, large, cases.LISTED, draw=draw)
    cases.refused(r"pic0\.png: colour \(.*\) is no class of custom; the nearest is ", tmp_path)
    dataset = cases.open_dataset(tmp_path, color_tolerance=64)
    for name, ids in large.items():
        inside = blocks(np.ones((6, 8), np.uint8)) * np.tile(np.pad(np.ones((4, 4), bool), 2), (6, 8))
        assert (dataset.mask(name) == ids)[inside.astype(bool)].all()


def test_what_was_a_jpeg_once_needs_a_tolerance(tmp_path):
    """b16: saved as PNG afterwards, as b15's refusal asks for."""

    def draw(path, ids):
        buffer = io.BytesIO()
        Image.fromarray(ids * np.uint8(255)).save(buffer, "JPEG", quality=60)
        Image.open(buffer).save(path)

    # Edges beside those of JPEG's own blocks, which would be kept exactly.
    scenes = {name: np.roll(blocks(ids), 3, axis=(0, 1)) for name, ids in cases.truth(classes=2).items()}
    cases.folder(tmp_path, scenes, cases.BLACK_WHITE, draw=draw)
    cases.refused(r"pic0\.png: colour .*is no class of custom; the nearest is ", tmp_path)
    cases.opens_as(tmp_path, scenes, PAIR, color_tolerance=100)
    cases.opens_as(tmp_path, scenes, PAIR, color_tolerance=255)
