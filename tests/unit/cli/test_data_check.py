"""`segcore data check`."""

import json

import pytest
from fixtures import layouts
from fixtures.app import ROOT
from fixtures.runs import fake_run
from fixtures.streets import photos, several

from segcore import cli
from segcore.data import open_dataset, plan_split
from segcore.data.leaks import LeakReport, stored
from segcore.report.leak_notes import checks_of
from segcore.runs import RunWriter, load_run


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))


def test_a_table_sentences_and_where_it_is_stored(tmp_path, capsys):
    root = layouts.cam101(tmp_path / "cam")
    assert cli.main(["data", "check", "--data", str(root)]) == 0
    captured = capsys.readouterr()
    for wanted in (
        "its own splits: train 18, test 2",
        "neighbours in time",
        "│ train / test │   2 of 2 │",
        "0016E5_07971 ~ 0016E5_07969  0.07 s apart",
        "Beside every score on test: 100 % of test frames (2 of 2) have a training frame within 0.2 s: this score "
        "measures memory.",
        f"Stored in {root / 'leaks.json'}",
    ):
        assert wanted in captured.out
    assert captured.err == ""  # no bar where there is no terminal
    assert stored(open_dataset(root)) is not None


def test_json_is_all_that_is_printed_and_reads_back(tmp_path, capsys):
    root = layouts.cam101(tmp_path / "cam")
    assert cli.main(["data", "check", "--data", str(root), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["sentences"]["test"].endswith("this score measures memory.") and values["against"] == []
    values.pop("against")
    assert LeakReport.from_dict(values) == stored(open_dataset(root))


def test_strict_fails_on_leaks_alone(tmp_path, capsys):
    leaky, clean = layouts.cam101(tmp_path / "cam"), photos(tmp_path / "d", train=several(0, 3), test=several(9, 3))
    assert cli.main(["data", "check", "--data", str(leaky), "--strict"]) == 1
    assert cli.main(["data", "check", "--data", str(clean), "--strict"]) == 0
    assert "Nothing speaks against scores on test (pictures, frame numbers and copies" in capsys.readouterr().out
    assert cli.main(["data", "check", "--data", str(clean), "--against", str(clean), "--strict"]) == 1


def test_a_method_or_a_run_says_which_split_is_checked(tmp_path, capsys):
    root = layouts.cam101(tmp_path / "cam")
    command = ["data", "check", "--data", str(root), "--quick"]
    assert cli.main([*command, "--split", "augmented", "--copies", "2"]) == 0
    text = capsys.readouterr().out
    assert "split by augmented" in text and "copies of one frame" in text and "Stored" not in text
    run = fake_run(tmp_path / "runs", "unet")
    assert cli.main([*command, "--run", str(run.path)]) == 2
    assert "The split of run 'unet' can't be made again" in capsys.readouterr().err
    assert cli.main([*command, "--run", str(run.path), "--split", "frame"]) == 2
    assert "Leave one of them out." in capsys.readouterr().err


def test_a_run_alone_names_its_dataset_too(capsys):
    assert cli.main(["data", "check", "--run", "drive-unet", "--runs", str(ROOT / "checkpoints"), "--quick"]) == 0
    assert "drive  (split by block: train 75, val 9, test 11)" in capsys.readouterr().out


@pytest.mark.parametrize("named", [[], ["--data"]], ids=["its data", "data by name"])
def test_a_run_says_how_its_data_is_read(tmp_path, capsys, named):
    """Else the report is of other labels, or refused, and never stands beside the run's scores."""
    root = layouts.cam101(tmp_path / "cam")
    next((root / "test").glob("*_L.png")).unlink()
    dataset = open_dataset(root, labels="camvid11", skip_incomplete=True, video="yes")
    plan = plan_split(dataset, method="frame")
    run = fake_run(tmp_path / "runs", "unet")
    known = {"source": str(root), "fingerprint": dataset.fingerprint, "split": "frame"}
    info = run.summary.dataset.model_copy(update=known | {"split_fingerprint": plan.fingerprint})
    RunWriter(run.path).write_summary(run.summary.model_copy(update={"dataset": info, "seed": 0}))
    RunWriter(run.path).write_config({"skip_incomplete": True, "video": "yes"})
    words = [*named, str(root)] if named else []
    assert cli.main(["data", "check", "--run", str(run.path), *words]) == 0, capsys.readouterr().err
    assert load_run(run.path).leak_report().video is True
    other = open_dataset(root, void="class", skip_incomplete=True)
    assert other.fingerprint != dataset.fingerprint
    assert list(checks_of([load_run(run.path)], other)) == [run.id], "its check, whatever labels and void a report has"


def test_bad_words_are_one_message(tmp_path, capsys):
    root = layouts.cam101(tmp_path / "cam")
    assert cli.main(["data", "check", "--data", str(root), "--split", "blok"]) == 2
    assert "No split method 'blok'. Did you mean 'block'?" in capsys.readouterr().err
    assert cli.main(["data", "check", "--data", str(root), "--fps", "0"]) == 2
    assert "--fps is 0; expected the frames a second" in capsys.readouterr().err
    assert cli.main(["data", "check", "--data", str(root), "--val-fraction", "0.5"]) == 2
    assert "--val-fraction goes with --split METHOD" in capsys.readouterr().err
