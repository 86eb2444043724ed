"""One rule for all masks of a dataset: what is read is what was written, or it is refused."""

import numpy as np
import pytest
from fixtures import layouts
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from segcore.data import open_dataset
from segcore.errors import DatasetError
from segcore.labels import auto_palette

COLORS = ((70, 130, 180), (128, 64, 128), (0, 0, 142))
LISTED = "name,r,g,b\nsky,70,130,180\nroad,128,64,128\ncar,0,0,142\n"
RENUMBER = np.uint8([2, 0, 1])
BARE = "name\nsky\nroad\ncar\n"


def dataset(root, masks, classes=LISTED, write=layouts.save, suffix=".png", **options):
    for index, ids in enumerate(masks):
        layouts.save(root / "images" / f"p{index}.png", layouts.image(index, ids.shape[:2]))
        path = root / "masks" / f"p{index}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, ids)
    layouts.write(root / "classes.csv", classes)
    return open_dataset(root, **options)


def scenes(count=4, classes=3):
    return [layouts.mask(index, classes) for index in range(count)]


def paint(ids, colors=COLORS):
    return np.array(colors, np.uint8)[ids]


def palette(path, ids, colors, border=(224, 224, 192)):
    table = np.full((256, 3), border, np.uint8)
    table[: len(colors)] = colors
    picture = Image.fromarray(ids)
    picture.putpalette(table.tobytes())
    picture.save(path)


def same(opened, expected):
    return all((opened.mask(f"p{index}") == ids).all() for index, ids in enumerate(expected))


@pytest.mark.parametrize(
    ("rule", "classes", "write"),
    [
        ("colours of the classes", LISTED, lambda path, ids: layouts.save(path, paint(ids))),
        ("colours of the classes", LISTED, lambda path, ids: palette(path, ids, COLORS)),
        (
            "colours of the classes",
            LISTED,
            lambda path, ids: palette(path, np.uint8([2, 0, 1])[ids], np.roll(COLORS, -1, 0)),
        ),
        ("ids of the classes", LISTED, lambda path, ids: layouts.save(path, ids)),
        ("ids of the classes", LISTED, lambda path, ids: layouts.save(path, ids[..., None].repeat(3, axis=2))),
        ("ids of the classes", BARE, lambda path, ids: layouts.save(path, ids.astype(np.uint16))),
        ("palette indices", BARE, lambda path, ids: palette(path, ids, auto_palette(3))),
        ("palette indices", LISTED, lambda path, ids: palette(path, ids, [(1, 2, 3), (40, 50, 60), (70, 80, 90)])),
    ],
)
def test_the_rule_that_all_masks_need(rule, classes, write, tmp_path):
    opened = dataset(tmp_path, scenes(), classes, write)
    assert same(opened, scenes()) and opened.mask_rule.startswith(rule) and "decided from 4 masks" in opened.mask_rule


def test_a_border_of_pascal_voc_does_not_change_how_masks_are_read(tmp_path):
    bordered = [
        np.where(np.arange(ids.size).reshape(ids.shape) % (5 + 3 * (index % 2)) == 1, 255, ids).astype(np.uint8)
        if index % 2
        else ids
        for index, ids in enumerate(scenes())
    ]
    listed = "name,r,g,b\ncar,0,128,0\nroad,128,0,0\nsky,0,0,0\n"  # in another order than the palette
    opened = dataset(tmp_path, bordered, listed, lambda path, ids: palette(path, ids, auto_palette(3)))
    renumbered = [np.where(ids == 255, 255, 2 - ids.astype(int)) for ids in bordered]
    assert same(opened, renumbered) and opened.mask_rule.startswith("colours")


def test_masks_of_two_rules_are_refused_and_both_files_named(tmp_path):
    def write(path, ids):
        layouts.save(path, ids if path.stem == "p2" else paint(ids))

    opened = dataset(tmp_path, scenes(), LISTED, write)
    with pytest.raises(DatasetError, match=r"p2\.png: not written like .*p0\.png, which holds colours of the classes"):
        opened.mask("p2")


