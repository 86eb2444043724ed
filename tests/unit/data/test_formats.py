"""Every layout, as a folder and as a zip, gives the same samples."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fixtures import layouts

from segcore.data import open_dataset
from segcore.errors import DatasetError
from segcore.labels import CAMVID11, CAMVID32, IGNORE_INDEX

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
needs_camvid = pytest.mark.skipif(not (SHARED / "camvid").is_dir(), reason="real CamVid is not at ../shared/data")

# name, builder, dataset name, labels, {split: count}
CASES = {
    "cam101": (layouts.cam101, "cam101", "camvid32", {"train": 18, "test": 2}),
    "camseq01": (layouts.camseq01, "cam101", "camvid32", {"train": 15, "test": 2}),
    "segnet": (layouts.segnet, "camvid", "camvid11", {"train": 4, "val": 2, "test": 3}),
    "segnet without lists": (
        lambda root: layouts.segnet(root, lists=False),
        "camvid",
        "camvid11",
        {"train": 4, "val": 2, "test": 3},
    ),
    "original": (layouts.original, "camvid", "camvid32", {"train": 4, "val": 2, "test": 3}),
    "original nested": (
        lambda root: layouts.original(root, nested=True),
        "camvid",
        "camvid32",
        {"train": 4, "val": 2, "test": 3},
    ),
    "kaggle": (layouts.kaggle, "camvid", "camvid32", {"train": 4, "val": 2, "test": 3}),
    "fastai": (layouts.fastai, "camvid", "camvid32", {"train": 7, "val": 2}),
    "folder": (layouts.folder, "mine", "custom", {"train": 3}),
}


@pytest.mark.parametrize("case", CASES)
def test_recognises_folder_and_zip_alike(case, tmp_path):
    build, name, labels, counts = CASES[case]
    root = build(tmp_path / "mine")
    packed = layouts.zipped(root, tmp_path / "packed.zip", prefix="a/mine/")

    dataset, from_zip = open_dataset(root), open_dataset(packed)

    assert dataset.name == from_zip.name == name
    assert dataset.labels.name == labels
    assert {split: len(ids) for split, ids in dataset.splits.items()} == counts
    assert from_zip.splits == dataset.splits
    assert from_zip.fingerprint == dataset.fingerprint
    assert dataset.video is (case != "folder")
    for sample_id in dataset.ids:
        sample, same = dataset[sample_id], from_zip[sample_id]
        assert (sample.image == same.image).all() and (sample.mask == same.mask).all()
        assert dataset.size(sample_id) == sample.size == (layouts.HEIGHT, layouts.WIDTH)


@pytest.mark.parametrize("case", ["cam101", "original", "kaggle", "fastai"])
def test_masks_hold_the_32_classes_with_void_ignored(case, tmp_path):
    dataset = open_dataset(CASES[case][0](tmp_path / "mine"))
    first = next(record for record in dataset.records if record.split == "train").id
    if case == "fastai":
        names = [name for name, _ in layouts.COLORS32.entries]
        file_names = [line for line in (tmp_path / "mine" / "codes.txt").read_text().split()]
        written = np.vectorize(lambda value: names.index(file_names[value]))(layouts.mask(0, 32))
    else:
        written = layouts.mask(0, 32)
    expected = np.where(written == 31, IGNORE_INDEX, written)
    assert (dataset.mask(first) == expected).all()


def test_segnet_ids_are_kept_and_eleven_is_ignored(tmp_path):
    dataset = open_dataset(layouts.segnet(tmp_path))
    written = layouts.mask(0, 12)
    assert (dataset.mask("0001TP_006690") == np.where(written == 11, IGNORE_INDEX, written)).all()
    counted = open_dataset(tmp_path, void="class")
    assert counted.labels.names[-1] == "Void" and counted.labels.classes == 12
    assert (counted.mask("0001TP_006690") == written).all()


def test_optimised_grey_palettes_are_ids(tmp_path):
    """Savers that optimise an id mask renumber it; its palette's greys are the ids (real CamVid is met so)."""
    from PIL import Image

    layouts.segnet(tmp_path)
    path = tmp_path / "trainannot" / "0001TP_006690.png"
    written = layouts.mask(0, 12)
    order = np.random.default_rng(1).permutation(12).astype(np.uint8)  # index -> id
    picture = Image.fromarray(np.argsort(order).astype(np.uint8)[written])
    picture.putpalette(np.repeat(order, 3).tobytes())
    picture.save(path)
    assert (open_dataset(tmp_path, void="class").mask("0001TP_006690") == written).all()


