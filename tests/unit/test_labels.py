"""Class names, colours and ids."""

import csv
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segcore.errors import LabelError
from segcore.labels import (
    ADE150,
    CAMVID11,
    CAMVID32,
    GROUPINGS,
    IGNORE_INDEX,
    LabelMap,
    auto_palette,
    class_finder,
    is_void,
)

TWO = LabelMap("two", ("cat", "dog"), ((200, 0, 0), (0, 200, 0)), (("void", (0, 0, 0)),))
colors = st.tuples(*[st.integers(0, 255)] * 3)


@st.composite
def label_maps(draw):
    """Any map of 1 to 40 classes, some ignored."""
    palette = draw(st.lists(colors, min_size=2, max_size=40, unique=True))
    ignored = draw(st.integers(0, min(3, len(palette) - 1)))
    names = tuple(f"c{index}" for index in range(len(palette)))
    cut = len(palette) - ignored
    return LabelMap("any", names[:cut], tuple(palette[:cut]), tuple(zip(names[cut:], palette[cut:], strict=True)))


@given(labels=label_maps(), data=st.data())
def test_ids_to_colours_and_back(labels, data):
    mask = data.draw(hnp.arrays(np.uint8, (5, 7), elements=st.integers(0, labels.classes - 1)))
    if labels.ignored:
        mask[0, 0] = IGNORE_INDEX
    before = mask.copy()
    assert (labels.to_ids(labels.to_rgb(mask)) == mask).all()
    assert (mask == before).all()


@given(label_maps())
def test_dict_and_back(labels):
    assert LabelMap.from_dict(labels.to_dict()) == labels
    assert list(labels.to_dict()) == ["name", "names", "colors", "ignored"]  # `merged` only where classes are merged


@given(label_maps())
def test_ignoring_and_counting_keep_every_class(labels):
    counted = labels.with_ignored(())
    assert counted.classes == labels.classes + len(labels.ignored) and not counted.ignored
    assert counted.with_ignored(name for name, _ in labels.ignored) == labels
    table = counted.mapping_to(labels)
    assert (table[: labels.classes] == np.arange(labels.classes)).all()
    assert (table[labels.classes :] == IGNORE_INDEX).all()


def test_presets():
    assert CAMVID32.classes == 31 and [name for name, _ in CAMVID32.ignored] == ["Void"]
    assert CAMVID11.classes == 11 and CAMVID11.with_ignored(()).index("Void") == 11
    assert ADE150.classes == 150 and ADE150.names.index("chest of drawers") == 44 and ADE150.names[-1] == "flag"
    counted = CAMVID32.with_ignored(())
    assert counted.classes == 32 and counted.index("Void") == 31


def test_every_one_of_the_32_has_a_place_among_the_11():
    native, target = CAMVID32.with_ignored(()), CAMVID11
    table = native.mapping_to(target)
    groups = GROUPINGS["camvid11"]
    for index, name in enumerate(native.names):
        expected = next((group for group, members in groups.items() if name in members), name)
        assert table[index] == (IGNORE_INDEX if name == "Void" else target.index(expected))


def test_mapping_to_a_stranger():
    with pytest.raises(
        LabelError, match=r"Class 'cat' of two has no place in camvid11; it knows Sky, .*, Void\. Leave"
    ):
        TWO.mapping_to(CAMVID11)


def test_unknown_colour_names_file_colour_count_and_nearest():
    rgb = TWO.to_rgb(np.zeros((4, 4), np.uint8))
    rgb = rgb.copy()
    rgb[0, :3] = (5, 190, 0)
    message = (
        "m.png: colour (5, 190, 0) (3 pixels) is no class of two; the nearest is dog (0, 200, 0). "
        "Add it to the label file, or let such colours pass with a colour tolerance of 10 (--color-tolerance 10)."
    )
    with pytest.raises(LabelError, match=re.escape(message)):
        TWO.to_ids(rgb, source="m.png")
    with pytest.raises(LabelError, match="--color-tolerance 10"):
        TWO.to_ids(rgb, tolerance=9)
    ids = TWO.to_ids(rgb, tolerance=10)
    assert ids[0].tolist() == [1, 1, 1, 0]
    rgb[0, 0] = (1, 1, 1)
    assert TWO.to_ids(rgb, tolerance=10)[0, 0] == IGNORE_INDEX


