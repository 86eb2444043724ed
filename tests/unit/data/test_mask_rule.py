"""The one rule of all masks, decided from masks in memory."""

import re

import numpy as np
import pytest

from segcore.data.class_lists import ClassList
from segcore.data.decode import MaskPixels
from segcore.data.mask_lookup import MaskLookup
from segcore.data.mask_rule import decide_rule, read_by_rule
from segcore.errors import DatasetError, LabelError
from segcore.labels import LabelMap, auto_palette

COLORS = np.array(auto_palette(3), np.uint8)
LABELS = LabelMap("three", ("a", "b", "c"), auto_palette(3))
CODING = MaskLookup(ClassList.of(LABELS), LABELS)
BARE = MaskLookup(ClassList.of(LABELS, colored=False), LABELS)
IDS = np.array([[0, 1, 2, 2]], np.uint8)
GREYS = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
WHITE = np.array([[0, 255, 255, 0]], np.uint8)
FOREIGN = np.array([[9, 8, 7], [1, 2, 3], [4, 5, 6]], np.uint8)


def test_palettes_of_greys_that_hold_ids_let_others_hold_void_alone():
    """A GIF stores greys as a palette: among ids, one of 0 and 255 is class 0 and void."""
    drawn = MaskPixels("white.gif", WHITE, GREYS)
    grey = MaskPixels("m0.gif", IDS, GREYS)
    for masks in ([grey], [MaskPixels("m1.png", IDS), grey]):
        rule = decide_rule(masks, BARE)
        assert rule.name == "ids" and read_by_rule(rule, drawn, BARE).tolist() == WHITE.tolist()
    for mask in (MaskPixels("m0.png", IDS), MaskPixels("m0.gif", np.zeros_like(IDS), GREYS)):
        with pytest.raises(DatasetError, match=r"^white\.gif: not written like m0\..*, which holds ids of the classes"):
            read_by_rule(decide_rule([mask], BARE), drawn, BARE)


