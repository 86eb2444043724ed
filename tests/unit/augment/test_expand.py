"""Datasets with augmented copies on disk: every layout reads back what was drawn, and nothing else changes."""

import errno
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fixtures import exports, layouts

import segcore
from segcore.augment import Pipeline, load_pipeline
from segcore.augment.expand import expand
from segcore.augment.seed import draw_seed
from segcore.data import Item, open_dataset, plan_split
from segcore.data.augmented_csv import read_copies
from segcore.data.file_source import list_files
from segcore.errors import AugmentError, DatasetError
from segcore.labels import CAMVID32, IGNORE_INDEX

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
needs_camvid = pytest.mark.skipif(not (SHARED / "camvid").is_dir(), reason="real CamVid is not at ../shared/data")

# Turns far enough that corners are uncovered even in a picture of 6 x 8.
TURN = Pipeline.from_yaml(
    "transforms:\n  - HorizontalFlip: {p: 0.5}\n  - Rotate: {p: 1.0, limit: [30, 60]}\n"
    "  - RandomBrightnessContrast: {p: 0.5}\n"
)


def named_ids(root):
    """Masks as ids that are not their places in the list, a nesting of its own, and one name in two splits."""
    layouts.write(root / "classes.csv", "name,id\nsky,3\nvoid,0\nroad,250\n")
    for split, names in {"train": ("0001", "0002"), "test": ("0001",)}.items():
        for index, name in enumerate(names):
            layouts.save(root / split / "images" / "day" / f"{name}.png", layouts.image(index))
            ids = np.array([3, 0, 250], np.uint8)[layouts.mask(index, 3)]
            layouts.save(root / split / "masks" / "day" / f"{name}_mask.png", ids)
    return root


def inner_splits(root):
    """`images/train masks/train`, greys of two classes."""
    layouts.write(
        root / "classes.json", json.dumps([{"name": "off", "color": [0] * 3}, {"name": "on", "color": [255] * 3}])
    )
    for split in ("train", "val", "test"):
        layouts.save(root / "images" / split / f"{split}_a.bmp", layouts.image(3))
        layouts.save(root / "masks" / split / f"{split}_a_L.bmp", layouts.mask(3, 2) * 255)
    return root


def sideways_lists(root):
    """SegNet's lists, some frames of a folder not listed, two splits that share names."""
    layouts.segnet(root)
    first, *rest = (root / "train.txt").read_text().splitlines()
    layouts.write(root / "train.txt", "\r\n".join(rest) + "\r\n\r\n")
    for folder in ("", "annot"):
        (root / f"val{folder}" / "0016E5_07959.png").rename(root / f"val{folder}" / f"{layouts.PETS.name}.png")
        source = root / f"train{folder}" / "0001TP_006720.png"
        (root / f"val{folder}" / "0001TP_006720.png").write_bytes(source.read_bytes())
    names = (layouts.PETS.name, "0001TP_006720")
    layouts.write(root / "val.txt", "".join(f"val/{name}.png valannot/{name}.png\n" for name in names))
    assert first not in rest
    return root


CASES = {
    "cam101": layouts.cam101,
    "camseq01": layouts.camseq01,
    "segnet": layouts.segnet,
    "segnet without lists": lambda root: layouts.segnet(root, lists=False),
    "segnet with odd lists": sideways_lists,
    "original": layouts.original,
    "original nested": lambda root: layouts.original(root, nested=True),
    "kaggle": layouts.kaggle,
    "fastai": layouts.fastai,
    "folder of ids": layouts.folder,
    "folder of palettes": lambda root: layouts.folder(root, "palette"),
    "folder of colours": lambda root: layouts.folder(root, "colors"),
    "folder of named ids": named_ids,
    "folder of greys": inner_splits,
}


