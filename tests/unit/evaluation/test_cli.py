"""`segcore runs`, `segcore evaluate` and `segcore predict`, with a real model on a folder of images."""

import json
import re

import numpy as np
import pytest
import torch
from fixtures.tiny import camvid_folder
from PIL import Image

from segcore.cli import main
from segcore.data import open_dataset, plan_split
from segcore.labels import CAMVID11
from segcore.metrics import POLICY
from segcore.models import create_model, save_model
from segcore.runs import RunWriter, ScoreInfo, load_run


@pytest.fixture
def folder(tmp_path):
    """Two training and three test frames in SegNet's layout, void as id 11."""
    return camvid_folder(tmp_path / "camvid", train=2, test=3)


@pytest.fixture
def run(store, fake_run, folder):
    """An untrained FCN-32s, recorded as trained on `folder`."""
    run = fake_run(store, "fake-fcn", model="fcn32s", source=str(folder), evaluated=False)
    torch.manual_seed(0)
    model = create_model("fcn32s", encoder="resnet18", encoder_weights="none", classes=CAMVID11.classes)
    save_model(model, run.path)
    fingerprint = open_dataset(folder, labels="camvid11").fingerprint
    dataset = run.summary.dataset.model_copy(update={"fingerprint": fingerprint, "name": "camvid"})
    RunWriter(run.path).write_summary(run.summary.model_copy(update={"dataset": dataset}))
    return load_run(run.path)