def test_without_a_tolerance_the_smallest_difference_is_refused_and_a_mask_without_a_name_is_called_mask():
    with pytest.raises(LabelError, match=r"^mask: colour \(199, 0, 0\) \(1 pixels\) is no class of two"):
        TWO.to_ids(np.uint8([[[199, 0, 0]]]))


def test_a_colour_halfway_between_two_classes_is_refused():
    greys = LabelMap("greys", ("dark", "light"), ((0, 0, 0), (40, 40, 40)))
    rgb = np.full((1, 1, 3), 20, np.uint8)
    with pytest.raises(LabelError, match=r"colour \(20, 20, 20\) \(1 pixels\) is as far from dark as from light"):
        greys.to_ids(rgb, tolerance=30)
    assert greys.to_ids(rgb + np.uint8(1), tolerance=30) == 1
    streets = LabelMap("streets", ("sky", "road"), ((70, 130, 180), (128, 64, 128)))
    assert streets.to_ids(np.uint8([[[79, 81, 158]]]), tolerance=60) == 0  # 49 from both, and nearer to sky in all
    three = LabelMap("three", ("a", "b", "c"), ((0, 0, 0), (40, 0, 0), (0, 40, 0)))
    with pytest.raises(LabelError, match="is as far from a as from b"):
        three.to_ids(rgb, tolerance=20)  # as far as the tolerance reaches
    ignored = LabelMap("ignored", ("a",), ((80, 80, 80),), (("b", (0, 0, 0)), ("c", (40, 40, 40))))
    assert ignored.to_ids(rgb, tolerance=20) == IGNORE_INDEX  # either way


@pytest.mark.parametrize(
    ("palette", "grey", "tolerance"),
    [
        ([200, 240, 0], 10, 10),  # a quarter of the 40 between the two classes that are closest
        ([200, 240, 0], 11, None),
        ([0, 1], 4, None),
        ([0], 64, 64),
        ([0], 65, None),
    ],
)
def test_a_tolerance_is_offered_where_it_can_not_reach_another_class(palette, grey, tolerance):
    names = tuple(f"c{index}" for index in range(len(palette)))
    labels = LabelMap("greys", names, tuple((value,) * 3 for value in palette))
    way_out = f"(--color-tolerance {tolerance})." if tolerance else "or save the mask without smoothed edges."
    with pytest.raises(LabelError, match=re.escape(way_out) + "$"):
        labels.to_ids(np.full((1, 1, 3), grey, np.uint8))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), ()), "x: 0 classes; expected 1 to 255."),
        ((tuple(map(str, range(256))), auto_palette(256)), "x: 256 classes; expected 1 to 255."),
        ((("a", "b"), ((0, 0, 0),)), "x: 2 names but 1 colours; they must match."),
        ((("a", "a"), ((0, 0, 0), (1, 1, 1))), "x: class 'a' is listed twice. Remove one of the two lines."),
        ((("a",), ((0, 0, 256),)), "x: class 'a' has colour (0, 0, 256); expected three of 0-255."),
        ((("a",), ((-1, 0, 0),)), "x: class 'a' has colour (-1, 0, 0); expected three of 0-255."),
        ((("a",), ((0, 0),)), "x: class 'a' has colour (0, 0); expected three of 0-255."),
        ((("a",), ((0, 0, 0),), (("a", (1, 1, 1)),)), "x: class 'a' is listed twice. Remove one of the two lines."),
        ((("a", "b"), ((1, 1, 1), (1, 1, 1))), "x: classes 'a' and 'b' share the colour (1, 1, 1); a mask could not"),
    ],
)
def test_a_map_checks_itself(arguments, message):
    with pytest.raises(LabelError, match=re.escape(message)):
        LabelMap("x", *arguments)


