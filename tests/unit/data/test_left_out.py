"""What is left out of a dataset is said once, with the count."""

import numpy as np
import pytest
from fixtures import exports, layouts
from PIL import Image

from segcore.data import open_dataset


def left_out(path):
    """The notes on what is left out."""
    return [note for note in open_dataset(path).notes if "left out" in note.lower() or "looked at" in note]


def test_files_and_folders_that_are_not_read_are_counted_once(tmp_path):
    exports.EXPORTS["folder"].write(tmp_path)
    for name in ("a", "b"):
        layouts.write(tmp_path / "images" / "train" / f"{name}.cr2", "photo")
        layouts.write(tmp_path / "boxes" / f"{name}.xml", "<a/>")
    layouts.save(tmp_path / "depth" / "train" / "a_01.png", layouts.image(0))
    for name in ("README.md", "LICENSE", "readme.roboflow.txt", "leaks.json"):
        layouts.write(tmp_path / name, "Streets")
    layouts.write(tmp_path / "boxes.json", "[]")
    layouts.write(tmp_path / "movie.mp4", "film")
    assert left_out(tmp_path) == [
        "Left out 7 files that are not read: 2 .xml in boxes/, 2 .cr2 in images/, 1 .json, 1 .png in depth/, 1 .mp4."
    ]
    packed = layouts.zipped(tmp_path, tmp_path.parent / "packed.zip", prefix="deep/")
    assert left_out(packed) == left_out(tmp_path)


def test_a_folder_that_is_no_split_is_named(tmp_path):
    exports.EXPORTS["folder"].write(tmp_path)
    layouts.save(tmp_path / "images" / "holdout" / "a.png", layouts.image(0))
    layouts.write(tmp_path / "export.json", '{"files": []}')  # of Segcore
    assert left_out(tmp_path) == ["Left out 1 file that is not read: 1 .png in images/holdout/."]
    layouts.write(tmp_path / "export.json", "{}")  # of anything else
    for index in range(9):
        layouts.save(tmp_path / "images" / f"walk{index}" / "a.png", layouts.image(0))
    assert left_out(tmp_path) == ["Left out 11 files that are not read: 10 .png in images/, 1 .json."]


@pytest.mark.parametrize("name", exports.EXPORTS)
def test_nothing_is_said_where_all_is_read(name, tmp_path):
    exports.EXPORTS[name].write(tmp_path)
    extra = {"cvat-mask": ["Left out 5 files that are not read: 5 .png in SegmentationObject/."]}
    assert left_out(tmp_path) == extra.get(name, [])


@pytest.mark.parametrize(
    ("suffix", "pixels", "options", "note"),
    [
        ("png", layouts.image(0), {"alpha": 9}, "Transparency, or a fourth band, of images is left out"),
        ("tif", layouts.image(0), {"alpha": 9}, "Transparency, or a fourth band, of images is left out"),
        ("tif", layouts.image(0), {"pages": 3}, "Images have several pages or frames: the first is read"),
        (
            "png",
            layouts.image(0)[..., 0].astype(np.uint16) * 16,
            {},
            "Images have 16 bits a channel: 8 of them are kept",
        ),
    ],
)
def test_parts_of_images_that_are_not_read_are_said(suffix, pixels, options, note, tmp_path):
    layouts.write(tmp_path / "classes.csv", "name\nsky\nroad\ncar\n")
    (tmp_path / "images").mkdir()
    for index in range(3):
        picture = Image.fromarray(pixels)
        if "alpha" in options:
            picture.putalpha(options["alpha"])
        pages = {"save_all": True, "append_images": [picture] * 2} if "pages" in options else {}
        picture.save(tmp_path / "images" / f"{index * index}.{suffix}", **pages)
        layouts.save(tmp_path / "masks" / f"{index * index}.png", layouts.mask(index, 3))
    assert left_out(tmp_path) == [f"{note} (3 of 3 images looked at)."]