def test_a_mask_outside_the_sample_is_held_to_the_rule(tmp_path):
    def write(path, ids):
        layouts.save(path, ids if path.stem == "p1" else paint(ids))  # 8 of 20 are sampled: 0, 2, 5, ...

    opened = dataset(tmp_path, scenes(20), LISTED, write)
    assert opened.mask_rule == "colours of the classes (decided from 8 masks)"
    with pytest.raises(DatasetError, match=r"p1\.png: not written like .*p0\.png"):
        opened.mask("p1")


@pytest.mark.parametrize("classes", ["name\nbuilding\n", "name\nsky\nroad\n", BARE])
def test_black_and_white_masks_need_a_list_that_says_so(classes, tmp_path):
    opened = dataset(tmp_path, [ids * np.uint8(255) for ids in scenes(classes=2)], classes)
    with pytest.raises(DatasetError, match=r"only 0 and 255 occur, but .* Where 255 means not labelled, list"):
        opened.mask("p0")


def test_ids_from_1_are_named_and_a_column_of_ids_reads_them(tmp_path):
    numbered = [ids + np.uint8(1) for ids in scenes()]
    opened = dataset(tmp_path / "list", numbered, BARE)
    with pytest.raises(DatasetError, match=r"id 3 .* They look like ids 1 to 3, .* a column id with 1 to 3, or put"):
        opened.mask("p0")
    assert same(dataset(tmp_path / "ids", numbered, "id,name\n1,sky\n2,road\n3,car\n"), scenes())


@pytest.mark.parametrize("white", [1, 255])
def test_one_bit_among_eight_is_0_and_1(white, tmp_path):
    """As `data expand` writes copies beside masks of one bit; where 255 stands for 1 elsewhere, it is refused."""

    def write(path, ids):
        layouts.save(path, ids.astype(bool) if path.stem == "p0" else ids * np.uint8(white))

    opened = dataset(tmp_path / "two", scenes(classes=2), "name\nsky\nroad\n", write)
    if white == 1:
        assert same(opened, scenes(classes=2)) and opened.mask_rule.startswith("ids")
        three = dataset(tmp_path / "three", scenes(), BARE, lambda path, ids: write(path, ids % 2))
        with pytest.raises(DatasetError, match=r"p\d\.png: not written like .*p\d\.png"):  # white may be 1 or 255
            three.mask("p0")
    else:
        with pytest.raises(DatasetError, match=r"p1\.png: only 0 and 255 occur"):
            opened.mask("p1")


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("suffix", [".png", ".gif"])  # a GIF stores greys as a palette of those that occur
def test_a_few_black_and_white_masks_of_many_classes_are_refused(count, suffix, tmp_path):
    masks = [ids * np.uint8(255) for ids in scenes(count, classes=2)]
    opened = dataset(tmp_path, masks, BARE, suffix=suffix)
    with pytest.raises(DatasetError, match="only 0 and 255 occur, but the 3 classes are ids 0 and 1 and 2"):
        opened.mask("p0")


def test_black_and_white_palettes_beside_masks_of_ids_are_refused(tmp_path):
    def write(path, ids):
        if path.stem == "p1":
            palette(path, np.minimum(ids, 1), [(0, 0, 0), (255, 255, 255)], border=(0, 0, 0))
        else:
            layouts.save(path, ids)

    with pytest.raises(DatasetError, match=r"p1\.png: only 0 and 255 occur, but the 3 classes"):
        dataset(tmp_path, scenes(), BARE, write).mask("p0")


