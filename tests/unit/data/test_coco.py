"""COCO's JSON: what is drawn, how images are found, and what is refused or said."""

import json
from unicodedata import normalize

import numpy as np
import pytest
from fixtures import layouts

from segcore.data import open_dataset
from segcore.errors import DatasetError

SIZE = {"height": layouts.HEIGHT, "width": layouts.WIDTH}
SQUARE = [[1, 1, 4, 1, 4, 3, 1, 3]]  # columns 1 to 3, rows 1 and 2


def annotation(segmentation, category=1, image=1, **more):
    return {"id": 5, "image_id": image, "category_id": category, "segmentation": segmentation, **more}


@pytest.fixture
def coco(tmp_path):
    def write(*annotations, file="annotations/instances_default.json", name="a.jpg", **more):
        layouts.save(tmp_path / "images" / "a.jpg", layouts.image())
        document = {
            "images": [{"id": 1, "file_name": name, **SIZE}],
            "annotations": annotations,
            "categories": [{"id": 1, "name": "road"}, {"id": 2, "name": "car"}],
        }
        layouts.write(tmp_path / file, json.dumps({**document, **more}))
        return tmp_path

    return write


def test_polygons_are_drawn_in_the_order_of_the_file(coco):
    over = [[2, 1, 4, 1, 4, 2, 2, 2]]
    dataset = open_dataset(coco(annotation(SQUARE), annotation(over, category=2)))
    expected = np.zeros((layouts.HEIGHT, layouts.WIDTH), np.uint8)
    expected[1:3, 1:4] = 1
    expected[1, 2:4] = 2
    assert np.array_equal(dataset.mask("a"), expected) and dataset.labels.names == ("background", "road", "car")
    assert any("the one that comes later in its file covers the earlier" in note for note in dataset.notes)
    flat = open_dataset(coco(annotation(SQUARE[0]), annotation([[0, 0, 5, 5]], category=2)))
    assert (flat.mask("a") == (expected > 0)).all()  # four numbers are no polygon, and no box


def test_an_image_without_annotations_is_background_and_said(coco):
    dataset = open_dataset(coco(annotation(SQUARE, image=9)))
    assert not dataset.mask("a").any()
    assert "annotations/instances_default.json: 1 image without an annotation." in dataset.notes
    assert any("left out 1 annotation of images that it does not list" in note for note in dataset.notes)


@pytest.mark.parametrize("name", ["/home/me/data/a.jpg", "images\\a.jpg", "images/a.jpg"])
def test_images_are_found_whatever_folders_the_file_names(coco, name):
    assert open_dataset(coco(annotation(SQUARE), name=name)).ids == ("a",)


def test_names_of_images_and_classes_may_be_decomposed(coco):
    root = coco(annotation(SQUARE), name="Süd.jpg", categories=[{"id": 1, "name": normalize("NFD", "Straße ü")}])
    (root / "images" / "a.jpg").rename(root / "images" / normalize("NFD", "Süd.jpg"))
    layouts.write(root / "classes.csv", "name\nbackground\nStraße ü\n")
    assert open_dataset(root).mask("Süd").sum() == 6


def test_a_list_beside_the_data_matches_by_name(coco):
    layouts.write(coco(annotation(SQUARE)) / "classes.csv", "name,id\nCar,4\nRoad,2\n")
    dataset = open_dataset(coco(annotation(SQUARE)))
    assert dataset.labels.names == ("Car", "Road") and set(np.unique(dataset.mask("a"))) == {1, 255}


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ([annotation([])], "1 of 1 annotation have no segmentation \\(id 5, \\.\\.\\.\\), only a box"),
        (
            [annotation({"size": [6, 8], "counts": [1, 2]})],
            "a run length of .6, 8. with 3 pixels; expected",
        ),
        ([annotation({"size": [6, 8], "counts": ""})], "a run length of .6, 8. with 0 pixels"),
        ([annotation({"size": [8, 6], "counts": [48]})], "a run length of .8, 6. with 48 pixels"),
        ([annotation([["a"] * 6])], "not as COCO writes it"),
        ([annotation(SQUARE, category=3)], "not as COCO writes it, 3 is missing"),
        ([{"id": 1}], "not as COCO writes it, 'category_id' is missing"),
    ],
)
def test_what_can_not_be_drawn_is_refused(coco, annotations, message):
    with pytest.raises(DatasetError, match=message):
        open_dataset(coco(*annotations))["a"]


def test_a_missing_image_is_named_with_its_file(coco):
    with pytest.raises(DatasetError, match=r"1 mask without image: annotations/instances_default.json \(b.jpg\)"):
        open_dataset(coco(annotation(SQUARE), name="b.jpg"))


def test_a_file_without_images_and_one_of_another_tool(coco, tmp_path):
    with pytest.raises(DatasetError, match=r"instances_default.json: lists no image"):
        open_dataset(coco(images=[]))
    layouts.write(tmp_path / "annotations" / "instances_default.json", '{"_via_settings": {}}')
    with pytest.raises(DatasetError, match="unknown layout"):
        open_dataset(tmp_path)


def test_masks_and_annotations_side_by_side_are_ambiguous(coco):
    layouts.save(coco(annotation(SQUARE)) / "masks" / "a.png", layouts.mask(0, 2))
    with pytest.raises(DatasetError, match="looks like folder and like coco"):
        open_dataset(coco(annotation(SQUARE)))
    assert open_dataset(coco(annotation(SQUARE)), format="coco").labels.names == ("background", "road", "car")
