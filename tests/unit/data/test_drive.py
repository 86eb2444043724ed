"""The embedded drive: a pure function of (seed, number), in Cam101's layout, kept in a cache."""

import pickle
from functools import cache

import numpy as np
import pytest

from segcore.data import drive
from segcore.data.drive import cached_frames as record_module
from segcore.data.drive.world import camera_at
from segcore.labels import CAMVID32

LABELS = CAMVID32.with_ignored(())
STRIDE = (0, 15, 30, 45, 60, 75, 89, 90, 95, 100)
frame = cache(drive.draw_frame)


@pytest.fixture
def record(tmp_path):
    return drive.records(cache=tmp_path)[12]


def test_frame_has_shape_dtype_and_known_ids():
    for number in STRIDE:
        image, mask = frame(number)
        assert image.shape == (720, 960, 3) and image.dtype == np.uint8
        assert mask.shape == (720, 960) and mask.dtype == np.uint8
        assert mask.max() < LABELS.classes


def test_same_number_same_arrays_in_any_order():
    image, mask = frame(30)
    drive.draw_frame(95, 3)
    again = drive.draw_frame(30)
    assert np.array_equal(image, again[0]) and np.array_equal(mask, again[1])


def test_another_seed_is_another_street():
    image, mask = drive.draw_frame(30, 1)
    assert (mask != frame(30)[1]).mean() > 0.05
    assert not np.array_equal(image, frame(30)[0])


def test_at_least_20_classes_and_test_classes_all_occur_in_train():
    train = np.unique(np.concatenate([np.unique(frame(number)[1]) for number in STRIDE if number < 90]))
    test = np.unique(np.concatenate([np.unique(frame(number)[1]) for number in STRIDE if number >= 90]))
    assert len(train) >= 20
    assert len(test) >= 20
    assert set(test) <= set(train)


def test_every_class_of_test_is_big_enough_to_be_learned():
    counts = sum(np.bincount(frame(number)[1].ravel(), minlength=LABELS.classes) for number in STRIDE if number >= 90)
    assert counts[counts > 0].min() > 500


def test_test_is_a_later_stretch_of_street():
    assert camera_at(90, 0).z - camera_at(89, 0).z > 50


def test_frame_number_out_of_range():
    with pytest.raises(ValueError, match="no frame 101; expected 0 to 100"):
        drive.draw_frame(101)


def test_records_are_cam101s_layout():
    rows = drive.records()
    assert [row.split for row in rows] == ["train"] * 90 + ["test"] * 11
    assert (rows[0].id, rows[-1].id) == ("drive_0001", "drive_0101")
    assert len({row.checksum() for row in rows}) == 101
    assert rows[5].checksum() != drive.records(seed=1)[5].checksum()
    assert rows[0].size() == (720, 960)


def test_record_survives_pickle(record):
    assert pickle.loads(pickle.dumps(record)) == record


def test_cache_hit_is_identical_to_drawing(record, monkeypatch):
    drawn = record.image(), record.mask()
    monkeypatch.setattr(record_module, "draw_frame", None)  # a hit draws nothing
    assert np.array_equal(drawn[0], record.image())
    assert np.array_equal(drawn[1], record.mask())
    assert np.array_equal(drawn[0], drive.draw_frame(12)[0])


@pytest.mark.parametrize("damage", [b"", b"not a picture", "half", "other"])
def test_broken_cache_file_is_drawn_again(record, tmp_path, damage):
    mask = record.mask()
    (path,) = tmp_path.rglob("*_mask.png")
    if damage == "other":
        (image_path,) = tmp_path.rglob("*_image.png")
        damage = image_path.read_bytes()
    path.write_bytes(path.read_bytes()[:5000] if damage == "half" else damage)
    assert np.array_equal(record.mask(), mask)
    assert np.array_equal(record.mask(), mask)
    assert not [name for name in path.parent.iterdir() if name.name.startswith(".")]


def test_unwritable_cache_just_draws(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("a file where the cache folder should be")
    assert np.array_equal(drive.records(cache=blocker)[12].mask(), drive.draw_frame(12)[1])


def test_cache_folder_from_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path))
    assert drive.records()[0].cache == tmp_path
