"""Cases a: layouts as tools and people write them.

The plain export of each tool is a round trip in `unit/data/test_layout_detection.py` (a01 a02 a04 a07 a13 a15 a17 a23),
own classes in a layout of CamVid are in `unit/data/test_class_lists.py` (a09 a10 a11).
"""

import json

import numpy as np
import pytest
from fixtures import cases, exports, layouts

VOC = ("_background_", "road", "car")


def test_subsets_of_cvat_with_an_empty_mask(tmp_path):
    """a03: lists of quoted paths, the classes of label_colors.txt, and an image without any object."""
    scenes = cases.truth() | {"empty": np.zeros((layouts.HEIGHT, layouts.WIDTH), np.uint8)}
    for index, (name, ids) in enumerate(scenes.items()):
        split = "Test" if index == 1 else "Train"
        layouts.save(tmp_path / split / f"{name}.png", layouts.image(index))
        layouts.save(tmp_path / f"{split}annot" / f"{name}.png", exports.paint(ids))
        with (tmp_path / f"{split}.txt").open("a") as list_file:
            list_file.write(f'"/{split}/{name}.png" "{split}annot/{name}.png"\n')
    layouts.write(tmp_path / "label_colors.txt", exports.LISTED)
    cases.opens_as(tmp_path, scenes, exports.NAMES, {"train": 4, "test": 1})


@pytest.mark.parametrize("lists", [False, True], ids=["labelme2voc", "pascal"])
def test_voc_palettes_with_a_border(lists, tmp_path):
    """a05 a06: 255 is a border in some masks, and copies of the masks in other forms lie beside them."""
    scenes = {
        name: np.where(layouts.mask(9) > 9, 255, ids).astype(np.uint8) if name == "pic1" else ids
        for name, ids in cases.truth().items()
    }
    for index, (name, ids) in enumerate(scenes.items()):
        layouts.save(tmp_path / "JPEGImages" / f"{name}.jpg", layouts.image(index))
        exports.palette(tmp_path / "SegmentationClass" / f"{name}.png", ids)
        layouts.save(tmp_path / "SegmentationClassVisualization" / f"{name}.jpg", layouts.image(index))
        (tmp_path / "SegmentationClassNpy").mkdir(exist_ok=True)
        np.save(tmp_path / "SegmentationClassNpy" / f"{name}.npy", np.where(ids == 255, -1, ids.astype(int)))
    layouts.write(tmp_path / "class_names.txt", "\n".join(VOC))
    if lists:
        layouts.write(tmp_path / "ImageSets" / "Segmentation" / "train.txt", "pic0\npic1\npic2\n")
        layouts.write(tmp_path / "ImageSets" / "Segmentation" / "val.txt", "pic3\n")
    cases.opens_as(tmp_path, scenes, VOC, {"train": 3, "val": 1} if lists else None)


def test_cityscapes_with_label_ids_alone(tmp_path):
    """a07: ids of all 34 classes, as they are downloaded; road is 7."""
    scenes = cases.truth()
    for index, (name, ids) in enumerate(scenes.items()):
        layouts.save(tmp_path / "leftImg8bit/train/bonn" / f"bonn_{name}_leftImg8bit.png", layouts.image(index))
        layouts.save(tmp_path / "gtFine/train/bonn" / f"bonn_{name}_gtFine_labelIds.png", ids + np.uint8(6))
    dataset = cases.open_dataset(tmp_path)
    assert dataset.labels.names[:2] == ("road", "sidewalk") and dataset.labels.classes == 19
    for name, ids in scenes.items():  # 6 is "ground", which is no class of the benchmark
        (sample_id,) = [sample_id for sample_id in dataset.ids if name in sample_id]
        assert (dataset.mask(sample_id) == np.where(ids == 0, 255, ids - 1)).all()


def test_imgs_beside_masks_named_after_them(tmp_path):
    """a19."""
    scenes = cases.truth()
    cases.opens_as(cases.folder(tmp_path, scenes, images="imgs/{}.png", masks="masks/{}_mask.png"), scenes)


def test_keras_segmentation_needs_a_list_of_classes(tmp_path):
    """a20: RGB of ids. Nothing in the folder says what the ids mean."""
    scenes = cases.truth()
    cases.folder(
        tmp_path / "dataset1",
        scenes,
        None,
        draw=lambda path, ids: layouts.save(path, ids[..., None].repeat(3, axis=2)),
        images="images_prepped_train/{}.png",
        masks="annotations_prepped_train/{}.png",
    )
    cases.refused(r"dataset1: images and masks, but no list of classes\. Add classes\.csv .*--classes FILE", tmp_path)
    listed = layouts.write(tmp_path / "mine.csv", cases.BARE)
    cases.opens_as(tmp_path, scenes, classes=str(listed))


@pytest.mark.parametrize("place", ["{split}/{kind}", "{kind}/{split}"])
@pytest.mark.parametrize("skip", [False, True])
def test_test_images_without_masks(place, skip, tmp_path):
    """a25: what contests keep back; with a folder for masks, even an empty one, and without."""
    scenes = cases.truth()
    for name, ids in scenes.items():
        split = "test" if name == "pic3" else "train"
        layouts.save(tmp_path / place.format(split=split, kind="images") / f"{name}.png", layouts.image(0))
        if split == "train":
            layouts.save(tmp_path / place.format(split=split, kind="masks") / f"{name}.png", ids)
    layouts.write(tmp_path / "classes.csv", cases.BARE)
    kept = {name: ids for name, ids in scenes.items() if name != "pic3"}
    for empty in (False, True):
        if empty:
            (tmp_path / place.format(split="test", kind="masks")).mkdir(parents=True)
        dataset = cases.opens_as(tmp_path, kept, skip_incomplete=skip)
        assert "Left out test: 1 image without masks." in dataset.notes


def test_folders_of_the_same_names_below_images_and_masks(tmp_path):
    """a26: the same file name in two of them, too."""
    scenes = {"bonn/x0": layouts.mask(0, 3), "ulm/x0": layouts.mask(1, 3), "ulm/x1": layouts.mask(2, 3)}
    cases.folder(tmp_path, scenes)
    cases.opens_as(tmp_path, {name.replace("/", "__"): ids for name, ids in scenes.items()})


def test_masks_in_folders_that_images_do_not_have(tmp_path):
    """a27: right where the name is one image's, refused where it could be two."""
    scenes = cases.truth()
    cases.folder(tmp_path, scenes, masks="masks/export/{}.png")
    cases.opens_as(tmp_path, scenes)
    layouts.save(tmp_path / "masks" / "older" / "pic0.png", layouts.mask(7, 3))
    cases.refused(r"masks/older/pic0\.png: same id 'pic0' as masks/export/pic0\.png\.", tmp_path)


def test_ids_that_begin_with_one(tmp_path):
    """a28: MATLAB counts from 1."""
    cases.folder(tmp_path, cases.truth(), draw=lambda path, ids: layouts.save(path, ids + np.uint8(1)))
    cases.refused(r"pic0\.png: id 3 \(\d+ pixels\) is no class; ids go up to 2", tmp_path)


def test_the_ids_of_a_list_may_begin_with_one(tmp_path):
    scenes = cases.truth()
    classes = json.dumps([{"name": name, "id": index + 1} for index, name in enumerate(cases.NAMES)])
    cases.folder(tmp_path, scenes, None, draw=lambda path, ids: layouts.save(path, ids + np.uint8(1)))
    layouts.write(tmp_path / "classes.json", classes)
    cases.opens_as(tmp_path, scenes)
