"""The index of a dataset: it counts what reading counts, opens what opening opens, and notices what changed."""

import json
import os
import shutil
import threading
import time

import numpy as np
import pytest
from fixtures import exports, layouts
from fixtures.app import make_data
from pyarrow import parquet

from segcore.data import OpenOptions, class_balance, open_dataset
from segcore.data.index import image_facts, index_files, known_facts
from segcore.data.index.image_facts import CELLS
from segcore.data.index.known_facts import KnownFacts
from segcore.data.index_building import build_index
from segcore.errors import DatasetError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path):
    return make_data(tmp_path / "toy")


def reads(monkeypatch):
    """Ids of the images that are read from now on."""
    read = []

    def noted(record):
        read.append(record.id)
        return image_facts.read_facts(record)

    monkeypatch.setattr(known_facts, "read_facts", noted)
    return read


def by_hand(dataset):
    """Pixels, images and unscored pixels of each class, counted mask by mask."""
    counts = [np.bincount(dataset.mask(sample_id).ravel(), minlength=256) for sample_id in dataset.ids]
    classes = dataset.labels.classes
    return sum(counts)[:classes], sum(count > 0 for count in counts)[:classes], sum(counts)[255]


def same_counts(dataset):
    balance = class_balance(dataset, dataset.ids)
    pixels, images, ignored = by_hand(dataset)
    return (balance.pixels == pixels).all() and (balance.images == images).all() and balance.ignored == ignored


@pytest.mark.parametrize("processes", [0, 2])
def test_it_counts_what_reading_counts(data, monkeypatch, processes):
    monkeypatch.setattr("segcore.data.index_building.FEW", 1)
    built = build_index(data, processes=processes)
    assert built.read == len(built.dataset) and built.path.parent == data
    dataset, read = open_dataset(data), reads(monkeypatch)
    assert same_counts(dataset) and not read
    known = KnownFacts(dataset)
    for sample_id in dataset.ids:
        facts, mask = known.facts(sample_id), dataset.mask(sample_id)
        classes, pixels = np.unique(mask, return_counts=True)
        assert facts.counted and facts.by_class == dict(zip(classes.tolist(), pixels.tolist(), strict=True))
        assert known.size(sample_id) == dataset.size(sample_id) == (facts.height, facts.width) and not facts.problem
    assert not read


def test_each_way_of_opening_has_its_own(data):
    build_index(data)
    opened = open_dataset(data, void="class")
    assert opened.index is None
    build_index(data, OpenOptions(void="class"))
    assert open_dataset(data, void="class").index is not None and same_counts(open_dataset(data, void="class"))
    assert same_counts(open_dataset(data))


@pytest.mark.parametrize("name", sorted(exports.EXPORTS))
def test_every_layout_opens_alike_with_it(tmp_path, name):
    root = tmp_path / name
    exports.EXPORTS[name].write(root)
    plain = open_dataset(root)
    build_index(root)
    with_it = open_dataset(root)
    assert with_it == plain and with_it.fingerprint == plain.fingerprint
    assert with_it.index is not None and same_counts(with_it)


def test_a_zip_has_it_in_the_cache(tmp_path):
    root = layouts.cam101(tmp_path)
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", root.parent if root.is_file() else root)
    plain = open_dataset(archive)
    built = build_index(archive)
    assert built.path.parent == tmp_path / "cache" / "index"
    assert open_dataset(archive) == plain and open_dataset(archive).index is not None


def test_a_folder_that_cannot_be_written_has_it_in_the_cache(data, tmp_path, monkeypatch):
    def refuse(path):
        if path.parent == data:
            raise PermissionError(13, "Permission denied")
        return real(path)

    real = index_files.replacing
    monkeypatch.setattr(index_files, "replacing", refuse)
    assert build_index(data).path.parent == tmp_path / "cache" / "index"
    assert open_dataset(data).index is not None


def test_the_newest_index_counts(data, tmp_path, monkeypatch):
    beside = build_index(data).path
    os.utime(beside, (1, 1))
    old = beside.read_bytes()
    (data / "train" / "images" / "train_00.png").rename(data / "train" / "images" / "new.png")
    (data / "train" / "masks" / "train_00.png").rename(data / "train" / "masks" / "new.png")
    beside.unlink()
    cached = build_index(data).path
    cached.rename(tmp_path / "newer")
    elsewhere = list(index_files.places(data, dict(open_dataset(data).opened_with)))[1]
    elsewhere.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "newer").rename(elsewhere)
    beside.write_bytes(old)
    os.utime(beside, (1, 1))
    assert not open_dataset(data).notes and open_dataset(data).index is not None


def test_only_what_changed_is_read_again(data, monkeypatch):
    build_index(data)
    mask = data / "train" / "masks" / "train_00.png"
    shutil.copy(data / "train" / "masks" / "train_03.png", mask)
    os.utime(mask, (1, 1))
    dataset, read = open_dataset(data), reads(monkeypatch)
    assert same_counts(dataset) and read == ["train_00"]
    plain = data.parent / "plain"
    shutil.copytree(data, plain, ignore=shutil.ignore_patterns(".segcore*"))
    assert dataset.fingerprint == open_dataset(plain).fingerprint
    again = build_index(data)
    assert (again.read, again.changed) == (1, 1)
    assert build_index(data).read == 0


