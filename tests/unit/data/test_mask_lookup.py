"""Looking up the pixels of one mask: which ids and colours it may hold, and what is said of others."""

import re

import numpy as np
import pytest

from segcore.data.class_lists import ClassList
from segcore.data.decode import MaskPixels
from segcore.data.mask_lookup import MaskLookup, apply_rule, fits, values_of
from segcore.errors import DatasetError, LabelError
from segcore.labels import LabelMap, auto_palette


def lookup_of(classes, **options):
    """A list of so many classes, with the colours of Pascal VOC."""
    labels = LabelMap("list", tuple(f"c{index}" for index in range(classes)), auto_palette(classes))
    return MaskLookup(ClassList.of(labels), labels, **options)


@pytest.mark.parametrize("foreign", [3, 254, 256, 1 << 40, -2])
def test_an_id_that_is_no_class_is_named_with_its_pixels(foreign):
    mask = MaskPixels("m.png", np.array([[0, 255, foreign], [foreign, 2, 1]]))
    message = (
        f"m.png: id {foreign} (2 pixels) is no class; ids go up to 2 (list, 3 classes), 255 is ignored. "
        "Correct the mask or add the class to the list."
    )
    with pytest.raises(DatasetError, match=re.escape(message) + "$"):
        apply_rule("ids", mask, lookup_of(3))


@pytest.mark.parametrize(
    ("classes", "values", "hint"),
    [
        (3, [0, 127, 255], "ids 0 to 2 stretched to 255: divide them by 127.5. Correct"),
        (4, [0, 85, 170], "ids 0 to 3 stretched to 255: divide them by 85. Correct"),
        (3, [0, 127, 382], "255 is ignored. Correct"),
        (3, [0, 127, 128], "255 is ignored. Correct"),
        (1, [0, 7], "255 is ignored. Correct"),
        (3, [1, 3], "look like ids 1 to 3, and the list numbers its classes from 0: give it a column id with 1 to 3"),
        (3, [1, 3, 4], "255 is ignored. Correct"),
    ],
)
def test_ids_that_were_stretched_or_begin_at_1_are_told_by_all_their_values(classes, values, hint):
    with pytest.raises(DatasetError, match=re.escape(hint)):
        apply_rule("ids", MaskPixels("m.png", np.array([values])), lookup_of(classes))


GREY = LabelMap("grey", ("black", "white"), ((0, 0, 0), (255, 255, 255)))


@pytest.mark.parametrize("values", [[0, 255], [0, 127, 255]])
def test_a_list_that_begins_at_1_is_not_told_to_make_ids_from_0(values):
    labels = lookup_of(len(values)).target
    numbered = MaskLookup(ClassList(labels, tuple(range(1, len(values) + 1))), labels)
    with pytest.raises(DatasetError, match=r"^m\.png: id 0 .*, 255 is ignored\. Correct the mask or add the class to"):
        apply_rule("ids", MaskPixels("m.png", np.array([values])), numbered)


COLORS = np.array(auto_palette(3), np.uint8)
NOISY = COLORS + np.uint8(4)
IDS = np.array([[0, 1, 2], [2, 2, 0]], np.uint8)
BORDER = np.where(IDS == 1, 255, IDS).astype(np.uint8)


def bordered(colors):
    """A palette of 256 colours, of which 255 is that of Pascal VOC's border."""
    return np.pad(colors, ((0, 256 - len(colors)), (0, 0)), constant_values=224)


