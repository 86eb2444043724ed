"""Files, folders and patterns that a user names."""

import pytest

from segcore.data.input_files import input_files
from segcore.errors import DatasetError


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.JPG", "ride.mp4", "notes.txt", "day/c.png", "day/night/d.tif", "[x].png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(folder, *given):
    return [path.relative_to(folder).as_posix() for path in input_files([str(folder / name) for name in given])]


def test_folders_and_patterns_give_images_and_videos_once(folder):
    everything = ["[x].png", "a.png", "b.JPG", "day/c.png", "day/night/d.tif", "ride.mp4"]
    assert sorted(names(folder, "", "a.png")) == everything
    assert names(folder, "*.png") == ["[x].png", "a.png"]
    assert names(folder, "day/**/*") == ["day/c.png", "day/night/d.tif"]
    assert names(folder, "[x].png", "r*") == ["[x].png", "ride.mp4"]
    assert names(folder, "notes.txt") == ["notes.txt"]  # named by itself, so it is opened, which says what it is


def test_what_is_not_there_is_said(folder):
    (folder / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"empty: a folder without images and videos. Give one that holds PNG"):
        names(folder, "empty")
    with pytest.raises(DatasetError, match=r"x\*: nothing matches this pattern. It is taken from /"):
        names(folder, "x*")
    with pytest.raises(DatasetError, match=r"\*.txt: no image or video matches this pattern; it matches .*notes.txt"):
        names(folder, "*.txt")
    with pytest.raises(DatasetError, match=r"rid.mp4: there is no such image or video. Did you mean 'ride.mp4'"):
        names(folder, "rid.mp4")
