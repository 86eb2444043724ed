"""`segcore runs`: the table of what is there, and what was skipped."""

import pytest

from segcore.cli import main


def test_runs_lists_all_and_names_what_it_skipped(store, fake_run, capsys):
    good = fake_run(store, "good", model="unet")
    bad = fake_run(store, "bad", evaluated=False)
    (bad.path / "summary.json").write_text("{")
    assert main(["runs", "--runs", str(store.root)]) == 0
    printed = capsys.readouterr().out
    assert "U-Net" in printed
    assert f"{good.summary.test.miou:.3f}" in printed
    assert "skipped: " in printed
    assert "bad/summary.json is no JSON, perhaps cut off" in printed


def test_runs_never_cuts_a_name_on_a_narrow_terminal(store, fake_run, capsys, monkeypatch):
    fake_run(store, "drive-deeplabv3plus", model="deeplabv3plus")
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["runs", "--runs", str(store.root)]) == 0
    printed = capsys.readouterr().out
    assert "drive-deeplabv3plus" in printed
    assert "…" not in printed


def test_an_empty_folder_of_runs_says_what_to_do(tmp_path, capsys):
    assert main(["runs", "--runs", str(tmp_path)]) == 0
    assert "Train some: python train.py" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["runs", "leaderboard"])
def test_a_folder_of_runs_that_is_not_there_is_an_error(tmp_path, capsys, command):
    assert main([command, "--runs", str(tmp_path / "none")]) == 2
    assert f"No folder of runs at {tmp_path / 'none'}. Train some" in capsys.readouterr().err