def test_a_map_has_up_to_255_classes_of_all_colours():
    labels = LabelMap("x", tuple(map(str, range(255))), auto_palette(255), (("white", (255, 255, 255)),))
    assert labels.classes == 255 and labels.palette[[0, 254, 255]].tolist() == [[0, 0, 0], [96, 224, 192], [255] * 3]
    assert labels.hex_colors[1] == "#800000"
    assert LabelMap("x", ("a",), ((9, 9, 9),)).palette[[0, 1, 255]].tolist() == [[9] * 3, [0] * 3, [0] * 3]


def test_classes_are_mapped_by_their_merged_names_and_void_by_any_name():
    source = LabelMap("source", ("cat", "Traffic light", "unlabeled"), auto_palette(4)[1:])
    target = LabelMap(
        "target", ("animal", "traffic_light"), auto_palette(2), (("void", (9, 9, 9)),), (("cat", "animal"),)
    )
    table = source.mapping_to(target)
    assert table.dtype == np.uint8 and table.shape == (256,)
    assert table[:4].tolist() == [0, 1, IGNORE_INDEX, IGNORE_INDEX] and set(table[3:]) == {IGNORE_INDEX}
    assert LabelMap.from_dict(target.to_dict()) == target
    assert target.with_ignored(["animal", "void"]).merged == target.merged
    assert list(csv.reader(io.StringIO(target.to_csv()))) == [
        ["id", "name", "r", "g", "b"],
        ["0", "animal", "0", "0", "0"],
        ["1", "traffic_light", "128", "0", "0"],
        ["2", "void", "9", "9", "9"],
    ]


def test_the_same_spelling_comes_before_another():
    same_class = class_finder(["car", "Car", "VOID", "unlabeled"])
    assert [same_class(name) for name in ("car", "Car", "CAR", "unlabeled", "ignore")] == [
        "car",
        "Car",
        "Car",
        "unlabeled",
        "VOID",
    ]


def test_void_is_told_by_each_of_several_names():
    assert is_void("Void or ignore") and is_void("void;unlabeled") and not is_void("Void or road")


def test_unknown_names_list_the_choices():
    with pytest.raises(LabelError, match=r"No class in two 'dogs'\. Did you mean 'dog'\? Choose one of cat, dog\."):
        TWO.index("dogs")
    with pytest.raises(LabelError, match=r"No class in two 'fog'\. .*Choose one of cat, dog, void\."):
        TWO.with_ignored(["fog"])


def test_palette_is_read_only_and_paints_ignored():
    assert TWO.palette[IGNORE_INDEX].tolist() == [0, 0, 0] and TWO.palette[1].tolist() == [0, 200, 0]
    with pytest.raises(ValueError, match="read-only"):
        TWO.palette[0] = 1


def test_in_a_notebook_ignored_classes_are_struck_out_and_names_are_escaped():
    labels = LabelMap("two", ("cat", "<dog>"), ((200, 0, 0), (0, 200, 0)), (("void", (0, 0, 0)),))
    cat, dog, void = labels._repr_html_().split(' <span style="white-space')
    assert "color:#c80000" in cat and 'style=""' in cat and "color:#00c800" in dog and ">&lt;dog&gt;<" in dog
    assert ['style="text-decoration:line-through"' in entry for entry in (cat, dog, void)] == [False, False, True]


def test_auto_palette_is_distinct():
    palette = auto_palette(256)
    assert len(set(palette)) == 256
    assert [palette[index] for index in (1, 15, 20, 255)] == [
        (128, 0, 0),
        (192, 128, 128),
        (0, 64, 128),
        (224, 224, 192),
    ]  # PASCAL VOC's plane, person, monitor and border


def test_decoding_a_full_frame_is_one_lookup(monkeypatch):
    """Known colours ask for no nearest class; benchmarks/decode.py measures the time."""
    labels = CAMVID32.with_ignored(())
    ids = np.random.default_rng(0).integers(0, 32, (720, 960)).astype(np.uint8)
    lookups, take = [], np.take
    monkeypatch.setattr(np, "unique", lambda *_, **__: pytest.fail("one pass a colour"))
    monkeypatch.setattr(np, "take", lambda table, packed: lookups.append(packed.shape) or take(table, packed))
    assert (labels.to_ids(labels.to_rgb(ids)) == ids).all()
    assert lookups == [(720, 960)]