def test_evaluate_prints_and_stores_the_scores(run, store, folder, capsys):
    assert main(["evaluate", "fake-fcn", "--runs", str(store.root), "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    again = load_run(run.path)
    evaluation = again.evaluation("test")
    assert evaluation.ids == ("test0", "test1", "test2")
    assert again.summary.test.miou == evaluation.scores.miou
    assert f"{evaluation.scores.miou:.4f}" in printed
    assert "fake-fcn (FCN-32s) on camvid test, 3 images" in printed
    assert "IoU Bicyclist" in printed
    more = evaluation.image_miou, evaluation.boundary.boundary_f1, evaluation.calibration.before.ece
    for name, value in zip(("image mIoU", "boundary F1", "calibration error"), more, strict=True):
        assert re.search(rf"{name} .*{value:.4f}", printed)
    assert "at temperature" not in printed  # which validation, not evaluated yet, would tell
    assert "ECE, scaled, needs the temperature of val, which is not stored." in printed
    assert f"`segcore evaluate {run.path} --split val`; `segcore evaluate {run.path} --split test`" in printed
    assert POLICY in printed
    assert "not the data it was trained on" not in printed


def test_other_data_is_stored_beside_and_leaves_the_runs_own_scores(run, store, folder, capsys):
    assert main(["evaluate", str(run.path), "--device", "cpu"]) == 0
    before = load_run(run.path).summary
    (folder / "train" / "train0.png").unlink()
    (folder / "trainannot" / "train0.png").unlink()
    assert main(["evaluate", str(run.path), "--data", str(folder), "--device", "cpu"]) == 0
    assert "not the data it was trained on; stored beside" in capsys.readouterr().out
    again = load_run(run.path)
    assert again.summary == before
    assert again.splits == ("camvid-test", "test")


def test_validation_is_what_the_run_took_from_train(run, folder, capsys):
    dataset = open_dataset(folder, labels="camvid11")
    plan = plan_split(dataset, method="frame", val_fraction=0.5, seed=3)
    trained = run.summary.dataset.model_copy(update={"split": "frame", "split_fingerprint": plan.fingerprint})
    writer = RunWriter(run.path)
    writer.write_config({"val_fraction": 0.5, "copies": 0, "seed": 3})
    writer.write_summary(run.summary.model_copy(update={"dataset": trained, "seed": 3}))
    for split in ("val", "train"):
        assert main(["evaluate", str(run.path), "--split", split, "--device", "cpu"]) == 0
    again = load_run(run.path)
    assert again.evaluation("val").ids == tuple(item.id for item in plan.val)
    assert again.evaluation("train").ids == tuple(item.id for item in plan.train)
    assert again.summary.val.miou == again.evaluation("val").scores.miou
    assert "neighbours in time" in again.leak("val") and again.leak("test") is None  # looked for now: training had not
    writer.write_config({"val_fraction": 0.5, "copies": 1, "seed": 3})
    assert main(["evaluate", str(run.path), "--split", "val", "--device", "cpu"]) == 2
    assert "The split of run 'fake-fcn' can't be made again from its" in capsys.readouterr().err
    assert main(["evaluate", str(run.path), "--split", "vall", "--device", "cpu"]) == 2
    assert "No split 'vall'. Did you mean 'val'? Choose one of train, val, test." in capsys.readouterr().err


def test_evaluations_at_once_keep_the_scores_of_each_and_say_what_speaks_against_them(
    run, store, folder, capsys, monkeypatch
):
    import segcore.evaluation

    told = run.summary.dataset.model_copy(update={"leaks": {"test": "It measures memory."}})
    RunWriter(run.path).write_summary(run.summary.model_copy(update={"dataset": told}))
    evaluate = segcore.evaluation.evaluate

    def meanwhile(*arguments, **options):
        now = load_run(run.path).summary  # `--split val` is done while this one predicts
        done = evaluate(*arguments, **options)
        found = ScoreInfo.from_counts(done.total, run.labels)
        RunWriter(run.path).write_summary(now.model_copy(update={"val": found}))
        return done

    monkeypatch.setattr(segcore.evaluation, "evaluate", meanwhile)
    assert main(["evaluate", str(run.path), "--device", "cpu"]) == 0
    again = load_run(run.path).summary
    assert again.val is not None and again.test == again.val
    assert "It measures memory." in capsys.readouterr().out
    assert main(["runs", "--runs", str(store.root)]) == 0
    printed = capsys.readouterr().out
    assert f"{again.test.miou:.3f} !" in printed and "! A leak check speaks against this score" in printed


def test_validation_of_a_fold_is_that_fold(run, folder):
    plan = plan_split(open_dataset(folder, labels="camvid11"), method="frame", seed=3, folds=2, fold=1)
    trained = run.summary.dataset.model_copy(update={"split": "folds", "split_fingerprint": plan.fingerprint})
    writer = RunWriter(run.path)
    writer.write_config({"split": "frame", "seed": 3, "folds": 2, "fold": 1})
    writer.write_summary(run.summary.model_copy(update={"dataset": trained, "seed": 3}))
    assert main(["evaluate", str(run.path), "--split", "val", "--device", "cpu"]) == 0
    assert load_run(run.path).evaluation("val").ids == tuple(item.id for item in plan.val)


def test_predict_writes_masks_and_overlays_at_the_images_own_size(run, tmp_path, capsys):
    image = tmp_path / "mine.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (77, 123, 3), dtype=np.uint8)).save(image)
    assert main(["predict", str(run.path), str(image), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mine-mask.png", "mine-overlay.jpg"]
    with Image.open(tmp_path / "out" / "mine-mask.png") as mask:
        assert (mask.mode, mask.size) == ("P", (123, 77))
        assert np.asarray(mask).max() < CAMVID11.classes
    with Image.open(tmp_path / "out" / "mine-overlay.jpg") as overlay:
        assert overlay.size == (123, 77)
    mask, overlay = tmp_path / "out" / "mine-mask.png", tmp_path / "out" / "mine-overlay.jpg"
    printed = capsys.readouterr().out
    assert f"{mask}  {overlay}  mean confidence 0." in printed
    assert printed.endswith("1 image: FCN-32s\n")


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


def test_a_run_that_can_not_be_read_is_an_error(store, fake_run, capsys):
    run = fake_run(store, "fake", evaluated=False)
    values = json.loads((run.path / "summary.json").read_text())
    (run.path / "summary.json").write_text(json.dumps(values | {"schema_version": 9}))
    assert main(["evaluate", "fake", "--runs", str(store.root)]) == 2
    assert "is of schema 9; this Segcore reads schema 1. Update Segcore." in capsys.readouterr().err
    assert main(["evaluate", "fakk", "--runs", str(store.root)]) == 2
    assert "Did you mean 'fake'? Choose one of fake." in capsys.readouterr().err


def test_a_run_that_may_not_be_read_is_said(run, capsys, monkeypatch):
    def forbidden(path):
        raise PermissionError(13, "Permission denied", "summary.json")

    monkeypatch.setattr("segcore.runs.run_store.load_run", forbidden)
    assert main(["evaluate", str(run.path)]) == 2
    assert capsys.readouterr().err == "segcore: summary.json: Permission denied.\n"


def test_an_image_that_is_not_there_is_an_error(run, tmp_path, capsys):
    arguments = ["predict", str(run.path), str(tmp_path / "none.png"), "--out", str(tmp_path), "--device", "cpu"]
    assert main(arguments) == 2
    Image.new("RGB", (8, 8)).save(tmp_path / "nose.png")
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "none.png: there is no such image.\n" in said and "none.png: there is no such image. Did you mean" in said
    assert "--out" not in said
    assert main(["predict", str(run.path), str(tmp_path), "--out", str(tmp_path)]) == 2
    assert f"{tmp_path}: a folder, no image." in capsys.readouterr().err


def test_two_images_of_one_name_are_an_error(run, capsys):
    assert main(["predict", str(run.path), "a/x.png", "b/x.jpg", "--out", "out"]) == 2
    assert "Two images are called 'x' and would be written to one file; rename one." in capsys.readouterr().err


def test_other_ways_to_predict_are_stored_beside_the_plain_one(run, capsys):
    assert main(["evaluate", str(run.path), "--device", "cpu"]) == 0
    before = load_run(run.path).summary
    capsys.readouterr()
    assert main(["evaluate", str(run.path), "--device", "cpu", "--tta", "flip", "--window", "32x48"]) == 0
    printed = capsys.readouterr().out
    assert "Not the plain prediction: stored as test+flip+32x48 in" in printed
    assert "The scores of test stay as they are." in printed
    assert f"`segcore evaluate {run.path} --split val --tta flip --window 32x48`" in printed
    again = load_run(run.path)
    assert again.summary == before
    assert again.splits == ("test", "test+flip+32x48")
    assert again.evaluation("test+flip+32x48").ids == again.evaluation("test").ids
    assert main(["evaluate", str(run.path), "--split", "test+flip"]) == 2
    assert "'test+flip' is the name of stored results; expected a split." in capsys.readouterr().err


def test_runs_predict_together(run, store, fake_run, folder, tmp_path, capsys):
    other = fake_run(store, "other", model="fcn32s", source=str(folder), evaluated=False)
    torch.manual_seed(1)
    save_model(create_model("fcn32s", encoder="resnet18", encoder_weights="none", classes=11), other.path)
    image = tmp_path / "mine.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)).save(image)
    words = ["predict", "fake-fcn", str(image), "--runs", str(store.root), "--with", "other", "--device", "cpu"]
    assert main([*words, "--out", str(tmp_path / "out"), "--tta", "flip"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mine-mask.png", "mine-overlay.jpg"]
    assert capsys.readouterr().out.endswith("1 image: FCN-32s and FCN-32s averaged, with flip\n")
    with pytest.raises(SystemExit):
        main([*words, "--out", "out", "--window", "wide"])
    assert "'wide' is no size; expected HEIGHTxWIDTH such as 360x480" in capsys.readouterr().err
