"""labelme's shapes as labelme draws them, and its files without images or of other tools."""

import json

import numpy as np
import pytest
from fixtures import layouts

from segcore.data import open_dataset
from segcore.errors import DatasetError

HEIGHT, WIDTH = 40, 50


def shape(kind, *points, label="road"):
    return {"label": label, "points": points, "shape_type": kind}


@pytest.fixture
def labelme(tmp_path):
    def write(*shapes, **more):
        layouts.save(tmp_path / "a.jpg", layouts.image(size=(HEIGHT, WIDTH)))
        document = {"shapes": shapes, "imagePath": "a.jpg", "imageHeight": HEIGHT, "imageWidth": WIDTH, **more}
        layouts.write(tmp_path / "a.json", json.dumps(document))
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("drawn", "pixels"),
    [
        (shape("polygon", [1, 1], [3, 1], [3, 4], [1, 4]), 12),
        (shape(None, [1, 1], [3, 1], [3, 4], [1, 4]), 12),
        (shape("rectangle", [3, 4], [1, 1]), 12),
        (shape("line", [10, 20], [30, 20]), 210),
        (shape("linestrip", [10, 20], [20, 20], [30, 20]), 210),
        (shape("point", [20, 20]), 97),
        (shape("circle", [20, 20], [23, 24]), 97),
    ],
)
def test_shapes_have_the_pixels_that_labelme_draws(labelme, drawn, pixels):
    # 97 pixels in a disc of radius 5 (with its centre pixel), 210 in a line of 21 x 10.
    assert abs(int((open_dataset(labelme(drawn)).mask("a") == 1).sum()) - pixels) <= 0.1 * pixels


def test_ignored_shapes_and_the_background_by_their_usual_names(labelme):
    shapes = [
        shape("rectangle", [0, y], [49, y], label=label)
        for y, label in enumerate(("__ignore__", "_background_", "car"))
    ]
    dataset = open_dataset(labelme(*shapes))
    assert dataset.labels.names == ("_background_", "car")
    assert dataset.mask("a")[:4, 0].tolist() == [255, 0, 1, 0]


def test_a_list_of_labels_is_taken_and_must_hold_every_name(labelme):
    layouts.write(labelme(shape("rectangle", [0, 0], [1, 0])) / "labels.txt", "__ignore__\n_background_\ncar\nroad\n")
    dataset = open_dataset(labelme(shape("rectangle", [0, 0], [1, 0])))
    assert dataset.labels.names == ("_background_", "car", "road") and dataset.mask("a")[0, 0] == 2
    with pytest.raises(DatasetError, match=r"a.json: 'bus' is no class of .*labels.txt"):
        open_dataset(labelme(shape("rectangle", [0, 0], [1, 0], label="bus")))["a"]


def test_an_unknown_shape_and_another_tools_file_are_named(labelme, tmp_path):
    with pytest.raises(DatasetError, match=r"a.json: not as labelme writes it \(a shape 'cuboid' of 1 point\)"):
        open_dataset(labelme(shape("cuboid", [0, 0])))["a"]
    layouts.write(labelme(shape("point", [9, 9])) / "notes.json", "[1]")
    assert "Left out 1 JSON file that labelme did not write." in open_dataset(tmp_path).notes


def test_an_image_without_annotations_is_refused_or_left_out(labelme):
    layouts.save(labelme(shape("point", [9, 9])) / "b.jpg", layouts.image())
    with pytest.raises(DatasetError, match=r"1 image without mask: b.jpg"):
        open_dataset(labelme(shape("point", [9, 9])))
    assert open_dataset(labelme(shape("point", [9, 9])), skip_incomplete=True).ids == ("a",)


def test_images_and_annotations_in_folders_of_their_own(labelme, tmp_path):
    labelme(shape("rectangle", [0, 0], [49, 39]))
    for old, new in (("a.jpg", "images/a.jpg"), ("a.json", "annotations/a.json")):
        (tmp_path / new).parent.mkdir()
        (tmp_path / old).rename(tmp_path / new)
    assert np.array_equal(open_dataset(tmp_path).mask("a"), np.ones((HEIGHT, WIDTH), np.uint8))