@pytest.mark.parametrize(
    ("rule", "mask", "expected"),
    [
        ("names", MaskPixels("m", IDS, named=True), IDS),
        ("colours", MaskPixels("m", COLORS[IDS]), IDS),
        ("colours", MaskPixels("m", NOISY[IDS]), IDS),
        ("colours", MaskPixels("m", 2 - IDS, COLORS[::-1]), IDS),
        ("colours", MaskPixels("m", IDS, NOISY), IDS),
        ("colours", MaskPixels("m", BORDER, bordered(COLORS)), BORDER),
        ("colours", MaskPixels("m", BORDER, bordered(NOISY)), BORDER),
        ("ids", MaskPixels("m", IDS), IDS),
        ("ids", MaskPixels("m", BORDER.astype(np.int64)), BORDER),
        ("ids", MaskPixels("m", IDS[..., None].repeat(3, axis=2)), IDS),
        ("ids", MaskPixels("m", 2 - IDS, np.array([[2] * 3, [1] * 3, [0] * 3], np.uint8)), IDS),
        ("indices", MaskPixels("m", IDS, COLORS[::-1]), IDS),
    ],
)
def test_a_mask_of_any_size_is_looked_up(rule, mask, expected):
    lookup = lookup_of(3, tolerance=5)
    for times in (1, 150):  # few pixels are looked up by numpy, many by Pillow
        pixels = np.concatenate([np.concatenate([mask.pixels] * times)] * times, axis=1)
        decoded = apply_rule(rule, MaskPixels("m", pixels, mask.palette, named=mask.named), lookup)
        assert decoded.dtype == np.uint8
        np.testing.assert_array_equal(decoded, np.tile(expected, (times, times)))


def test_a_palette_is_of_ids_where_every_index_in_use_is_a_grey():
    greys = np.array([[2] * 3, [9, 1, 1], [0] * 3, [1, 1, 9]], np.uint8)
    for indices, ids in (
        ([0, 2, 2], [2, 0, 0]),
        ([2], [0]),
        ([0, 1], None),  # red
        ([3, 2], None),  # blue
        ([0, 4], None),  # index without a colour
    ):
        mask = MaskPixels("m.png", np.array([indices], np.uint8), greys)
        values = values_of("ids", mask)
        assert (values if values is None else values.tolist()) == (ids and [ids])
        assert values_of("indices", mask).tolist() == [indices]
        assert fits("ids", mask, lookup_of(3)) == (ids is not None)


@pytest.mark.parametrize("foreign", [-1, 256])
def test_a_number_that_is_no_byte_is_no_grey(foreign):
    lookup = MaskLookup(ClassList.of(GREY), GREY)
    mask = MaskPixels("m.png", np.array([[0, foreign]]))
    assert not fits("colours", mask, lookup)
    with pytest.raises(DatasetError, match=rf"^m\.png: id {foreign} \(1 pixels\) is no class"):
        apply_rule("colours", mask, lookup)


@pytest.mark.parametrize("mask", [MaskPixels("m.png", (COLORS + 9)[IDS]), MaskPixels("m.png", IDS, COLORS + 9)])
def test_a_colour_that_is_no_class_is_named_with_its_file_and_pixels(mask):
    message = "m.png: colour (9, 9, 9) (2 pixels) is no class of list; the nearest is c0 (0, 0, 0)."
    with pytest.raises(LabelError, match="^" + re.escape(message)):
        apply_rule("colours", mask, lookup_of(3, tolerance=8))


def test_a_mask_of_names_holds_positions_and_one_of_ids_the_values_of_the_list():
    labels = lookup_of(3).target
    numbered = MaskLookup(ClassList(labels, (10, 0, 20)), labels.with_ignored(["c1"]))
    positions, values = np.array([[0, 1, 2]], np.uint8), np.array([[10, 0, 20]], np.uint8)
    assert apply_rule("names", MaskPixels("m", positions, named=True), numbered).tolist() == [[0, 255, 1]]
    assert apply_rule("ids", MaskPixels("m", values), numbered).tolist() == [[0, 255, 1]]


def test_a_mask_in_colours_where_ids_are_expected_says_what_to_do():
    labels, mask = lookup_of(3).target, MaskPixels("m.png", COLORS[IDS])
    with pytest.raises(
        LabelError, match=r"^m\.png: a mask in colours; expected ids of the classes\. Save it as a mask of"
    ):
        apply_rule("ids", mask, lookup_of(3))
    with pytest.raises(
        LabelError, match=r"^m\.png: a mask in colours, but the classes have none\. List them in label_"
    ):
        apply_rule("ids", mask, MaskLookup(ClassList.of(labels, colored=False), labels))