@pytest.mark.parametrize("copies_only", [False, True], ids=["beside", "alone"])
@pytest.mark.parametrize("case", CASES)
def test_every_layout_reads_back_exactly_what_was_drawn(case, copies_only, tmp_path):
    root = CASES[case](tmp_path / "mine")
    source, counted = open_dataset(root), open_dataset(root, void="class")

    made = expand(root, TURN, copies=2, out=tmp_path / "out", seed=5, copies_only=copies_only)

    frames = source.splits["train"]
    read = open_dataset(tmp_path / "out")
    assert (made.frames, made.kept, made.copies) == (len(frames), 0 if copies_only else len(frames), 2 * len(frames))
    assert {split: len(ids) for split, ids in read.splits.items()} == {
        **{split: len(ids) for split, ids in source.splits.items()},
        "train": len(frames) * (2 if copies_only else 3),
    }
    assert read.labels == source.labels and read.video == source.video
    assert len(read.frames("train")) == len(frames) and set(read.copies) == set(read.frames("train"))
    to_labels, uncovered = counted.labels.mapping_to(read.labels), 0
    for frame, origin in zip(frames, read.frames("train"), strict=True):
        assert read.copies[origin][0].endswith("_aug1")
        for count, name in enumerate(read.copies[origin], 1):
            record = read.record(name)
            assert (record.split, record.origin, record.copy) == ("train", origin, count)
            assert record.group == source.record(frame).group
            seed = draw_seed(5, 0, Item(frame, count))
            image, mask = TURN(counted.image(frame), counted.mask(frame), seed)
            assert (record.mask() == to_labels[mask]).all()
            uncovered += (mask == IGNORE_INDEX).sum()
            if record.image_path.endswith(".jpg"):
                assert np.abs(record.image().astype(int) - image).mean() < 12  # noise in JPEG
            else:
                assert (record.image() == image).all()
    assert uncovered > 10
    for split in ("val", "test"):
        for before, after in zip(source.splits.get(split, ()), read.splits.get(split, ()), strict=True):
            same, kept = source[before], read[after]
            assert (same.image == kept.image).all() and (same.mask == kept.mask).all()


@pytest.mark.parametrize("name", exports.EXPORTS)
def test_every_tools_layout_is_written_with_its_lists(name, tmp_path):
    exports.EXPORTS[name].write(tmp_path / "mine")
    source = open_dataset(tmp_path / "mine")
    out = expand(tmp_path / "mine", TURN, copies=1, out=tmp_path / "out" / "VOC2012").path
    read = open_dataset(out)
    copies = {copy: frame for frame, (copy,) in read.copies.items()}
    assert set(read.ids) - copies.keys() == set(source.ids) and len(copies) == len(source.splits["train"])
    for copy, frame in copies.items():
        mask = TURN(source.image(frame), source.mask(frame), draw_seed(0, 0, Item(frame, 1)))[1]
        assert read.record(copy).split == "train" and np.array_equal(read.mask(copy), mask)


@pytest.mark.parametrize("copies_only", [False, True], ids=["beside", "alone"])
@pytest.mark.parametrize("case", CASES)
def test_files_of_the_source_are_copied_byte_by_byte(case, copies_only, tmp_path):
    root = CASES[case](tmp_path / "mine")
    source = open_dataset(root)
    packed = layouts.zipped(root, tmp_path / "packed.zip", prefix="a/mine/")
    expand(packed, TURN, copies=1, out=tmp_path / "out", copies_only=copies_only)
    train = {path for name in source.splits["train"] for path in _files(source, name)} if copies_only else set()
    unlisted = {"train/0001TP_006690.png", "trainannot/0001TP_006690.png", "val/0016E5_07961.png"}
    unlisted.add("valannot/0016E5_07961.png")
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_dir() or name == "train.txt" or (case == "segnet with odd lists" and name in unlisted):
            continue
        assert (tmp_path / "out" / name).is_file() is (name not in train), name
        if name not in train:
            assert (tmp_path / "out" / name).read_bytes() == path.read_bytes()


