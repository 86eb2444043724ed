"""Tags of a dataset's images, and the lists of images that `--only` names."""

import re

import pytest
from fixtures.app import make_data

from segcore.data import open_dataset, plan_split
from segcore.data.tags import TAGS_FOLDER, change_tag, read_image_list, read_tags
from segcore.errors import DatasetError


@pytest.fixture(autouse=True)
def user_data(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGCORE_USER_DATA", str(tmp_path / "mine"))
    return tmp_path / "mine"


@pytest.fixture
def data(tmp_path):
    return make_data(tmp_path / "toy")


def lines(source):
    return {name: images.lines for name, images in read_tags(source).items()}


def test_a_tag_that_another_program_wrote_keeps_its_comments_and_paths(data):
    (data / TAGS_FOLDER).mkdir()
    file = data / TAGS_FOLDER / "night.txt"
    file.write_text("# by hand\nimages/train_00.png\n\ntrain_01\n")
    change_tag(data, "night", add=["train_00", "train_02"])
    assert file.read_text() == "# by hand\nimages/train_00.png\ntrain_01\ntrain_02\n"
    change_tag(data, "night", remove=["train_00", "train_02"])
    assert file.read_text() == "# by hand\ntrain_01\n"
    change_tag(data, "night", remove=["train_01"])
    assert read_tags(data) == {}


@pytest.mark.parametrize("sample_id", ["#12", " a", "a\nb", "a\u2028b", "\udcff"])
def test_an_id_that_no_line_can_hold_is_refused(sample_id, data):
    with pytest.raises(DatasetError, match="can't be tagged"):
        change_tag(data, "night", add=["train_00", sample_id])
    assert read_tags(data) == {}


def test_a_tag_is_a_text_file_beside_the_data_which_stays_the_same_data(data):
    before = open_dataset(data).fingerprint
    path = change_tag(data, "wrong mask", add=["train_02", "train_00", "train_02"])
    assert path == data / TAGS_FOLDER / "wrong mask.txt" and path.read_text() == "train_02\ntrain_00\n"
    change_tag(data, "wrong mask", add=["train_01"], remove=["train_02"])
    change_tag(data, "night", add=["test_00"])
    assert lines(data) == {"night": ("test_00",), "wrong mask": ("train_00", "train_01")}
    assert open_dataset(data).fingerprint == before and len(open_dataset(data)) == 7
    change_tag(data, "night", remove=["test_00"])
    assert list(read_tags(data)) == ["wrong mask"]


@pytest.mark.parametrize("source", ["drive", "zip", "read-only"])
def test_what_cannot_be_written_has_its_tags_in_the_users_folder(source, data, user_data, tmp_path, monkeypatch):
    given = {"drive": "drive", "zip": tmp_path / "toy.zip", "read-only": data}[source]
    if source == "read-only":
        (data / TAGS_FOLDER).write_text("a file where the folder would be")
    change_tag(given, "night", add=["a"])
    (path,) = user_data.rglob("*.txt")
    assert path.name == "night.txt" and lines(given) == {"night": ("a",)}
    change_tag(given, "night", remove=["a"])
    assert read_tags(given) == {} and not list(user_data.rglob("*.txt"))


@pytest.mark.parametrize(
    "name",
    ["", "  ", "../night", "a/b", ".hidden", "x" * 61, "-x", "<b>", "a\nb", "night.txt", "none", "all", "without x"],
)
def test_names_that_are_no_file_names_are_refused(name, data):
    with pytest.raises(DatasetError, match="can't be a tag; expected up to 60 letters"):
        change_tag(data, name, add=["train_00"])
    assert not (data / TAGS_FOLDER).exists()


def test_a_tag_that_nobody_can_keep_is_said(data, tmp_path, monkeypatch):
    (data / TAGS_FOLDER).write_text("")
    (tmp_path / "mine").write_text("")
    with pytest.raises(DatasetError, match="The tag 'night' can't be kept: "):
        change_tag(data, "night", add=["train_00"])


def test_a_file_may_hold_ids_or_paths_and_comments(data, tmp_path):
    file = tmp_path / "chosen.txt"
    file.write_bytes(
        "\ufeff# mine\n\ntrain_03\r\n./toy/train/images/train_01.png\ntoy\\train\\images\\test_00.png\n".encode()
    )
    images = read_image_list(str(file), str(data))
    assert images.title == "chosen.txt"
    assert set(images.of_dataset(open_dataset(data))) == {"train_01", "train_03", "test_00"}
    assert images.has("train_01") and not images.has("train_02")
    assert images.among(["test_00", "train_00", "train_01"]) == ("test_00", "train_01")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("train_99\ntrain_00\n", "1 line of 2 name no image of toy: train_99. Did you mean"),
        ("", "names no image; expected an id a line"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (None, "can't be read"),
    ],
)
def test_lists_that_are_none(content, message, data, tmp_path):
    file = tmp_path / "chosen.txt"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DatasetError, match=re.escape(message)):
        read_image_list(str(file), str(data)).of_dataset(open_dataset(data))


def test_an_unknown_tag_names_the_others_and_how_a_file_is_given(data, tmp_path):
    change_tag(data, "night", add=["train_00"])
    with pytest.raises(DatasetError, match=r"No tag 'nigth'.*Did you mean 'night'.*Its tags: night.*\./nigth\.txt"):
        read_image_list("nigth", str(data))


def test_a_tag_that_is_no_text_hides_no_other(data):
    change_tag(data, "night", add=["train_00"])
    (data / TAGS_FOLDER / "broken.txt").write_bytes(b"\xff\xfe")
    assert lines(data) == {"night": ("train_00",)}


def test_a_restricted_plan_trains_on_less_and_validates_on_the_same(data):
    plan = plan_split(open_dataset(data), method="frame", val_fraction=0.25, copies=1)
    kept = plan.train[0].frame
    part = plan.restricted({kept, plan.val[0].id, "test_00"}, "night")
    assert [(item.id, item.copy) for item in part.train] == [(kept, 0), (kept, 1)]
    assert (part.val, part.test) == (plan.val, plan.test) and part.fingerprint != plan.fingerprint
    with pytest.raises(DatasetError, match=r"night has 2 images, none of them to train on \(1 in val, 1 in test\)"):
        plan.restricted({plan.val[0].id, "test_00"}, "night")