def test_regroups_32_colours_to_11(tmp_path):
    layouts.cam101(tmp_path)
    dataset = open_dataset(tmp_path, labels="camvid11")
    native = open_dataset(tmp_path)
    sample_id = dataset.ids[0]
    assert dataset.labels.classes == 11
    wall, building = native.labels.index("Wall"), dataset.labels.index("Building")
    assert (dataset.mask(sample_id)[native.mask(sample_id) == wall] == building).all()
    assert ((dataset.mask(sample_id) == IGNORE_INDEX) == (native.mask(sample_id) == IGNORE_INDEX)).all()


def test_a_flat_clip_ends_in_its_test_split_after_a_gap(tmp_path):
    dataset = open_dataset(layouts.camseq01(tmp_path))
    assert dataset.splits["test"] == tuple(layouts.FRAMES[-2:])
    assert dataset.splits["train"] == tuple(layouts.FRAMES[:15])
    assert dataset.notes == (
        "No train/ and test/ folders: the last 2 frames are test, the 3 before them are left out as a gap.",
    )


def test_label_file_order_line_ends_and_place_do_not_matter(tmp_path):
    plain = open_dataset(layouts.cam101(tmp_path / "plain"))
    other = layouts.cam101(tmp_path / "other")
    lines = (other / "label_colors.txt").read_text().splitlines()
    (other / "label_colors.txt").unlink()
    text = (
        "\ufeff"
        + "\r\n".join("  " + line.replace("\t", "   ").replace(" ", "\t") for line in reversed(lines))
        + "\r\n\r\n"
    )
    layouts.write(other / "train" / "label_colors.txt", text)
    assert open_dataset(other).labels == plain.labels
    assert open_dataset(other).fingerprint == plain.fingerprint


def test_fingerprint_sees_a_changed_mask(tmp_path):
    root = layouts.cam101(tmp_path)
    before = open_dataset(root).fingerprint
    layouts.save(root / "train" / f"{layouts.FRAMES[0]}_L.png", layouts.COLORS32.to_rgb(layouts.mask(99, 32)))
    assert open_dataset(root).fingerprint != before


@pytest.mark.parametrize("coding", ["ids", "palette", "colors"])
@pytest.mark.parametrize("class_file", ["label_colors.txt", "classes.csv", "classes.json"])
def test_own_folder_in_every_coding(coding, class_file, tmp_path):
    root = layouts.folder(tmp_path, coding)
    (root / "label_colors.txt").unlink()
    text = {
        "label_colors.txt": layouts.PETS_TXT,
        "classes.csv": "ID,Name,R,G,B\n0,background,10,20,30\n1,cat,200,0,0\n2,dog,0,200,0\n",
        "classes.json": '[{"name": "background", "color": [10, 20, 30]}, {"name": "cat", "color": [200, 0, 0]}, '
        '{"name": "dog", "color": [0, 200, 0]}]',
    }[class_file]
    layouts.write(root / class_file, text)
    dataset = open_dataset(root)
    assert dataset.labels.names == ("background", "cat", "dog")  # background is a class like any other
    assert (dataset.mask("tom") == layouts.mask(0, 3)).all()


def test_ids_given_in_the_class_list_and_255_as_ignored(tmp_path):
    root = layouts.folder(tmp_path)
    (root / "label_colors.txt").unlink()
    layouts.write(root / "classes.csv", "name,id\nroad,7\ncar,26\nunlabeled,0\n")
    written = np.array([[7, 26, 0, 255]] * layouts.HEIGHT, np.uint8).repeat(2, axis=1)
    for name in ("tom", "rex", "felix"):
        layouts.save(root / "masks" / f"{name}.png", written)
    dataset = open_dataset(root)
    assert dataset.labels.names == ("road", "car") and [name for name, _ in dataset.labels.ignored] == ["unlabeled"]
    assert dataset.mask("tom")[0, ::2].tolist() == [0, 1, IGNORE_INDEX, IGNORE_INDEX]
    assert open_dataset(root, void="class").mask("tom")[0, ::2].tolist() == [0, 1, 2, IGNORE_INDEX]


