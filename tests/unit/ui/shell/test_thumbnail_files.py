"""Thumbnails that outlive a server, within a bound."""

import os

import pytest

from segcore.ui.shell import thumbnail_files
from segcore.ui.shell.thumbnail_files import folder, prune, stored_thumbnail

PICTURES = b"\xff\xd8photo", b"\x89PNG layer IEND\xaeB`\x82"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path))


def files():
    return sorted(path for path in folder().rglob("*") if path.is_file())


def fail():
    raise AssertionError("made again")


def test_a_thumbnail_is_made_once_for_what_it_depends_on():
    assert stored_thumbnail(("a", 1), lambda: PICTURES) == PICTURES
    assert stored_thumbnail(("a", 1), fail) == PICTURES
    with pytest.raises(AssertionError, match="made again"):
        stored_thumbnail(("a", 2), fail)
    assert len(files()) == 1


@pytest.mark.parametrize("damage", [b"", b"\x00\x00\x00\x07\xff\xd8photo\x89PNG lay", b"\xff\xff\xff\xff"])
def test_a_damaged_one_is_made_again(damage):
    stored_thumbnail(("a",), lambda: PICTURES)
    files()[0].write_bytes(damage)
    assert stored_thumbnail(("a",), lambda: PICTURES) == PICTURES
    assert stored_thumbnail(("a",), fail) == PICTURES


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "file"))
    assert stored_thumbnail(("a",), lambda: PICTURES) == PICTURES


def test_the_oldest_go_first():
    for number in range(5):
        stored_thumbnail((number,), lambda: PICTURES)
    age = {path: number for number, path in enumerate(files())}
    for path, number in age.items():
        os.utime(path, (number, number))
    size = files()[0].stat().st_size
    prune(2 * size)
    assert [age[path] for path in files()] == [3, 4]
    prune(2 * size)
    assert len(files()) == 2


def test_it_prunes_itself(monkeypatch):
    monkeypatch.setattr(thumbnail_files, "PRUNED_EVERY", 2)
    monkeypatch.setattr(thumbnail_files, "MOST_BYTES", 3 * len(b"".join(PICTURES)))
    for number in range(8):
        stored_thumbnail((number,), lambda: PICTURES)
    assert 1 <= len(files()) <= 4
