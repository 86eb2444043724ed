"""Reading a run: what it holds, what speaks against its scores, and what is wrong with a broken one."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from segcore.data.leaks import Finding, LeakReport
from segcore.data.leaks import store as keep
from segcore.errors import RunError
from segcore.labels import CAMVID11
from segcore.metrics import confusion_matrix
from segcore.runs import HISTORY_COLUMNS, RunWriter, load_run
from segcore.runs.curves import curves

TRAIN_AGAIN = r"Train it again: python train\.py --config .*fake/config\.yaml"


@pytest.fixture
def run(store, fake_run):
    return fake_run(store, "fake")


def edit_summary(run, **changes):
    path = run.path / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_run_reads_back_as_written(store, fake_run):
    run = fake_run(store, "fake-unet", model="unet", epochs=3)
    again = load_run(run.path)
    assert (again.id, again.summary, again.version) == ("fake-unet", run.summary, run.version)
    assert again.labels == CAMVID11
    assert again.config == {"data": "fake", "models": ["unet"], "epochs": 3, "seed": 0}
    assert tuple(again.history.columns) == HISTORY_COLUMNS
    assert again.history["epoch"].tolist() == [0, 1, 2]
    assert again.weights == run.path / "model.safetensors"
    assert again.splits == ("test",)
    assert (again.title, load_run(fake_run(store, "other", model="mine").path).title) == ("U-Net", "mine")
    assert again.evaluation("val") is None


def test_a_summary_from_before_provenance_was_written_down_loads(store, fake_run):
    run = fake_run(store, "old")
    newer = ("trainable_parameters", "frozen", "git_commit", "command")
    values = {name: value for name, value in json.loads(run.summary.model_dump_json()).items() if name not in newer}
    (run.path / "summary.json").write_text(json.dumps(values))
    assert [getattr(load_run(run.path).summary, name) for name in newer] == [None] * 4


def test_the_summary_of_an_older_run_has_no_members(store, fake_run):
    run = fake_run(store, "old")
    assert run.members == () and run.title == "U-Net" and run.labels == CAMVID11


def test_what_speaks_against_a_score_stands_beside_it(store, fake_run):
    run = fake_run(store, "unet-01")
    assert run.summary.dataset.leaks is None and run.leak("test") is None  # from before it was looked for
    notes = run.summary.dataset.model_copy(update={"leaks": {"test": "It measures memory."}})
    RunWriter(run.path).write_summary(run.summary.model_copy(update={"dataset": notes}))
    again = load_run(run.path)
    assert again.leak("test") == "It measures memory." and again.leak("val") is None
    assert again.leak("test+flip") == again.leak("test+openvino-bf16") == again.leak("test")  # the same images


def test_what_was_checked_since_is_told_and_of_data_elsewhere_what_training_found(
    store, fake_run, tmp_path, monkeypatch
):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data"
    data.mkdir()
    run = fake_run(store, "one", source=str(data))
    info = run.summary.dataset
    notes = info.model_copy(update={"leaks": {"test": "It measures memory."}})
    RunWriter(run.path).write_summary(run.summary.model_copy(update={"dataset": notes}))
    run = load_run(run.path)
    result = Finding("exact", "leak", "val", "train", 1, 2, "Half of it was trained on.")
    report = LeakReport("x", str(data), info.fingerprint, "own", info.split_fingerprint, {}, (result,))

    def leaks(*sources):
        return run.leak("test", *sources), run.leak("val+flip", *sources)

    for other in (
        replace(report, fingerprint="f" * 16),  # other masks
        replace(report, split_fingerprint="f" * 16),
        replace(report, pictures=False),
    ):
        keep(other)
        assert leaks() == ("It measures memory.", None)
    keep(report)
    assert leaks() == (None, "Half of it was trained on.") and run.leak_report() == report
    data.rename(tmp_path / "moved")
    assert leaks() == ("It measures memory.", None)
    assert leaks(str(tmp_path / "moved")) == (None, "Half of it was trained on.")
    (tmp_path / "moved" / "leaks.json").write_text("{")
    assert leaks(str(tmp_path / "moved"), "no\0path") == ("It measures memory.", None)


def test_a_run_with_no_epoch_yet_has_an_empty_history(store, fake_run):
    run = fake_run(store, "fake", epochs=0, status="training", evaluated=False)
    assert tuple(run.history.columns) == HISTORY_COLUMNS
    assert len(run.history) == 0
    assert (run.summary.test, run.splits) == (None, ())


def test_the_version_changes_with_every_file(store, fake_run):
    run = fake_run(store, "fake", evaluated=False)
    seen = [run.version]
    writer = RunWriter(run.path)
    writer.write_metrics([{"epoch": 9}])
    seen.append(load_run(run.path).version)
    mask = np.zeros((2, 2), np.uint8)
    counts = confusion_matrix(mask, mask, classes=11)[None]
    for _ in range(2):
        writer.write_evaluation("val", ["a"], counts, [("a", mask)], CAMVID11)
        seen.append(load_run(run.path).version)
    assert len(set(seen)) == len(seen)


def test_a_change_is_seen_after_the_clock_was_put_back(store, fake_run):
    run = fake_run(store, "fake")
    RunWriter(run.path).write_metrics([{"epoch": 9}])
    an_hour_ago = run.weights.stat().st_mtime - 3600
    for path in (run.path, run.path / "metrics.csv"):
        os.utime(path, (an_hour_ago, an_hour_ago))
    assert load_run(run.path).version != run.version


def test_reading_needs_no_torch(store, fake_run):
    run = fake_run(store, "fake")
    code = f"""
