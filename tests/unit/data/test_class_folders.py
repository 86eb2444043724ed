"""Masks of one class each are binary, agree in size, and never share a pixel."""

import numpy as np
import pytest
from fixtures import layouts

from segcore.data import open_dataset
from segcore.errors import DatasetError


@pytest.fixture
def data(tmp_path):
    for name in ("x", "y"):
        layouts.save(tmp_path / "images" / f"{name}.png", layouts.image())
        for index, word in enumerate(("road", "car")):
            layouts.save(tmp_path / "masks" / word / f"{name}.png", part(index))
    return tmp_path


def part(index, value=255):
    """A binary mask whose column `index` is the class."""
    mask = np.zeros((layouts.HEIGHT, layouts.WIDTH), np.uint8)
    mask[:, index] = value
    return mask


def test_what_no_mask_holds_is_background_or_not_labelled(data):
    dataset = open_dataset(data)
    assert dataset.labels.names == ("background", "car", "road")
    assert dataset.mask("x")[0].tolist() == [2, 1, 0, 0, 0, 0, 0, 0]
    assert "Pixels without an annotation are class 'background'" in dataset.notes[-1]
    layouts.write(data / "classes.csv", "name\nroad\ncar\n")
    listed = open_dataset(data)
    assert listed.mask("x")[0].tolist() == [0, 1, 255, 255, 255, 255, 255, 255]
    assert "are not labelled" in listed.notes[-1]


def test_an_overlap_names_both_files(data):
    layouts.save(data / "masks" / "car" / "x.png", part(0))
    with pytest.raises(DatasetError, match=r"road/x.png and .*car/x.png both hold 6 pixels; a pixel has one class"):
        open_dataset(data)["x"]


def test_masks_of_several_values_and_of_other_sizes_are_refused(data):
    layouts.save(data / "masks" / "car" / "x.png", part(1, 255) + part(2, 7))
    layouts.save(data / "masks" / "car" / "y.png", part(1)[:3])
    dataset = open_dataset(data)
    with pytest.raises(DatasetError, match=r"car/x.png: a mask of one class with 2 values beside 0 \(7, 255, ...\)"):
        dataset["x"]
    with pytest.raises(DatasetError, match=r"car/y.png are 6x8 and 3x8; they must have one size"):
        dataset["y"]


def test_a_folder_that_is_no_class_of_the_list_is_an_error(data):
    layouts.write(data / "classes.csv", "name\nroad\nbus\n")
    with pytest.raises(DatasetError, match=r"masks/car/x.png: 'car' is no class of .*classes.csv, which has road, bus"):
        open_dataset(data)


def test_masks_may_end_in_their_class_or_in_mask(data):
    (data / "masks" / "car" / "x.png").rename(data / "masks" / "car" / "x_car.png")
    (data / "masks" / "road" / "x.png").rename(data / "masks" / "road" / "x_mask.png")
    assert open_dataset(data).mask("x")[0].tolist() == [2, 1, 0, 0, 0, 0, 0, 0]


def test_a_mask_of_no_image_is_named(data):
    layouts.save(data / "masks" / "car" / "z.png", part(0))
    with pytest.raises(DatasetError, match=r"1 mask without image: masks/car/z.png"):
        open_dataset(data)


def test_splits_below_the_classes_are_kept(tmp_path):
    for split, name in (("train", "x"), ("val", "y")):
        layouts.save(tmp_path / "images" / split / f"{name}.png", layouts.image())
        for index, word in enumerate(("road", "car")):
            layouts.save(tmp_path / "masks" / word / split / f"{name}.png", part(index))
    dataset = open_dataset(tmp_path)
    assert dataset.splits == {"train": ("train__x",), "val": ("val__y",)}
    assert dataset.mask("val__y")[0].tolist() == [2, 1, 0, 0, 0, 0, 0, 0]