@pytest.mark.parametrize("odd", range(10))  # eight masks decide; the others are compared as they are read
@pytest.mark.parametrize("colours", [[(0, 0, 0), (255, 255, 255)], [(0, 0, 0), (1, 1, 9), (9, 1, 1)]])
def test_one_mask_by_another_palette_is_refused_wherever_it_lies(odd, colours, tmp_path):
    def write(path, ids):
        if path.stem == f"p{odd}":
            palette(path, np.minimum(ids, len(colours) - 1), colours, border=(0, 0, 0))
        elif len(colours) == 3:
            palette(path, ids, [(0, 0, 0), (9, 1, 1), (1, 1, 9)])
        else:
            layouts.save(path, ids)

    opened = dataset(tmp_path, scenes(10), BARE, write)
    with pytest.raises(DatasetError, match=r"only 0 and 255 occur|not written like|indices are no ids"):
        [opened.mask(sample_id) for sample_id in opened.ids]


def test_indices_of_a_palette_of_greys_are_no_ids(tmp_path):
    def optimised(path, ids):
        palette(path, ids, [(40, 40, 40), (90, 90, 90), (200, 200, 200)], border=(0, 0, 0))

    with pytest.raises(DatasetError, match=r"p0\.png: id 40 .* is no class"):
        dataset(tmp_path, scenes(), BARE, optimised).mask("p0")


def test_ids_stretched_to_be_seen_are_named(tmp_path):
    opened = dataset(tmp_path, [np.uint8([0, 127, 255])[ids] for ids in scenes()], BARE)
    with pytest.raises(DatasetError, match=r"id 127 .* look like ids 0 to 2 stretched to 255: divide them by 127\.5"):
        opened.mask("p0")


def test_a_tolerance_takes_the_nearest_class_but_never_one_for_all(tmp_path):
    noisy = [paint(ids) + np.uint8(9) for ids in scenes()]
    opened = dataset(tmp_path / "a", noisy, color_tolerance=12)
    assert same(opened, scenes())
    greys = "name,r,g,b\nno,0,0,0\nyes,255,255,255\n"
    with pytest.raises(DatasetError, match=r"every pixel of 1 mask is one class\. Choose a smaller tolerance"):
        dataset(tmp_path / "b", [ids + np.uint8(3) for ids in scenes()], greys, color_tolerance=200).mask("p0")
    with pytest.raises(
        DatasetError, match=r"the nearest is yes \(255, 255, 255\)\. Add it to the label file, or save the mask"
    ):
        dataset(tmp_path / "c", [np.full((4, 4), 127 + index, np.uint8) for index in range(2)], greys).mask("p1")


@pytest.mark.parametrize("write", [np.save, lambda path, ids: np.save(path, ids.astype(np.float32))])
def test_arrays_are_masks_and_minus_one_is_not_labelled(write, tmp_path):
    opened = dataset(tmp_path, scenes(), BARE, write, suffix=".npy")
    assert same(opened, scenes())
    np.save(tmp_path / "masks" / "p0.npy", scenes()[0].astype(int) - (scenes()[0] == 0))
    assert (open_dataset(tmp_path).mask("p0") == np.where(scenes()[0] == 0, 255, scenes()[0])).all()
    np.save(tmp_path / "masks" / "p0.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(DatasetError, match=r"p0\.npy: not a readable array"):
        open_dataset(tmp_path).mask("p0")


def test_pages_and_lossy_masks_are_refused(tmp_path):
    def pages(path, ids):
        Image.fromarray(ids).save(path, save_all=True, append_images=[Image.fromarray(ids)])

    with pytest.raises(DatasetError, match=r"p0\.tif: a mask of 2 pages; expected one"):
        dataset(tmp_path, scenes(1), BARE, pages, suffix=".tif").mask("p0")
    gif = dataset(tmp_path / "gif", scenes(), BARE, layouts.save, suffix=".gif")
    assert same(gif, scenes())


@settings(max_examples=40)
@given(data=st.data())
def test_what_is_written_is_read_or_refused(data, tmp_path_factory):
    count = data.draw(st.integers(2, 6), "classes")
    colors = data.draw(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=count, max_size=count, unique=True))
    kinds = data.draw(st.lists(st.sampled_from(["ids", "rgb", "palette", "rgb ids"]), min_size=1, max_size=2))
    colored = data.draw(st.booleans(), "the list has colours")
    masks = [
        np.array(data.draw(st.lists(st.integers(0, count - 1), min_size=6, max_size=6)), np.uint8).reshape(2, 3)
        for _ in range(4)
    ]

    def write(path, ids):
        kind = kinds[int(path.stem[1:]) % len(kinds)]
        if kind == "palette":
            palette(path, ids, colors, border=(1, 254, 3))
        else:
            layouts.save(path, {"ids": ids, "rgb": paint(ids, colors), "rgb ids": ids[..., None].repeat(3, 2)}[kind])

    rows = "".join(
        f"c{index}," + ",".join(map(str, color)) + "\n" if colored else f"c{index}\n"
        for index, color in enumerate(colors)
    )
    opened = dataset(tmp_path_factory.mktemp("masks"), masks, ("name,r,g,b\n" if colored else "name\n") + rows, write)
    for index, ids in enumerate(masks):
        try:
            decoded = opened.mask(f"p{index}")
        except DatasetError:
            continue
        assert (decoded == ids).all() or _ambiguous(colors, count)


