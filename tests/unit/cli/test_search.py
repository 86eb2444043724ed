"""`segcore search`: its arguments, and a small search for real."""

from pathlib import Path

import pytest
from fixtures.tiny import tiny_folder

from segcore.cli import main
from segcore.data import open_dataset, plan_split
from segcore.runs.search import SearchStore
from segcore.training.config import build
from segcore.training.recipe_file import read_settings

SPACE = "space: {lr: {low: 1.0e-4, high: 1.0e-2, log: true}, loss: [ce, ce+dice]}\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("data") / "tiny", train=16)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trials", "0"], "--trials is 0; expected 1 or more."),
        (["--folds", "1"], "--folds is 1; expected 2 or more."),
        (["--seed", "-1"], "--seed is -1; expected 0 to 4294967295."),
        (["--sampler", "tpee"], "No sampler 'tpee'. Did you mean 'tpe'? Choose one of tpe, random, grid."),
        (["--data", "nowhere"], "nowhere: no such file or folder. Give a folder, a zip"),
        (["--", "--epoch", "3"], "No option '--epoch' of train.py behind `--`. Did you mean '--epochs'?"),
        (
            ["--", "--config", "x.yaml"],
            "--config can't be given behind `--`. A recipe is `base: FILE` in the space file.",
        ),
        (["--", "--models", "unett"], "No model 'unett'. Did you mean 'unet'?"),
    ],
)
def test_bad_commands(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text("base: b.yaml\n" + SPACE)
    Path("b.yaml").write_text("models: [unet]\n")
    assert main(["search", "--space", "s.yaml", "--trials", "2", "--folds", "2", *words]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("segcore: ") and message in captured.err and captured.err.count("\n") == 1


def test_the_command_for_real(data, tmp_path, monkeypatch, capsys):
    """Three trials of two folds of one epoch, then one more; a fold can be evaluated again."""
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(SPACE)
    flags = ["--models", "fcn8s", "--encoder", "tu-test_efficientnet", "--encoder-weights", "none"]
    flags += ["--image-size", "64x64", "--epochs", "1", "--workers", "0", "--precision", "fp32", "--split", "block"]
    flags += ["--batch-size", "4"]
    words = ["search", "--space", "s.yaml", "--folds", "2", "--data", str(data)]
    assert main([*words, "--trials", "3", "--", *flags]) == 0
    assert main([*words, "--trials", "4", "--", *flags]) == 0
    record = SearchStore().get("s")
    table = record.trials
    assert table["state"].tolist() == ["complete"] * 4 and table["value"].between(0, 1).all()
    for run in record.runs.list():
        assert run.summary.test is None and run.splits == () and run.summary.dataset.split == "folds"
        assert run.history["val_miou"].max() in table[["fold_0", "fold_1"]].to_numpy()
    printed = capsys.readouterr().out
    assert f"python train.py --config {record.best}" in printed and "4 complete." in printed
    assert build(read_settings(record.best)).models == ("fcn8s",)
    best = record.runs_of(record.best_number)[1]
    assert main(["evaluate", str(best.path), "--split", "val", "--device", "cpu"]) == 0
    split = plan_split(open_dataset(str(data)), method="block", folds=2, fold=1)
    assert best.evaluation("val").ids == tuple(item.id for item in split.val)


def test_an_unknown_encoder_is_refused_before_anything_is_trained(tmp_path, data, capsys):
    path = tmp_path / "s.yaml"
    path.write_text("space: {encoder: [mobilenet_v2, mobilnet_v2]}")
    words = ["search", "--space", str(path), "--trials", "2", "--folds", "2", "--out", str(tmp_path / "out")]
    assert main([*words, "--data", str(data), "--", "--models", "unet", "--encoder-weights", "none"]) == 2
    assert "No encoder 'mobilnet_v2'. Did you mean 'mobilenet_v2'?" in capsys.readouterr().err
    assert not list(tmp_path.rglob("runs"))