def _files(dataset, name):
    record = dataset.record(name)
    return record.image_path, record.stored_mask


def test_masks_keep_their_coding(tmp_path):
    from PIL import Image

    modes = {}
    for coding in ("ids", "palette", "colors"):
        expand(layouts.folder(tmp_path / coding, coding), TURN, copies=1, out=tmp_path / f"{coding} out")
        modes[coding] = Image.open(tmp_path / f"{coding} out" / "masks" / "tom_aug1.png").mode
    # The three classes have no Void: pixels that are not labelled have a place in a palette, and none among colours.
    assert modes == {"ids": "L", "palette": "P", "colors": "P"}
    expand(layouts.cam101(tmp_path / "cam101"), TURN, copies=1, out=tmp_path / "cam101 out")
    picture = Image.open(tmp_path / "cam101 out" / "train" / f"{layouts.FRAMES[0]}_aug1_L.png")
    assert picture.mode == "RGB" and set(map(tuple, np.asarray(picture).reshape(-1, 3).tolist())) <= set(
        layouts.COLORS32.colors
    )


def test_uncovered_pixels_are_void_where_colours_have_a_void_and_ignored_ids_elsewhere(tmp_path):
    colors, ids = layouts.cam101(tmp_path / "colors"), layouts.segnet(tmp_path / "ids")
    for root in (colors, ids):
        expand(root, TURN, copies=1, out=tmp_path / f"{root.name} out")
    name = f"{layouts.FRAMES[0]}_aug1"
    counted = open_dataset(tmp_path / "colors out", void="class")
    assert counted.mask(name)[0, 0] == counted.labels.index("Void")
    assert open_dataset(tmp_path / "colors out").mask(name)[0, 0] == IGNORE_INDEX
    assert open_dataset(tmp_path / "ids out", void="class").mask("0001TP_006690_aug1")[0, 0] == IGNORE_INDEX


def test_the_list_of_the_user_is_written_in_place_of_the_sources(tmp_path):
    root = layouts.folder(tmp_path / "pets")
    mine = layouts.write(tmp_path / "animals.lst", "nothing\nlion\nwolf\n")
    expand(root, TURN, copies=1, out=tmp_path / "out", classes=str(mine))
    written = open_dataset(tmp_path / "out")
    assert written.labels.names == ("nothing", "lion", "wolf") and len(written) == 6
    assert not (tmp_path / "out" / "label_colors.txt").exists()


def test_the_drive_becomes_a_folder(tmp_path, monkeypatch):
    small = Pipeline.from_yaml("transforms:\n  - Rotate: {p: 1.0, limit: [10, 20]}\n")
    drive = open_dataset("drive")
    few = drive.records[:2] + drive.records[-1:]
    monkeypatch.setattr("segcore.data.drive.records", lambda: tuple(record.record for record in few))
    expand("drive", small, copies=1, out=tmp_path / "ride")
    read = open_dataset(tmp_path / "ride")
    assert read.labels == CAMVID32
    assert read.splits == {
        "train": ("drive_0001", "drive_0001_aug1", "drive_0002", "drive_0002_aug1"),
        "test": ("drive_0101",),
    }
    for name in ("drive_0001", "drive_0101"):
        assert (read.image(name) == drive.image(name)).all() and (read.mask(name) == drive.mask(name)).all()
    image, mask = small(drive.image("drive_0002"), drive.mask("drive_0002"), draw_seed(0, 0, Item("drive_0002", 1)))
    assert (read.image("drive_0002_aug1") == image).all() and (read.mask("drive_0002_aug1") == mask).all()