import sys
import segcore
run = segcore.load_run({str(run.path)!r})
run.history, run.config, run.title
evaluation = run.evaluation("test")
evaluation.scores, evaluation.counts, evaluation.prediction(evaluation.ids[0])
heavy = {{"torch", "lightning", "albumentations", "timm", "segmentation_models_pytorch", "streamlit"}}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_folder(tmp_path):
    with pytest.raises(RunError, match=r"No run at .*nowhere; expected a folder that train\.py wrote"):
        load_run(tmp_path / "nowhere")


def test_a_folder_without_a_summary(run):
    (run.path / "summary.json").unlink()
    with pytest.raises(RunError, match=rf"Run 'fake' has no summary\.json\. {TRAIN_AGAIN}"):
        load_run(run.path)


def test_a_folder_that_is_no_run_is_not_to_be_removed(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(RunError, match=r"'photos' has no summary\.json\. Give a folder that train\.py wrote"):
        load_run(tmp_path / "photos")


def test_a_summary_cut_off(run):
    path = run.path / "summary.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(RunError, match=rf"summary\.json is no JSON, perhaps cut off \(.*\)\. {TRAIN_AGAIN}"):
        load_run(run.path)


def test_an_empty_summary(run):
    (run.path / "summary.json").write_bytes(b"")
    with pytest.raises(RunError, match=r"summary\.json is no JSON, perhaps cut off"):
        load_run(run.path)


@pytest.mark.parametrize("foreign", ['{"name": "another tool"}', "[1, 2]", "null"])
def test_a_foreign_summary(run, foreign):
    (run.path / "summary.json").write_text(foreign)
    with pytest.raises(RunError, match=r"was not written by Segcore: it has no schema_version"):
        load_run(run.path)


def test_another_schema(run):
    edit_summary(run, schema_version=2)
    with pytest.raises(
        RunError, match=rf"is of schema 2; this Segcore reads schema 1\. Update Segcore\. {TRAIN_AGAIN}"
    ):
        load_run(run.path)
    edit_summary(run, schema_version="one")
    with pytest.raises(RunError, match=rf"is of schema 'one'; this Segcore reads schema 1\. {TRAIN_AGAIN}"):
        load_run(run.path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"status": "done"},
            r"summary\.json: status: Input should be 'training', 'finished', 'interrupted' or 'failed'",
        ),
        ({"parameters": -1}, r"summary\.json: parameters: Input should be greater than or equal to 0"),
        ({"dataset": None}, r"summary\.json: dataset: Input should be"),
        ({"labels": {"name": "x"}}, r"summary\.json: labels: Value error, no label map \('names'\)"),
    ],
)
def test_a_summary_with_values_that_make_no_sense(run, changes, message):
    edit_summary(run, **changes)
    with pytest.raises(RunError, match=message):
        load_run(run.path)