def test_among_plain_ids_only_a_palette_of_black_and_white_is_a_drawing():
    rule = decide_rule([MaskPixels("m0.png", IDS)], BARE)
    for mask in (MaskPixels("m1.png", WHITE), MaskPixels("m2.gif", IDS, GREYS)):
        assert read_by_rule(rule, mask, BARE).tolist() == mask.pixels.tolist()
    red = np.concatenate([GREYS[:1], [[200, 0, 0]], GREYS[2:]]).astype(np.uint8)  # a colour that no pixel has
    with pytest.raises(DatasetError, match=r"^m3\.png: not written like m0\.png, which holds ids"):
        read_by_rule(rule, MaskPixels("m3.png", WHITE, red), BARE)
    message = (
        "m4.png: not written like m0.png, which holds ids of the classes. All masks of a dataset are read by one rule. "
        "Write them alike, or open them as two datasets."
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        read_by_rule(decide_rule([MaskPixels("m0.png", IDS)], CODING), MaskPixels("m4.png", COLORS[IDS]), CODING)


def test_palettes_of_colours_in_which_only_black_and_white_occur_are_drawings():
    colors = np.array([[0, 0, 0], [200, 0, 0], *[[0, 90, 0]] * 253, [255, 255, 255]], np.uint8)
    masks = [MaskPixels("m0.png", np.zeros_like(WHITE), colors), MaskPixels("m1.png", WHITE, colors)]
    with pytest.raises(DatasetError, match=r"^m1\.png: only 0 and 255 occur, but the 3 classes are ids"):
        decide_rule(masks, BARE)
    border = np.concatenate([colors[:255], [[224, 224, 192]]]).astype(np.uint8)  # of Pascal VOC
    others = [MaskPixels("m2.png", IDS, colors)], [MaskPixels("m3.png", WHITE, border)]
    for mask in (*(([*masks, *other]) for other in others[:1]), others[1], masks[:1]):
        rule = decide_rule(mask, BARE)
        assert (
            rule.name in ("ids", "indices") and read_by_rule(rule, mask[-1], BARE).tolist() == mask[-1].pixels.tolist()
        )
    assert read_by_rule(decide_rule(*others[:1], BARE), masks[0], BARE).tolist() == [[0] * 4]  # nothing is drawn
    short = MaskPixels("m4.png", WHITE, colors[:254])  # void without a colour is not white
    assert read_by_rule(decide_rule([short], BARE), short, BARE).tolist() == WHITE.tolist()


@pytest.mark.parametrize(("classes", "drawn"), [(1, False), (2, False), (3, True), (4, True)])
def test_masks_of_one_bit_are_ids_of_two_classes_and_of_no_more(classes, drawn):
    labels = LabelMap("list", tuple("abcd"[:classes]), auto_palette(classes))
    coding = MaskLookup(ClassList.of(labels, colored=False), labels)
    bit = MaskPixels("m.png", np.array([[0, min(classes, 2) - 1]], np.uint8), GREYS[[0, 255]], two_tone=True)
    if drawn:
        with pytest.raises(
            DatasetError, match=rf"^m\.png: only 0 and 255 occur, but the {classes} classes are ids 0 and"
        ):
            decide_rule([bit], coding)
    else:
        assert read_by_rule(decide_rule([bit], coding), bit, coding).tolist() == bit.pixels.tolist()


def test_masks_of_one_bit_are_no_palettes_of_ids_which_let_a_drawing_pass():
    """White would be read as void, and is class 1 of the others."""
    labels = LabelMap("two", ("a", "b"), auto_palette(2))
    coding = MaskLookup(ClassList.of(labels, colored=False), labels)
    bit = MaskPixels("m0.png", np.array([[0, 1]], np.uint8), GREYS[[0, 255]], two_tone=True)
    for masks in ([bit], [bit, MaskPixels("ids.png", bit.pixels)]):
        with pytest.raises(DatasetError, match=r"^white\.gif: not written like m0\.png, which holds ids"):
            read_by_rule(decide_rule(masks, coding), MaskPixels("white.gif", WHITE, GREYS), coding)


def test_one_class_and_the_border_of_pascal_voc_are_no_drawing():
    voc = MaskPixels("m.png", WHITE, np.pad(COLORS, ((0, 253), (0, 0)), constant_values=224))
    rule = decide_rule([voc], BARE)
    assert rule.name == "indices" and read_by_rule(rule, voc, BARE).tolist() == WHITE.tolist()


def test_indices_of_one_palette_are_ids_beside_plain_masks_and_void_without_a_colour():
    coloured = MaskPixels("m0.png", IDS, FOREIGN)
    void = MaskPixels("m1.png", np.array([[0, 255, 2, 255]], np.uint8), FOREIGN)
    rule = decide_rule([coloured, void, MaskPixels("m2.png", IDS)], CODING)
    assert str(rule) == "palette indices, which are ids of the classes (decided from 3 masks)"
    for mask in (coloured, void, MaskPixels("m3.png", IDS)):
        assert read_by_rule(rule, mask, CODING).tolist() == mask.pixels.tolist()
    short = MaskPixels("m4.png", IDS, FOREIGN[:2])  # index 2 has no colour
    message = "m4.png: palette index 2 has colour (), and (4, 5, 6) in m0.png: indices are no ids. List the colours"
    with pytest.raises(DatasetError, match=re.escape(message)):
        read_by_rule(rule, short, CODING)
    with pytest.raises(DatasetError, match=re.escape("m0.png: palette index 2 has colour (4, 5, 6), and () in m4.png")):
        decide_rule([short, coloured], CODING)


def test_masks_that_no_rule_fits_are_read_by_the_nearest_colour():
    lookup = MaskLookup(CODING.classes, LABELS, tolerance=5)
    numbered = np.pad(COLORS + np.uint8(4), ((5, 0), (0, 0)))  # indices 5 and more are no ids
    noisy = [MaskPixels(f"m{index}.png", IDS[:, :2] + np.uint8(5), numbered) for index in range(2)]
    rule = decide_rule(noisy, lookup)
    assert str(rule) == "colours of the classes (decided from 2 masks)" and rule.example == "m0.png"
    assert read_by_rule(rule, noisy[1], lookup).tolist() == [[0, 1]]
    with pytest.raises(DatasetError, match=r"m0\.png: with --color-tolerance 5 every pixel of 2 masks is one class"):
        decide_rule([MaskPixels(mask.where, mask.pixels[:, :1], numbered) for mask in noisy], lookup)
    with pytest.raises(DatasetError, match=r"^m\.png: id 7 \(1 pixels\) is no class"):  # greys are ids
        decide_rule([MaskPixels("m.png", np.array([[0, 7]], np.uint8))], lookup)
    with pytest.raises(LabelError, match=r"^m\.png: colour \(7, 0, 0\) \(1 pixels\) is no class of three; .* is a "):
        decide_rule([MaskPixels("m.png", np.array([[[7, 0, 0]]], np.uint8))], lookup)


def test_a_palette_with_class_colours_is_held_to_all_of_them():
    foreign = np.array([[0, 0, 0], [128, 0, 0], [9, 9, 9]], np.uint8)  # black and red are classes
    with pytest.raises(LabelError, match=r"^m\.png: colour \(9, 9, 9\) \(2 pixels\) is no class of three"):
        decide_rule([MaskPixels("m.png", IDS, foreign)], CODING)
    with pytest.raises(LabelError, match=r"^m\.png: colour \(9, 9, 9\) \(2 pixels\) is no class of three"):
        decide_rule([MaskPixels("ids.png", IDS), MaskPixels("m.png", foreign[IDS])], CODING)
    rule = decide_rule([MaskPixels("colours.png", COLORS[IDS]), MaskPixels("m.png", foreign[IDS])], CODING)
    assert (rule.name, rule.masks, rule.example) == ("colours", 1, "colours.png")
    assert decide_rule([MaskPixels("m.png", foreign[IDS]), MaskPixels("colours.png", COLORS[IDS])], CODING) == rule
    with pytest.raises(LabelError, match=r"^m\.png: colour \(9, 9, 9\)"):
        read_by_rule(rule, MaskPixels("m.png", foreign[IDS]), CODING)
    foreign[1] = 7, 0, 0  # black alone may be by chance
    assert decide_rule([MaskPixels("m.png", IDS, foreign)], CODING).name == "indices"


def test_palettes_of_class_colours_may_be_numbered_anew_and_names_are_no_drawing():
    rule = decide_rule([MaskPixels("a.png", IDS, COLORS), MaskPixels("b.png", IDS, COLORS[::-1])], CODING)
    assert rule.name == "colours" and not rule.palette
    named = MaskPixels("c.json", WHITE, named=True)
    rule = decide_rule([named], CODING)
    assert rule.name == "names" and read_by_rule(rule, named, CODING).tolist() == WHITE.tolist()


@pytest.mark.parametrize(
    ("classes", "ids"),
    [
        (1, "the class is id 0. List"),
        (2, "the 2 classes are ids 0 and 1. List"),
        (6, "the 6 classes are ids 0 and 1 and 2 and 3. List"),
    ],
)
def test_a_drawing_is_refused_with_the_ids_of_the_classes(classes, ids):
    labels = LabelMap("list", tuple("abcdef"[:classes]), auto_palette(classes))
    message = (
        f"m.png: only 0 and 255 occur, but {ids} the classes with the colours 0 0 0 and 255 255 255 (a background "
        "too), or save the masks as ids. Where 255 means not labelled, list a class Void with id 255."
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        decide_rule([MaskPixels("m.png", WHITE)], MaskLookup(ClassList.of(labels, colored=False), labels))