@pytest.mark.parametrize("nesting", ["{split}/{kind}", "{kind}/{split}"])
def test_own_folder_with_splits(nesting, tmp_path):
    layouts.write(tmp_path / "classes.json", '["a", "b", "c"]')
    for split in ("train", "val", "test"):
        for kind, pixels in (("images", layouts.image()), ("masks", layouts.mask(0, 3))):
            layouts.save(tmp_path / nesting.format(split=split, kind=kind) / "deep" / "0001.png", pixels)
    dataset = open_dataset(tmp_path)
    assert dict(dataset.splits) == {split: (f"{split}__deep__0001",) for split in ("train", "val", "test")}


def test_own_folder_of_many_sizes_kinds_and_subfolders(tmp_path):
    layouts.write(tmp_path / "classes.json", '{"classes": ["a", "b", "c"]}')
    for index, suffix in enumerate(["png", "jpg", "bmp", "webp", "tif"]):
        size = (5 + index, 9)
        layouts.save(tmp_path / "images" / suffix / f"x.{suffix}", layouts.image(index, size))
        layouts.save(tmp_path / "masks" / suffix / "x_mask.png", layouts.mask(index, 3, size))
    dataset = open_dataset(tmp_path)
    assert dataset.ids == ("bmp__x", "jpg__x", "png__x", "tif__x", "webp__x")
    assert [dataset[sample_id].size for sample_id in dataset.ids] == [(7, 9), (6, 9), (5, 9), (9, 9), (8, 9)]


def test_255_classes(tmp_path):
    layouts.write(tmp_path / "classes.json", str([f"c{index}" for index in range(255)]).replace("'", '"'))
    ids = np.arange(256, dtype=np.uint8).reshape(16, 16)
    layouts.save(tmp_path / "images" / "x.png", layouts.image(0, (16, 16)))
    layouts.save(tmp_path / "masks" / "x.png", ids)
    dataset = open_dataset(tmp_path)
    assert dataset.labels.classes == 255 and (dataset.mask("x") == ids).all()


def test_numbered_frames_are_a_video(tmp_path):
    names = tuple(f"ride_{number:03}" for number in range(0, 60, 2))
    dataset = open_dataset(layouts.folder(tmp_path / "a", names=names))
    assert dataset.video and "constant steps" in dataset.notes[0]
    assert not open_dataset(layouts.folder(tmp_path / "b", names=(*names, "ride_777"))).video
    assert not open_dataset(layouts.folder(tmp_path / "c", names=names[:29])).video


def test_a_dataset_says_whether_it_is_a_video(tmp_path):
    names = [f"ride_{number:03}" for number in range(40)]
    many, few = layouts.folder(tmp_path / "many", names=names), layouts.folder(tmp_path / "few", names=names[:8])
    assert [(open_dataset(item).video, open_dataset(item).stated) for item in (many, few)] == [
        (True, None),
        (False, None),
    ]
    print_before = open_dataset(many).fingerprint
    layouts.write(many / "segcore.json", '{"video": false, "camera": "mine"}')
    layouts.write(few / "segcore.json", '{"video": true}')
    for folder, output in ((many, False), (few, True)):
        dataset = open_dataset(folder)
        assert dataset.video is dataset.stated is output and not dataset.notes
    assert open_dataset(many).fingerprint == print_before
    assert open_dataset(layouts.zipped(few, tmp_path / "few.zip")).stated
    assert (
        open_dataset(many, video="yes").stated and open_dataset(few, video="no").stated is False
    )  # the user knows best
    assert open_dataset(layouts.cam101(tmp_path / "Cam101")).stated and open_dataset("drive").stated
    assert open_dataset("drive", video="no").video is False
    layouts.write(few / "segcore.json", '{"video": null}')
    assert open_dataset(few).stated is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", 'segcore.json: no JSON (.*). Expected {"video": true}'),
        ('{"video": "yes"}', 'segcore.json: holds {"video": "yes"}; expected {"video": true} or {"video": false}'),
        ("[1]", r"segcore.json: holds \[1\]; expected"),
    ],
)
def test_what_a_dataset_says_of_itself_can_be_wrong(tmp_path, text, message):
    root = layouts.folder(tmp_path / "street")
    layouts.write(root / "segcore.json", text)
    with pytest.raises(DatasetError, match=message.replace("{", r"\{").replace("}", r"\}")):
        open_dataset(root)
    with pytest.raises(DatasetError, match=r"No answer to whether it is a video 'ja'\. Choose one of auto, yes, no"):
        open_dataset(root, video="ja")


def test_frames_are_in_time_order(tmp_path):
    names = tuple(f"f{number}" for number in range(1, 21))
    assert open_dataset(layouts.folder(tmp_path, names=names)).ids == names