def test_it_is_told_what_was_made_from_what_and_how(tmp_path):
    root = layouts.kaggle(tmp_path / "mine")
    source = open_dataset(root)
    expand(root, TURN, copies=2, out=tmp_path / "out", seed=9)
    rows = list(read_copies(list_files(tmp_path / "out")).values())
    assert [(row.copy, row.source, row.number) for row in rows] == [
        (f"{frame}_aug{count}", frame, count) for frame in source.splits["train"] for count in (1, 2)
    ]
    sample = source[rows[0].source]
    assert [row.seed for row in rows[:2]] == [draw_seed(9, 0, Item(rows[0].source, count)) for count in (1, 2)]
    fired = TURN.trace(sample.image, sample.mask, rows[0].seed)
    assert json.loads(rows[0].applied) == [
        {"step": entry.step, "name": entry.name, "values": entry.values} for entry in fired
    ]
    assert "Rotate" in [entry["name"] for entry in json.loads(rows[0].applied)]
    assert Pipeline.from_yaml(tmp_path / "out" / "pipeline.yaml") == TURN
    assert json.loads((tmp_path / "out" / "augmented.json").read_text()) == {
        "schema_version": 1,
        "source": {"name": "camvid", "source": str(root), "fingerprint": source.fingerprint},
        "frames": 4,
        "copies": 2,
        "copies_only": False,
        "seed": 9,
        "versions": {"segcore": segcore.__version__, "albumentations": "2.0.8"},
    }


def test_a_second_run_writes_the_same_bytes_and_another_seed_others(tmp_path, monkeypatch):
    root = layouts.cam101(tmp_path / "mine")
    for name, cores, seed in (("one", 1, 0), ("two", 4, 0), ("three", 1, 1)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process, cores=cores: set(range(cores)), raising=False)
        expand(root, TURN, copies=2, out=tmp_path / name, seed=seed)
    one, two, three = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("one", "two", "three")
    )
    assert one == two
    assert one.keys() == three.keys() and one != three


def test_a_pipeline_may_change_sizes_of_image_and_mask_alike(tmp_path, monkeypatch):
    apply = Pipeline.apply

    def halved(self, image, mask, seed):
        image, mask, fired = apply(self, image, mask, seed)
        return np.ascontiguousarray(image[:, ::2]), np.ascontiguousarray(mask[:, ::2]), fired

    monkeypatch.setattr(Pipeline, "apply", halved)
    expand(layouts.cam101(tmp_path / "mine"), TURN, copies=1, out=tmp_path / "out")
    read = open_dataset(tmp_path / "out")
    assert read[f"{layouts.FRAMES[0]}_aug1"].size == read.size(f"{layouts.FRAMES[0]}_aug1") == (6, 4)


