"""Data of runs that has moved: named once, found from then on."""

import json

import pytest
from fixtures.tiny import camvid_folder

from segcore.data import open_dataset
from segcore.errors import DatasetError
from segcore.runs import DatasetInfo, RunWriter, data_places
from segcore.runs.reproduce import open_data, trained_source


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A user's cache of its own."""
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def moved(store, fake_run, tmp_path):
    """(run, folder where its data is now): it was trained on `old/camvid`, which is not there any more."""
    folder = camvid_folder(tmp_path / "new" / "camvid", train=2, test=1)
    run = fake_run(store, "fake")
    info = run.summary.dataset
    dataset = info.model_copy(
        update={
            "source": str(tmp_path / "old" / "camvid"),
            "fingerprint": open_dataset(folder, labels="camvid11").fingerprint,
        }
    )
    RunWriter(run.path).write_summary(run.summary.model_copy(update={"dataset": dataset}))
    return RunWriter(run.path).record(), folder


def test_a_place_is_asked_for_once(moved):
    run, folder = moved
    with pytest.raises(DatasetError, match=r"not there any more; looked at .*old/camvid\. Say where it is now"):
        open_data(run)
    assert open_data(run, str(folder)).source == str(folder)
    assert trained_source(run) == str(folder) and len(open_data(run)) == 3
    folder.rename(folder.parent / "again")
    with pytest.raises(DatasetError, match=r"looked at .*old/camvid, .*new/camvid\."):
        open_data(run)


def test_the_folder_above_is_enough(moved):
    run, folder = moved
    for name in ("notes", "street"):
        camvid_folder(folder.parent / name, train=1, test=1)
    assert open_data(run, str(folder.parent)).source == str(folder)
    assert trained_source(run) == str(folder)
    with pytest.raises(DatasetError, match="old: no such file or folder"):
        open_data(run, str(folder.parent.parent / "old"))


def test_other_data_is_no_new_place(moved, tmp_path):
    run, _ = moved
    other = camvid_folder(tmp_path / "other", train=3, test=1)
    assert len(open_data(run, str(other))) == 4
    assert data_places.find_data(run.summary.dataset) is None
    assert not data_places.places_file().exists()


def test_a_broken_note_is_forgotten(moved):
    run, folder = moved
    data_places.places_file().parent.mkdir()
    for text in ("{", "[]", json.dumps({run.summary.dataset.fingerprint: "x"})):
        data_places.places_file().write_text(text)
        assert data_places.find_data(run.summary.dataset) is None
    open_data(run, str(folder))
    assert trained_source(run) == str(folder)


def test_a_run_knows_its_data_from_the_root(tmp_path, monkeypatch):
    from segcore.data.plan import own_plan
    from segcore.training.config import build

    camvid_folder(tmp_path / "camvid", train=2, test=1)
    monkeypatch.chdir(tmp_path)
    dataset = open_dataset("camvid")
    info = DatasetInfo.of(dataset, own_plan(dataset), void="ignore", leaks=None)
    assert info.source == str(tmp_path / "camvid")
    assert build({"data": "camvid"}).data == str(tmp_path / "camvid")
    assert build({"data": "drive"}).data == "drive" and build({"data": "none"}).data == "none"