def test_zip_records_are_read_by_threads_and_by_other_processes(tmp_path):
    packed = layouts.zipped(layouts.cam101(tmp_path / "mine"), tmp_path / "packed.zip")
    dataset = open_dataset(packed)
    assert len(dataset.splits) == 2  # looked at before it is pickled
    expected = [int(dataset.mask(sample_id).sum()) for sample_id in dataset.ids]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert list(pool.map(lambda sample_id: int(dataset.mask(sample_id).sum()), dataset.ids)) == expected
    code = "import pickle, sys; d = pickle.load(sys.stdin.buffer); print([int(d.mask(i).sum()) for i in d.ids])"
    result = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(dataset), capture_output=True, check=True)
    assert result.stdout.decode().strip() == str(expected)


def test_lookups_name_what_there_is(tmp_path):
    dataset = open_dataset(layouts.cam101(tmp_path))
    with pytest.raises(DatasetError, match=r"No split in cam101 'val'\. Choose one of train, test\."):
        dataset.split("val")
    with pytest.raises(DatasetError, match="No sample in cam101 'nope'"):
        dataset["nope"]
    assert len(dataset.split("train")[:4]) == 4 and dataset.split("train")[0].split == "train"


def test_drive_is_the_default_and_needs_nothing():
    dataset = open_dataset()
    assert dataset.name == dataset.source == "drive" and dataset.video
    assert dataset.labels == CAMVID32 and len(dataset) == 101
    assert list(dataset.splits) == ["train", "test"]
    assert dataset.splits["train"] + dataset.splits["test"] == dataset.ids  # the last stretch, never interleaved
    assert open_dataset(labels="camvid11").labels == CAMVID11
    assert open_dataset(void="class").labels.classes == 32


def test_drive_masks_follow_the_wanted_labels():
    native, regrouped = open_dataset(), open_dataset(labels="camvid11")
    sample, eleven = native[native.ids[7]], regrouped.mask(native.ids[7])
    road = native.labels.index("Road")
    assert sample.size == (720, 960) and (sample.mask == road).any()
    assert (eleven[sample.mask == road] == regrouped.labels.index("Road")).all()
    assert set(np.unique(eleven)) <= {*range(11), IGNORE_INDEX}


def test_a_folder_called_drive_is_opened_by_its_path(tmp_path, monkeypatch):
    layouts.cam101(tmp_path / "drive")
    monkeypatch.chdir(tmp_path)
    assert open_dataset("./drive").name == "cam101"
    assert open_dataset("drive").name == "drive"


@needs_camvid
def test_real_camvid():
    dataset = open_dataset(SHARED / "camvid", labels="camvid11")
    assert {split: len(ids) for split, ids in dataset.splits.items()} == {"train": 367, "val": 101, "test": 233}
    assert dataset.labels.classes == 11
    sample = dataset["0016E5_07961"]
    assert sample.split == "val" and sample.group == "0016E5" and sample.size == (360, 480)
    # By eye: sky above, road below, buildings on the left of this street.
    assert np.bincount(sample.mask[300:].ravel()).argmax() == dataset.labels.index("Road")
    assert sample.mask[20, 230] == dataset.labels.index("Sky")


@needs_camvid
def test_real_cam101(tmp_path):
    packed = tmp_path / "Cam101-360p.zip"
    subprocess.run([sys.executable, SHARED / "make_cam101.py", packed], check=True, capture_output=True)
    dataset = open_dataset(packed, labels="camvid32")
    assert {split: len(ids) for split, ids in dataset.splits.items()} == {"train": 90, "test": 11}
    assert dataset.labels.classes == 31 and dataset.video
    assert dataset["0016E5_07961"].size == (360, 480)
    assert dataset.split("train")[0].id == "0016E5_07959"


def test_a_folder_of_a_split_on_one_side_decides(tmp_path):
    layouts.write(tmp_path / "classes.csv", "name\na\nb\nc\n")
    for place, name in (("train", "x"), ("val", "y")):
        layouts.save(tmp_path / "images" / place / f"{name}.png", layouts.image())
        layouts.save(tmp_path / "masks" / f"{name}.png", layouts.mask(0, 3))
    assert open_dataset(tmp_path).splits == {"train": ("train__x",), "val": ("val__y",)}
    layouts.save(tmp_path / "masks" / "test" / "z.png", layouts.mask(0, 3))
    layouts.save(tmp_path / "images" / "train" / "z.png", layouts.image())
    with pytest.raises(DatasetError, match="lie in folders of"):
        open_dataset(tmp_path)