def test_frames_without_mask_stay_as_they_are(tmp_path):
    root = layouts.camseq01(tmp_path / "mine")
    (root / f"{layouts.FRAMES[2]}_L.png").unlink()
    with pytest.raises(DatasetError, match="1 image without mask"):
        expand(root, TURN, copies=1, out=tmp_path / "out")
    for copies_only in (False, True):
        made = expand(
            root, TURN, copies=1, out=tmp_path / f"out {copies_only}", skip_incomplete=True, copies_only=copies_only
        )
        assert made.frames == made.copies == 14 and (made.path / f"{layouts.FRAMES[2]}.png").is_file()
        read = open_dataset(made.path, skip_incomplete=True)
        assert read.splits["test"] == tuple(layouts.FRAMES[-2:])  # the cut counts it, as before


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"copies": 0}, DatasetError, r"^copies is 0; expected 1 or more\.$"),
        (
            {"pipeline": Pipeline()},
            AugmentError,
            "^The pipeline has no transform that does anything: its copies would be the frames again",
        ),
        ({"source": "nowhere"}, DatasetError, "nowhere: no such file or folder"),
        ({"out": "."}, DatasetError, r": not empty, and nothing is overwritten\. Give --out a new folder\.$"),
        ({"out": "mine/label_colors.txt"}, DatasetError, ": a file, and nothing is overwritten"),
        ({"out": "mine/more"}, DatasetError, r"mine/more: lies inside of the source mine, whose layout it would"),
    ],
)
def test_refusals_come_before_anything_is_written(change, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layouts.cam101(tmp_path / "mine")
    before = sorted(tmp_path.rglob("*"))
    options = {"source": "mine", "pipeline": TURN, "copies": 1, "out": "out", **change}
    with pytest.raises(error, match=message):
        expand(options.pop("source"), options.pop("pipeline"), **options)
    assert sorted(tmp_path.rglob("*")) == before


def test_no_train_split(tmp_path):
    root = layouts.cam101(tmp_path / "mine")
    for path in (root / "train").iterdir():
        path.unlink()
    (root / "train").rmdir()
    with pytest.raises(DatasetError, match=r"^cam101 has no train split to augment; it has test\.$"):
        expand(root, TURN, copies=1, out=tmp_path / "out")


def test_copies_are_not_copied_again(tmp_path):
    expand(layouts.cam101(tmp_path / "mine"), TURN, copies=1, out=tmp_path / "out")
    with pytest.raises(DatasetError, match=r"holds 18 augmented copies already\. Expand the data that they were made"):
        expand(tmp_path / "out", TURN, copies=1, out=tmp_path / "more")
    assert not (tmp_path / "more").exists()


def test_a_name_that_is_taken(tmp_path):
    root = layouts.folder(tmp_path / "mine")
    layouts.save(root / "images" / "tom_aug1.jpg", layouts.image())
    layouts.save(root / "masks" / "tom_aug1.png", layouts.mask(0, 3))
    message = r"images/tom_aug1.jpg is there already, and is what copy 1 of images/tom.jpg would be called. Rename it.$"
    with pytest.raises(DatasetError, match=message):
        expand(root, TURN, copies=1, out=tmp_path / "out")


def test_a_source_whose_copies_would_land_in_another_split(tmp_path):
    """A list of train that points into the folder of val, which has no list."""
    root = layouts.segnet(tmp_path / "mine")
    (root / "val.txt").unlink()
    layouts.write(root / "train.txt", "val/0016E5_07961.png valannot/0016E5_07961.png\n")
    with pytest.raises(DatasetError, match=r"out: 7 samples would not be read back as meant \(test__0001TP_008550\)"):
        expand(root, TURN, copies=1, out=tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


def test_a_failing_transform_names_the_frame_and_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_arguments):
        raise AugmentError("Rotate can't take a picture of 6x8: too small.")

    monkeypatch.setattr(Pipeline, "apply", fail)
    with pytest.raises(AugmentError, match=r"^0016E5_07959: Rotate can't take a picture"):
        expand(layouts.cam101(tmp_path / "mine"), TURN, copies=1, out=tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


@pytest.mark.parametrize("when", ["copying files", "augmenting"])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(errno.ENOSPC, "No space left on device")])
def test_nothing_half_written_stays(stop, when, tmp_path):
    root = layouts.cam101(tmp_path / "mine")

    def progress(what, done, _total):
        if what == when and done == 5:
            raise stop

    expected = (
        pytest.raises(DatasetError, match=r"out: can't be written \(the disk is full; make room\)\. Nothing is left")
        if isinstance(stop, OSError)
        else pytest.raises(KeyboardInterrupt)
    )
    with expected:
        expand(root, TURN, copies=1, out=tmp_path / "deep" / "out", progress=progress)
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_full_disk(tmp_path, monkeypatch):
    write = Path.write_bytes

    def full(self, data):
        if self.name.endswith("_aug1_L.png"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    root = layouts.cam101(tmp_path / "mine")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DatasetError, match=r"out: can't be written \(the disk is full; make room\)\."):
        expand(root, TURN, copies=1, out=tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    assert expand(layouts.cam101(tmp_path / "mine"), TURN, copies=1, out=tmp_path / "out").copies == 18


def test_an_expanded_zip_is_a_dataset_too(tmp_path):
    made = expand(layouts.original(tmp_path / "mine"), TURN, copies=1, out=tmp_path / "out")
    packed = layouts.zipped(made.path, tmp_path / "again.zip")
    folder, archive = open_dataset(made.path), open_dataset(packed)
    assert archive.fingerprint == folder.fingerprint and archive.copies == folder.copies
    assert folder.notes[0] == "Split as SegNet's (367/101/233 of the 701 frames), by frame names."


def test_the_split_of_90_frames_grown_to_270(tmp_path):
    frames = [f"0016E5_{number:05}" for number in range(7959, 8161, 2)]
    root = layouts.cam101(tmp_path / "mine", frames, test=11)
    assert len(open_dataset(root).splits["train"]) == 90
    expand(root, TURN, copies=2, out=tmp_path / "out")
    alone, grown = plan_split(open_dataset(root)), plan_split(open_dataset(tmp_path / "out"))
    assert grown.counts() == {**alone.counts(), "train_augmented": 3 * alone.counts()["train"]}
    assert (grown.val, grown.test) == (alone.val, alone.test)
    assert {item.frame for item in grown.train} == {item.id for item in alone.train}


@pytest.fixture
def real_cam101(tmp_path):
    """Eight real frames of train and two of test."""
    packed, root = tmp_path / "Cam101-360p.zip", tmp_path / "Cam101"
    subprocess.run([sys.executable, SHARED / "make_cam101.py", packed], check=True, capture_output=True)
    with zipfile.ZipFile(packed) as archive:
        for split, count in (("label", 1), ("train", 16), ("test", 4)):
            names = [name for name in archive.namelist() if name.startswith(f"Cam101/{split}") and name[-1] != "/"]
            archive.extractall(tmp_path, names[:count])
    return root


@pytest.fixture
def real_camvid(tmp_path):
    """Six real frames of train with a list, and one of test."""
    root = tmp_path / "CamVid"
    for split, count in (("train", 6), ("test", 1)):
        lines = (SHARED / "camvid" / f"{split}.txt").read_text().splitlines()[:count]
        layouts.write(root / f"{split}.txt", "".join(f"{line}\n" for line in lines))
        for word in " ".join(lines).split():
            folder, name = word.split("/")[-2:]
            (root / folder).mkdir(exist_ok=True)
            shutil.copy(SHARED / "camvid" / folder / name, root / folder / name)
    return root


@needs_camvid
@pytest.mark.parametrize(("data", "frames", "test"), [("real_cam101", 8, 2), ("real_camvid", 6, 1)])
def test_real_data(data, frames, test, request, tmp_path):
    root = request.getfixturevalue(data)
    pipeline = load_pipeline("assignment")
    made = expand(root, pipeline, copies=2, out=tmp_path / "out")
    read, source = open_dataset(made.path), open_dataset(root, void="class")
    assert {split: len(ids) for split, ids in read.splits.items()} == {"train": 3 * frames, "test": test}
    table = source.labels.mapping_to(read.labels)
    for frame in source.splits["train"]:
        for count in (1, 2):
            drawn = draw_seed(0, 0, Item(frame, count))
            image, mask = pipeline(source.image(frame), source.mask(frame), drawn)
            assert (read.image(f"{frame}_aug{count}") == image).all()
            assert (read.mask(f"{frame}_aug{count}") == table[mask]).all()


@pytest.mark.parametrize("layout", ["coco", "class-folders"])
def test_masks_that_are_no_pictures_become_pictures_of_the_layout_folder(layout, tmp_path):
    exports.EXPORTS[layout].write(tmp_path / "mine")
    expand(tmp_path / "mine", TURN, copies=1, out=tmp_path / "out")
    source, written = open_dataset(tmp_path / "mine"), open_dataset(tmp_path / "out")
    assert written.labels.names == source.labels.names and len(written.copies) == len(source.splits["train"])
    for sample_id in source.ids:
        assert np.array_equal(written.mask(sample_id), source.mask(sample_id))
        assert np.array_equal(written.image(sample_id), source.image(sample_id))