def test_added_and_removed_images_are_noticed(data, monkeypatch):
    build_index(data)
    for kind in ("images", "masks"):
        folder = data / "train" / kind
        (folder / "train_00.png").rename(folder / "new.png")
    dataset, read = open_dataset(data), reads(monkeypatch)
    assert "new" in dataset.ids and "train_00" not in dataset.ids
    assert any(
        "lacks 1 of" in note and "has 1 that are gone" in note and "data index" in note for note in dataset.notes
    )
    assert same_counts(dataset) and read == ["new"]
    assert build_index(data).read == 1
    assert not open_dataset(data).notes and open_dataset(data).index is not None


def test_a_changed_class_list_is_noticed(data):
    build_index(data)
    lines = (data / "classes.csv").read_text().splitlines()
    (data / "classes.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    dataset = open_dataset(data)
    assert dataset.index is None and any("read in another way" in note for note in dataset.notes)
    assert same_counts(dataset)


def test_a_folder_changed_within_the_clock_tick_is_compared_by_names(data):
    stamps = index_files.FolderStamps.of(data)
    assert all(changed == 0 for changed, _ in stamps.folders.values())
    assert stamps.hold(data)
    (data / "leaks.json").write_text("{}")
    assert stamps.hold(data)
    (data / "train" / "images" / "more.png").write_bytes(b"x")
    assert not stamps.hold(data)


@pytest.mark.parametrize("damage", ["cut", "foreign", "outside", "version"])
def test_what_is_no_index_is_left_out(data, damage):
    path = build_index(data).path
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "foreign":
        path.write_bytes(b"not a table")
    else:
        table = parquet.read_table(path)
        metadata = dict(table.schema.metadata)
        if damage == "version":
            metadata[b"segcore"] = json.dumps({**json.loads(metadata[b"segcore"]), "version": 99}).encode()
        else:
            place = table.column_names.index("image")
            images = ["../../secret.png", *table.column("image").to_pylist()[1:]]
            table = table.set_column(place, "image", [images])
        parquet.write_table(table.replace_schema_metadata(metadata), path)
    dataset = open_dataset(data)
    assert dataset.index is None and same_counts(dataset)


def test_what_was_read_before_an_interruption_is_kept(data, monkeypatch):
    monkeypatch.setattr("segcore.data.index_building.BATCH", 2)

    def interrupt(done, total):
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(data, progress=interrupt)
    dataset = open_dataset(data)
    assert any(f"of {len(dataset)} images" in note for note in dataset.notes) and same_counts(dataset)
    assert build_index(data).read == len(dataset) - 4


def test_a_sample_that_cannot_be_read_is_named_and_tried_again(data):
    mask = data / "train" / "masks" / "train_00.png"
    whole = mask.read_bytes()
    mask.write_bytes(whole[:40])
    built = build_index(data)
    (problem,) = filter(None, built.known.table().problems)
    assert "train_00.png" in problem
    dataset = open_dataset(data)
    with pytest.raises(DatasetError, match=r"train_00\.png"):
        class_balance(dataset, dataset.ids)
    mask.write_bytes(whole)
    assert same_counts(open_dataset(data)) and build_index(data).read == 1


def test_the_drive_needs_none():
    with pytest.raises(DatasetError, match="needs no index"):
        build_index("drive")


def test_threads_read_nothing_twice(data, monkeypatch):
    read, begun = [], threading.Event()

    def slow(record):
        read.append(record.id)
        begun.set()
        time.sleep(0.01)
        return image_facts.read_facts(record)

    monkeypatch.setattr(known_facts, "read_facts", slow)
    known = KnownFacts(open_dataset(data))
    threads = [threading.Thread(target=known.read, args=(known.dataset.ids,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read) == sorted(known.dataset.ids)


def test_what_was_read_is_the_same_as_a_table(data, monkeypatch):
    (data / "train" / "masks" / "train_00.png").write_bytes(b"\x89PNG broken")
    known = KnownFacts(open_dataset(data))
    known.read(known.dataset.ids)
    before = {sample_id: known.facts(sample_id) for sample_id in known.dataset.ids}
    read = reads(monkeypatch)
    known.settle()
    for sample_id, facts in before.items():
        assert known.facts(sample_id)._replace(cells=b"") == facts._replace(cells=b"")
    assert not read and not known.missing(known.dataset.ids) and known.known == len(known.dataset)


def test_where_classes_lie_and_which_occur_together(data):
    dataset = open_dataset(data)
    table = KnownFacts(dataset).of(dataset.ids)
    rows, classes = table.rows(dataset.ids), dataset.labels.classes
    masks = [dataset.mask(sample_id) for sample_id in dataset.ids]
    held = np.array([[(mask == index).any() for index in range(classes)] for mask in masks]).astype(int)
    assert (table.co_occurrence(rows, classes) == held.T @ held).all()
    places = table.places(rows, classes)
    assert places.shape == (classes, CELLS, CELLS) and places.sum(axis=0).max() <= 1 + 1e-9
    height, width = masks[0].shape
    y, x = (2 * 3 + 1) * height // (2 * CELLS), (2 * 5 + 1) * width // (2 * CELLS)
    for index in range(classes):
        assert places[index, 3, 5] == pytest.approx(np.mean([mask[y, x] == index for mask in masks]))
    assert (table.class_pixels(0) == [np.count_nonzero(mask == 0) for mask in masks]).all()
    assert (table.scored == [np.count_nonzero(mask != 255) for mask in masks]).all()


def test_images_of_the_same_bytes_are_told(data):
    images = data / "train" / "images"
    shutil.copy(images / "train_00.png", images / "train_01.png")
    dataset = open_dataset(data)
    table = KnownFacts(dataset).of(dataset.ids)
    assert {table.ids[row] for row in np.flatnonzero(table.repeated)} == {"train_00", "train_01"}
