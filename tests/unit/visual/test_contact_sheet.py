"""The picture of a dataset that a person should see before training."""

import io

import numpy as np
import pytest
from fixtures import layouts
from PIL import Image

from segcore import cli
from segcore.data import open_dataset
from segcore.visual.contact_sheet import LINE, contact_sheet


def test_it_shows_image_mask_and_classes_of_every_split(tmp_path):
    dataset = open_dataset(layouts.segnet(tmp_path))
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet(dataset))))
    colors = {tuple(color) for color in sheet.reshape(-1, 3)[::7].tolist()}
    assert {color for color in dataset.labels.colors} <= colors
    assert sheet.shape[0] > sheet.shape[1] / 4 and sheet.shape[2] == 3


def test_the_command_writes_it_and_says_where_or_why_not(tmp_path, capsys):
    root = layouts.folder(tmp_path / "pets")
    assert cli.main(["data", "info", str(root), "--picture", str(tmp_path / "sheet.png")]) == 0
    assert f"picture: {tmp_path / 'sheet.png'}" in capsys.readouterr().out.replace("\n", "")
    assert Image.open(tmp_path / "sheet.png").format == "PNG"
    photo = next(root.rglob("*.png"))
    before = photo.read_bytes()
    for place, code, said in (
        (tmp_path / "sheet.png", 0, ""),  # its own is replaced
        (tmp_path / "new" / "sheet.png", 0, ""),
        (photo, 2, "is there already, and Segcore didn't write it. Choose another --picture, or move it."),
        (root / "classes.csv", 2, "expected the name of a PNG file"),
        (photo / "sheet.png", 2, f"Can't write {photo / 'sheet.png'}"),
    ):
        assert cli.main(["data", "info", str(root), "--picture", str(place)]) == code
        assert said in capsys.readouterr().err
    assert photo.read_bytes() == before


@pytest.mark.parametrize("size", [(1, 1), (6, 300), (300, 6), (700, 900)])
def test_any_shape_fits_and_names_are_drawn_or_cut(tmp_path, size):
    names = ("Straße", "道路", "a name that is far too long for its place in the legend, whatever the font is like")
    layouts.write(tmp_path / "classes.csv", "name\n" + "".join(f'"{name}"\n' for name in names))
    for split, count in (("train", 5), ("test", 1)):
        for index in range(count):
            layouts.save(tmp_path / "images" / split / f"{split}{index}.png", layouts.image(index, size))
            layouts.save(tmp_path / "masks" / split / f"{split}{index}.png", layouts.mask(index, 3, size))
    dataset = open_dataset(tmp_path)
    assert dataset.examples() == ("train0", "train1", "train2", "train4", "test0")
    sheet = Image.open(io.BytesIO(contact_sheet(dataset, "JPEG")))
    assert sheet.width == 1640 and sheet.height < 2400 and sheet.format == "JPEG"


def test_classes_that_do_not_occur_are_one_line(tmp_path):
    def height(absent):
        root = tmp_path / f"{absent}"
        names = ["one", "two", "three", *(f"absent {index}" for index in range(absent))]
        layouts.write(root / "classes.csv", "\n".join(["name", *names]))
        layouts.save(root / "images" / "only.png", layouts.image(0))
        layouts.save(root / "masks" / "only.png", layouts.mask(0, 3))
        return Image.open(io.BytesIO(contact_sheet(open_dataset(root)))).height

    assert height(1) == height(40) == height(0) + LINE