def _ambiguous(colors, count):
    """Whether a class's colour is a grey that is also an id: such masks can't be told apart by anyone."""
    return any(len(set(color)) == 1 and color[0] < count for color in colors)


def _save_turned(path, pixels, orientation):
    """Write an image which says, as files of its kind do, that it is shown turned; `.xmp.png` says it in XMP."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    chunks = PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", f'<rdf:Description tiff:Orientation="{orientation}"/>')
    stated = {"pnginfo": chunks} if path.name.endswith(".xmp.png") else {"exif": exif}
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path, **stated)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "xmp.png"])
@pytest.mark.parametrize("orientation", [6, 8, 3])
def test_a_mask_is_turned_with_its_image_or_refused(orientation, suffix, tmp_path):
    ids = scenes(1)[0]
    layouts.write(tmp_path / "classes.csv", BARE)
    name = "p0.xmp" if suffix == "xmp.png" else "p0"
    _save_turned(tmp_path / "images" / f"p0.{suffix}", layouts.image(0, ids.shape), orientation)
    layouts.save(tmp_path / "masks" / f"{name}.png", ids)
    opened = open_dataset(tmp_path)
    if orientation == 3:
        with pytest.raises(DatasetError, match=r"p0.*\.png: its image is turned by EXIF \(orientation 3\)"):
            opened.mask(name)
        return
    turned = np.rot90(ids, {6: -1, 8: 1}[orientation])
    assert (opened[name].mask == turned).all() and opened.size(name) == turned.shape
    layouts.save(tmp_path / "masks" / f"{name}.png", turned.copy())  # drawn upright
    assert (open_dataset(tmp_path)[name].mask == turned).all()


def test_twelve_bits_of_sixteen_are_stretched_and_deeper_images_refused(tmp_path):
    opened = dataset(tmp_path, scenes(3), BARE)
    for index in range(3):
        (tmp_path / "images" / f"p{index}.png").unlink()
        values = layouts.image(index, scenes(1)[0].shape)[..., 0].astype(np.uint16) * 16
        layouts.save(tmp_path / "images" / f"p{index}.png", values)
    opened = open_dataset(tmp_path)
    assert (opened.image("p1")[..., 0] == layouts.image(1, scenes(1)[0].shape)[..., 0]).all()
    layouts.save(tmp_path / "images" / "p1.png", np.full(scenes(1)[0].shape, 5000, np.uint16))
    with pytest.raises(DatasetError, match=r"p1\.png: a value of 5000, but the dataset's other images hold 12 of 16"):
        opened.image("p1")


def test_palettes_numbered_anew_in_every_file_are_no_ids(tmp_path):
    def write(path, ids):
        shift = int(path.stem[1:]) % 3
        palette(path, ((ids + shift) % 3).astype(np.uint8), np.roll([(9, 1, 1), (1, 9, 1), (1, 1, 9)], shift, 0))

    with pytest.raises(DatasetError, match=r"palette index 0 has colour .* indices are no ids"):
        dataset(tmp_path, scenes(), BARE, write).mask("p0")
