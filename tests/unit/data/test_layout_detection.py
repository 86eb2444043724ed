"""Every layout, written as its tool writes it, opens by itself and gives the masks that were written, bit for bit."""

import numpy as np
import pytest
from fixtures import exports, layouts

from segcore.data import FORMATS, open_dataset
from segcore.errors import DatasetError, LabelError


@pytest.mark.parametrize("name", exports.EXPORTS)
def test_a_layout_reads_back_what_was_written(name, tmp_path):
    export = exports.EXPORTS[name]
    export.write(tmp_path / "data")
    packed = layouts.zipped(tmp_path / "data", tmp_path / "packed.zip", prefix="deep/")
    for dataset in (open_dataset(tmp_path / "data"), open_dataset(packed)):
        assert export.classes in (None, dataset.labels.names)
        order = np.array(
            [export.classes.index(word) for word in exports.NAMES] if export.classes else range(3), np.uint8
        )
        expected = {}
        for split, names in exports.SPLITS.items():
            expected.setdefault(split if split in export.splits else "train", []).extend(names)
        assert {split: len(ids) for split, ids in dataset.splits.items()} == {
            split: len(names) for split, names in expected.items()
        }
        for index, (key, ids) in enumerate(exports.truth().items()):
            (sample_id,) = [sample_id for sample_id in dataset.ids if key in sample_id]
            sample = dataset[sample_id]
            assert (sample.mask == order[ids]).all() and (sample.image == layouts.image(index)).all()
            assert dataset.record(sample_id).split in [split for split, names in expected.items() if key in names]


def test_two_layouts_that_fit_are_named_and_one_is_chosen(tmp_path):
    exports.EXPORTS["segnet"].write(tmp_path)
    exports.EXPORTS["kaggle"].write(tmp_path)
    with pytest.raises(DatasetError, match=r"looks like segnet and like kaggle. Say which it is: --format segnet"):
        open_dataset(tmp_path)
    assert len(open_dataset(tmp_path, format="kaggle")) == 5


def test_an_unknown_layout_and_one_that_does_not_fit(tmp_path):
    exports.EXPORTS["folder"].write(tmp_path)
    with pytest.raises(DatasetError, match=r"No layout 'vok'. Did you mean 'voc'\? Choose one of folder, segnet"):
        open_dataset(tmp_path, format="vok")
    with pytest.raises(DatasetError, match="is not laid out as voc, that is: VOC2012/ with JPEGImages/"):
        open_dataset(tmp_path, format="voc")


def test_every_layout_of_the_table_is_written_by_some_test():
    others = {"original", "fastai", "camvid-gray"}  # test_formats.py, and below
    assert FORMATS.keys() - others <= {name if name in FORMATS else "segnet" for name in exports.EXPORTS}


@pytest.mark.parametrize("masks", ["CamVidGray", "CamVid_Label"])
def test_camvid_in_gray_folders(masks, tmp_path):
    for index, frame in enumerate(("0016E5_07961", "0001TP_006690")):
        layouts.save(tmp_path / "CamVid_RGB" / f"{frame}.png", layouts.image(index))
        layouts.save(tmp_path / masks / f"{frame}_L.png", layouts.mask(index, 11))
    dataset = open_dataset(tmp_path)
    assert dataset.labels.name == "camvid11" and dataset.name == "camvid"
    assert (dataset.mask("0016E5_07961") == layouts.mask(0, 11)).all()


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{}", "{}_seg"),
        ("{}", "{}_label"),
        ("{}", "{}_gt"),
        ("{}", "{}_P"),
        ("{}", "{}-mask"),
        ("{}", "mask_{}"),
        ("{}", "{}_segmentation"),
        ("{}", "{}.jpg"),
        ("{}", "{}_MASK"),
        ("{}_leftImg8bit", "{}_gtFine_labelIds"),
        ("image_{}", "mask_{}"),
        ("{}_sat", "{}_mask"),
        ("{}_0000", "{}"),
    ],
)
def test_masks_are_paired_across_what_tools_put_around_names(image, mask, tmp_path):
    for index in range(3):
        layouts.save(tmp_path / "images" / f"{image.format(f'ISIC_{index}')}.png", layouts.image(index))
        layouts.save(tmp_path / "masks" / f"{mask.format(f'ISIC_{index}')}.png", layouts.mask(index, 3))
    layouts.write(tmp_path / "classes.csv", "name\nsky\nroad\ncar\n")
    dataset = open_dataset(tmp_path)
    assert [(dataset.mask(name) == layouts.mask(index, 3)).all() for index, name in enumerate(dataset.ids)] == [
        True
    ] * 3


def test_a_split_without_masks_is_left_out_and_said(tmp_path):
    exports.EXPORTS["folder"].write(tmp_path)
    for path in (tmp_path / "masks" / "test").iterdir():
        path.unlink()
    dataset = open_dataset(tmp_path)
    assert set(dataset.splits) == {"train", "val"} and "Left out test: 1 image without masks." in dataset.notes


def test_a_list_beside_the_data_beats_the_layouts_own(tmp_path):
    exports.EXPORTS["vistas"].write(tmp_path)
    (tmp_path / "classes.csv").write_text("id,name\n0,ground\n1,street\n2,vehicle\n")
    assert open_dataset(tmp_path).labels.names == ("ground", "street", "vehicle")
    (tmp_path / "classes.csv").write_text("id,name\n0,road\n1,background\n2,car\n")
    with pytest.raises(LabelError, match=r"classes\.csv and .*config_v1\.2\.json disagree: 'road' has id 0 and 1"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("file", "way_out"),
    [
        ("annotations/panoptic_train2017.json", "panoptic2semantic_segmentation"),
        ("task-1-annotation-2-by-1-tag-Car-0.png", "Label Studio's brush masks don't name their images"),
        ("annotations.xml", "Export the task as"),
        ("train/labels/a.txt", "YOLO's text files are not read"),
    ],
)
def test_exports_that_are_not_read_say_how_to_go_on(file, way_out, tmp_path):
    layouts.save(tmp_path / "pictures" / "a.png", layouts.image())
    layouts.write(tmp_path / file, "x")
    with pytest.raises(DatasetError, match=way_out):
        open_dataset(tmp_path)
