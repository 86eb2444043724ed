"""Supervisely's objects: holes, bitmaps at the border, and what has no area."""

import json

import numpy as np
import pytest
from fixtures import layouts

from segcore.data import open_dataset
from segcore.errors import DatasetError

META = json.dumps({"classes": [{"title": "road", "color": "#804080", "id": 9}], "tags": []})


def project(root, kind, points, **more):
    layouts.save(root / "ds" / "img" / "a.jpg", layouts.image())
    item = {"classTitle": "road", "geometryType": kind, "points": points, **more}
    size = {"height": layouts.HEIGHT, "width": layouts.WIDTH}
    layouts.write(root / "ds" / "ann" / "a.jpg.json", json.dumps({"size": size, "objects": [item]}))
    layouts.write(root / "meta.json", META)
    return open_dataset(root)


def test_a_polygon_with_a_hole_and_the_colours_of_meta(tmp_path):
    outline, hole = [[1, 1], [5, 1], [5, 4], [1, 4]], [[2, 2], [4, 2], [4, 3], [2, 3]]
    dataset = project(tmp_path, "polygon", {"exterior": outline, "interior": [hole]})
    assert dataset.mask("a").sum() == 5 * 4 - 3 * 2
    assert dataset.labels.names == ("background", "road") and dataset.labels.colors[1] == (128, 64, 128)
    assert "ds/ is no split's name: its samples are train." in dataset.notes


def test_another_list_of_that_name_is_the_users_own(tmp_path):
    project(tmp_path, "point", {"exterior": [[0, 0]]})
    layouts.write(tmp_path / "mine" / "meta.json", META)
    assert open_dataset(tmp_path, classes=tmp_path / "mine" / "meta.json").labels.names == ("road",)
    assert open_dataset(tmp_path, classes=tmp_path / "meta.json").labels.names == ("background", "road")


def test_an_object_without_area_and_one_of_no_class(tmp_path):
    with pytest.raises(DatasetError, match=r"a.jpg.json: not as Supervisely writes it \(an object of geometryType"):
        project(tmp_path, "cuboid", {"exterior": [[0, 0]]})["a"]
    with pytest.raises(DatasetError, match=r"'bus' is no class of .*meta.json, which has background, road"):
        project(tmp_path, "point", {"exterior": [[0, 0]]}, classTitle="bus")["a"]


def test_machine_masks_without_annotations_have_a_background(tmp_path):
    layouts.save(tmp_path / "ds" / "img" / "x.jpg", layouts.image())
    layouts.save(tmp_path / "ds" / "masks_machine" / "x.png", layouts.mask(0, 3))
    layouts.write(tmp_path / "meta.json", '{"classes": [{"title": "car", "color": "#ff0000"}]}')
    layouts.write(tmp_path / "obj_class_to_machine_color.json", '{"road": [2, 2, 2], "car": [1, 1, 1]}')
    dataset = open_dataset(tmp_path)
    assert dataset.labels.names == ("background", "road", "car")
    assert (dataset.mask("x") == np.array([0, 2, 1])[layouts.mask(0, 3)]).all()
