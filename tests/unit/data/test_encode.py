"""Masks as files: what is written is read back, whatever readers guess."""

import io

import numpy as np
import pytest
from fixtures import layouts
from PIL import Image

from segcore.data.class_lists import ClassList
from segcore.data.encode import encode_image, encode_mask, mask_kind
from segcore.data.mask_coding import MaskCoding, decode_mask
from segcore.errors import DatasetError
from segcore.labels import CAMVID11, CAMVID32, IGNORE_INDEX, LabelMap

PETS = layouts.PETS  # no Void
OFF_ON = LabelMap("off-on", ("off", "on"), ((0, 0, 0), (255, 255, 255)))
GREYS = LabelMap("greys", ("a", "b", "c"), ((128, 128, 128), (7, 7, 7), (1, 2, 3)))


def coding(labels, values=None, **options):
    counted = labels.with_ignored(())
    classes = ClassList(counted, values or tuple(range(counted.classes)), options.pop("colored", True))
    return MaskCoding(classes, counted, **options)


def written(mask, kind, code):
    data = encode_mask(np.array(mask, np.uint8), kind, code, "x")
    return Image.open(io.BytesIO(data)).mode, decode_mask(data, "x", code).tolist(), data


@pytest.mark.parametrize(
    ("labels", "options", "kind", "mask", "mode", "read"),
    [
        (CAMVID32, {}, "colors", [[3, 31, 255]], "RGB", [[3, 31, 31]]),  # Void is 31
        (CAMVID32, {}, "palette", [[3, 31, 255]], "P", [[3, 31, 31]]),
        (CAMVID11, {"ids_only": True}, "ids", [[3, 11, 255]], "L", [[3, 11, 255]]),
        (CAMVID11, {"ids_only": True}, "palette", [[3, 11, 255]], "P", [[3, 11, 255]]),
        (PETS, {}, "colors", [[0, 1, 2]], "RGB", [[0, 1, 2]]),
        (PETS, {}, "colors", [[0, 1, 255]], "P", [[0, 1, 255]]),
        (PETS, {}, "palette", [[0, 1, 255]], "P", [[0, 1, 255]]),
        (PETS, {"values": (7, 0, 254)}, "ids", [[0, 1, 2, 255]], "L", [[0, 1, 2, 255]]),
        (PETS, {"values": (7, 0, 254)}, "palette", [[0, 1, 2, 255]], "P", [[0, 1, 2, 255]]),
        (PETS, {"tolerance": 60}, "colors", [[0, 255]], "P", [[0, 255]]),  # black is near a class, and is none
        (PETS, {"colored": False}, "ids", [[0, 2, 255]], "L", [[0, 2, 255]]),
        (OFF_ON, {}, "greys", [[0, 1]], "L", [[0, 1]]),
        (OFF_ON, {}, "greys", [[0, 1, 255]], "P", [[0, 1, 255]]),
        (OFF_ON, {"colored": False}, "ids", [[0, 1, 255]], "L", [[0, 1, 255]]),
        # Ids 0 and 255 alone look like a black-and-white picture of two classes, which readers refuse.
        (OFF_ON, {"colored": False}, "ids", [[0, 255]], "P", [[0, 255]]),
        # A palette of nothing but greys could be ids too, but colours come first.
        (GREYS, {"values": (0, 128, 7)}, "palette", [[0, 1]], "P", [[0, 1]]),
        (GREYS, {"values": (0, 128, 7)}, "palette", [[0, 1, 2, 255]], "P", [[0, 1, 2, 255]]),
    ],
)
def test_what_is_written_is_read_back(labels, options, kind, mask, mode, read):
    result, again, data = written(mask, kind, coding(labels, **options))
    assert (result, again) == (mode, read)
    assert encode_mask(np.array(mask, np.uint8), kind, coding(labels, **options), "x") == data


def test_a_class_of_id_255_needs_a_void():
    eyes = LabelMap("eyes", ("skin", "eye"), ((0, 0, 9), (9, 0, 0)))
    assert written([[0, 1]], "ids", coding(eyes, (0, 255)))[1] == [[0, 1]]
    message = r"^x: pixels that are not labelled can't be written: eyes has a class with id 255 and none for Void\. Add"
    with pytest.raises(DatasetError, match=message):
        written([[0, 1, IGNORE_INDEX]], "ids", coding(eyes, (0, 255)))
    with_void = LabelMap("eyes", ("skin", "eye", "Void"), ((0, 0, 9), (9, 0, 0), (9, 9, 9)))
    assert written([[0, 1, IGNORE_INDEX]], "ids", coding(with_void, (0, 255, 3)))[1] == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("picture", "labels", "options", "kind"),
    [
        (Image.new("L", (2, 2)), PETS, {}, "ids"),
        (Image.new("1", (2, 2)), OFF_ON, {}, "greys"),
        (Image.new("L", (2, 2)), OFF_ON, {"colored": False}, "ids"),
        (Image.new("RGB", (2, 2)), PETS, {}, "colors"),
        (Image.new("RGBA", (2, 2)), PETS, {}, "colors"),
        (Image.new("RGB", (2, 2)), CAMVID11, {"ids_only": True}, "ids"),
        (Image.new("RGB", (2, 2)).quantize(2), PETS, {}, "ids"),
        (Image.fromarray(layouts.image()).quantize(9), PETS, {}, "palette"),
    ],
)
def test_the_kind_of_a_mask(picture, labels, options, kind):
    data = io.BytesIO()
    picture.save(data, "PNG")
    assert mask_kind(data.getvalue(), coding(labels, **options)) == kind


def test_images_are_stored_without_loss_or_nearly():
    image = np.linspace(0, 255, 60 * 80 * 3).reshape(60, 80, 3).astype(np.uint8)
    assert (np.asarray(Image.open(io.BytesIO(encode_image(image, ".PNG")))) == image).all()
    jpeg = Image.open(io.BytesIO(encode_image(image, ".jpeg")))
    assert jpeg.format == "JPEG" and np.abs(np.asarray(jpeg).astype(int) - image).max() < 10