def test_without_its_config_the_way_out_is_another(run):
    (run.path / "summary.json").unlink()
    (run.path / "config.yaml").unlink()
    with pytest.raises(RunError, match=r"has no summary\.json\. Remove the folder .*fake, or put the file back"):
        load_run(run.path)


@pytest.mark.parametrize("name", ["model.safetensors", "config.yaml"])
def test_missing_files_are_named_when_needed(run, name):
    (run.path / name).unlink()
    with pytest.raises(RunError, match=rf"Run 'fake' has no {re.escape(name)}"):
        _ = run.weights, run.config


@pytest.mark.parametrize(
    ("text", "message"), [("a: [1", r"config\.yaml is no YAML"), ("just words", r"config\.yaml holds no settings")]
)
def test_a_foreign_config(run, text, message):
    (run.path / "config.yaml").write_text(text)
    with pytest.raises(RunError, match=message):
        _ = run.config


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"metrics\.csv is no table \(No columns to parse from file\)"),
        (b"\xff\xfe\x00\x01", r"metrics\.csv is no table"),
        (b"epoch,loss\n0,1\n", r"metrics\.csv has no column step, train_loss"),
        (
            b"epoch,step,train_loss,val_loss,train_miou,train_pixel_accuracy,val_miou,val_pixel_accuracy,lr,seconds\n"
            b"0,1,oops,1,1,1,1,1,1,1\n",
            r"metrics\.csv: column train_loss holds text; expected numbers",
        ),
    ],
)
def test_a_foreign_history(run, data, message):
    (run.path / "metrics.csv").write_bytes(data)
    with pytest.raises(RunError, match=message):
        _ = run.history


def test_the_last_line_of_a_history_that_was_cut_off_is_left_out_with_a_word(run):
    path = run.path / "metrics.csv"
    whole = run.history
    assert not whole.attrs["cut_off"]
    path.write_bytes(path.read_bytes()[:-4])  # 3.1e-07 would be read as 3.1
    cut = load_run(run.path).history
    assert cut.attrs["cut_off"] and cut.equals(whole[:-1])
    assert curves([run], {"fake": "U-Net"})[1] == ["U-Net: the last line of metrics.csv is cut off and left out."]
    path.write_text(path.read_text().partition("\n")[0])
    assert load_run(run.path).history.empty


def test_losses_of_different_kinds_are_said(store, fake_run):
    runs = [fake_run(store, name, settings={"loss": loss}) for name, loss in (("a", "ce"), ("b", "ohem"), ("c", "ce"))]
    titles = {"a": "U-Net", "b": "FCN-8s", "c": "PSPNet"}
    note = "Losses of different kinds can't be compared: ce of U-Net, PSPNet; ohem of FCN-8s."
    assert curves(runs, titles)[1] == [note]
    assert curves(runs[::2], titles)[1] == []


def test_a_number_that_no_colour_holds_is_refused(store, fake_run):
    run = fake_run(store, "fake")
    file = run.path / "summary.json"
    file.write_text(file.read_text().replace("128", "1e999", 1))
    with pytest.raises(RunError, match="no label map"):
        load_run(run.path)


def test_a_config_that_is_no_recipe_of_anyone_is_not_read(store, fake_run):
    run = fake_run(store, "fake")
    (run.path / "config.yaml").write_text("epochs: 3\n" * 40_000)
    with pytest.raises(RunError, match=r"config\.yaml can't be read \(it has 400,000 bytes"):
        run.config  # noqa: B018
