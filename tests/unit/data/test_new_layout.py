"""To add a layout, one module and one entry in `FORMATS` suffice: a layout that only this test knows."""

import numpy as np
import pytest
from fixtures import layouts

from segcore import cli
from segcore.augment import Pipeline
from segcore.augment.expand import expand
from segcore.data import FORMATS, open_dataset
from segcore.data.class_lists import read_codes
from segcore.data.formats.base import DetectedDataset, Format
from segcore.data.formats.pairing import pair_folders, without_suffix
from segcore.errors import DatasetError

FLIP = Pipeline.from_yaml("transforms:\n  - HorizontalFlip: {p: 1.0}\n")
NAMES = ("a", "b", "c")


# What the module of a new layout holds.
def looks_like(listing):
    return {"photos", "truth"} <= listing.folders


def read(listing):
    """`photos/NAME.png truth/NAME-gt.png`, names.txt; train.lst names the training samples, the others are test."""
    train = set(listing.text("train.lst").split())
    return DetectedDataset(
        "toy",
        read_codes(listing, "names.txt", "toy"),
        tuple(
            pair
            for split in ("train", "test")
            for pair in pair_folders(
                listing.below("photos"), listing.below("truth"), split, mask_stem=without_suffix("-gt")
            )
            if (pair.id in train) == (split == "train")
        ),
        others=(listing.path("names.txt"), listing.path("train.lst")),
        train_lists=("train.lst",),
    )


@pytest.fixture
def toy(tmp_path, monkeypatch):
    monkeypatch.setitem(FORMATS, "toy", Format("toy", "photos/ truth/ names.txt train.lst", looks_like, read))
    root = tmp_path / "toy"
    layouts.write(root / "names.txt", "sky\nroad\nvoid\n")
    layouts.write(root / "train.lst", "a\nb\n")
    for index, name in enumerate(NAMES):
        layouts.save(root / "photos" / f"{name}.png", layouts.image(index))
        layouts.save(root / "truth" / f"{name}-gt.png", layouts.mask(index, 3))
    return root


def test_it_opens_as_a_folder_and_as_a_zip(toy, tmp_path):
    dataset = open_dataset(toy, void="class")
    assert dict(dataset.splits) == {"train": ("a", "b"), "test": ("c",)}
    assert all((dataset.mask(name) == layouts.mask(index, 3)).all() for index, name in enumerate(NAMES))
    packed = layouts.zipped(toy, tmp_path / "packed.zip", prefix="deep/toy/")
    assert open_dataset(packed, void="class").fingerprint == dataset.fingerprint


def test_it_is_checked_and_named_among_the_layouts(toy, tmp_path, capsys):
    (toy / "truth" / "b-gt.png").unlink()
    with pytest.raises(DatasetError, match=r"1 image without mask: photos/b.png"):
        open_dataset(toy)
    assert cli.main(["data", "info", str(toy), "--skip-incomplete"]) == 0
    assert "note: Skipped 1 image without mask" in capsys.readouterr().out
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DatasetError, match=r"  toy: photos/ truth/ names.txt train.lst"):
        open_dataset(layouts.write(tmp_path / "other" / "x.txt", "x").parent)


def test_augmented_copies_on_disk_read_back(toy, tmp_path):
    expand(toy, FLIP, copies=1, out=tmp_path / "out")
    source, written = open_dataset(toy), open_dataset(tmp_path / "out")
    assert dict(written.splits) == {"train": ("a", "a_aug1", "b", "b_aug1"), "test": ("c",)}
    for name in ("a", "b"):
        assert (written.image(f"{name}_aug1") == source.image(name)[:, ::-1]).all()
        assert np.array_equal(written.mask(f"{name}_aug1"), source.mask(name)[:, ::-1])
