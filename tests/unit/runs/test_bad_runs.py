"""Run folders with missing, truncated or foreign files: each error says what, and the way out."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from fixtures.runs import IDS
from PIL import Image

from segcore.errors import EvaluationError, RunError
from segcore.runs import load_run

TRAIN_AGAIN = r"Train it again: python train\.py --config .*fake/config\.yaml"
EVALUATE_AGAIN = r"Evaluate it again: segcore evaluate .*fake --split test"


@pytest.fixture
def run(store, fake_run):
    return fake_run(store, "fake")


def edit_summary(run, **changes):
    path = run.path / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


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


def test_the_store_skips_with_a_note(store, run, fake_run):
    fake_run(store, "good", evaluated=False)
    (run.path / "summary.json").write_text("{")
    (store.root / "notes").mkdir()
    (store.root / ".hidden").mkdir()
    (store.root / "README.md").write_text("no run")
    assert [found.id for found in store.list()] == ["good"]
    assert [(problem.path.name, problem.message[-12:]) for problem in store.problems] == [("fake", "/config.yaml")]


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


@pytest.mark.parametrize("name", ["images.parquet", "confusion.parquet"])
def test_tables_missing_truncated_or_foreign(run, name):
    path = run.path / "evaluation" / "test" / name
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], b"", b"id,miou\n"):
        path.write_bytes(data)
        with pytest.raises(RunError, match=rf"{name} is no Parquet file, perhaps cut off \(.*\)\. {EVALUATE_AGAIN}"):
            run.evaluation("test")
    pd.DataFrame({"x": [1]}).to_parquet(path)
    with pytest.raises(RunError, match=rf"{name} has no column .*\. {EVALUATE_AGAIN}"):
        run.evaluation("test")
    path.unlink()
    with pytest.raises(RunError, match=rf"No {name} at .*\. {EVALUATE_AGAIN}"):
        run.evaluation("test")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("prediction", 11, r"prediction goes to 11; the run has 11 classes"),
        ("image", "elsewhere", r"counts 'elsewhere', which images\.parquet doesn't list"),
        ("image", b"\xff", r"column image is binary; expected names of images"),
        ("pixels", "many", r"column pixels holds no numbers"),
        ("pixels", True, r"column pixels holds no numbers"),
        ("pixels", 0.5, r"column pixels is double; expected whole numbers"),
        ("pixels", -1, r"pixels goes to -1; expected counts and ids of 0 or more"),
        ("pixels", np.uint64(2**63 + 5), r"pixels goes to 9223372036854775813; expected counts and ids"),
        ("truth", float("nan"), r"column truth is double; expected whole numbers"),
        ("truth", np.int8(-1), r"truth goes to -1"),
    ],
)
def test_a_confusion_table_that_does_not_fit(run, column, value, message):
    path = run.path / "evaluation" / "test" / "confusion.parquet"
    table = pd.read_parquet(path).astype({"image": "str"})
    table[column] = value
    table.to_parquet(path)
    with pytest.raises(RunError, match=message):
        run.evaluation("test")


def test_wider_integers_count_the_same(run):
    path = run.path / "evaluation" / "test" / "confusion.parquet"
    before = run.evaluation("test").total
    table = pd.read_parquet(path)
    table.astype({"truth": "int64", "prediction": "int64", "pixels": "uint64"}).to_parquet(path)
    assert np.array_equal(run.evaluation("test").total, before)
    table.assign(pixels=table["pixels"] + 2**33).to_parquet(path)  # beyond what 32 bits hold
    assert run.evaluation("test").total.sum() == before.sum() + len(table) * 2**33


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, "tall"])
def test_an_image_without_a_size(run, value):
    path = run.path / "evaluation" / "test" / "images.parquet"
    pd.read_parquet(path).assign(height=value).to_parquet(path)
    with pytest.raises(RunError, match=rf"images\.parquet: .*height .*{EVALUATE_AGAIN}"):
        run.evaluation("test")


def test_an_image_listed_twice(run):
    path = run.path / "evaluation" / "test" / "images.parquet"
    table = pd.read_parquet(path)
    table["id"] = IDS[0]
    table.to_parquet(path)
    with pytest.raises(RunError, match=r"images\.parquet lists an image twice"):
        run.evaluation("test")


def test_predictions_missing_broken_or_of_another_size(run):
    evaluation = run.evaluation("test")
    path = evaluation.prediction_path(IDS[0])
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], b"", b"GIF89a"):
        path.write_bytes(data)
        with pytest.raises(RunError, match=rf"frame_000\.png is no readable PNG \(.*\)\. {EVALUATE_AGAIN}"):
            evaluation.prediction(IDS[0])
    Image.fromarray(np.zeros((5, 7), np.uint8)).convert("P").save(path)
    with pytest.raises(
        RunError, match=r"frame_000\.png is 5x7, the ground truth of 'frame_000' 48x64; they must match"
    ):
        evaluation.prediction(IDS[0])
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(path)
    with pytest.raises(RunError, match=r"is a RGB picture; expected a palette PNG of class ids"):
        evaluation.prediction(IDS[0])
    path.unlink()
    with pytest.raises(RunError, match=rf"No stored prediction of 'frame_000' at .*\. {EVALUATE_AGAIN}"):
        evaluation.prediction(IDS[0])


def test_an_unknown_image(run):
    with pytest.raises(EvaluationError, match=r"No image in the test evaluation 'frame_009'\. Did you mean 'frame_00"):
        run.evaluation("test").prediction("frame_009")


def test_a_store_that_is_a_file(tmp_path):
    from segcore.runs import RunStore

    (tmp_path / "file").write_text("")
    store = RunStore(tmp_path / "file")
    assert store.list() == []
    with pytest.raises(RunError, match=r"Can't make the run folder|is a file; expected a folder for runs"):
        store.create("fake")


@pytest.mark.parametrize(("name", "read"), [("boundary", "boundary"), ("calibration", "calibration")])
def test_a_table_that_older_evaluations_lack_is_read_when_asked_for(store, fake_run, name, read):
    run = fake_run(store, "fake", extras=True)
    path = run.path / "evaluation" / "test" / f"{name}.parquet"
    whole = pd.read_parquet(path)
    path.write_bytes(path.read_bytes()[:60])
    evaluation = run.evaluation("test")  # still loads, since its scores are whole
    assert evaluation.scores.pixels
    with pytest.raises(RunError, match=rf"{name}\.parquet is no Parquet file.*{EVALUATE_AGAIN}"):
        getattr(evaluation, read)
    whole.drop(columns=whole.columns[-1]).to_parquet(path)
    with pytest.raises(RunError, match=rf"{name}\.parquet has no column {whole.columns[-1]}\. {EVALUATE_AGAIN}"):
        getattr(run.evaluation("test"), read)
    whole.assign(image="other").to_parquet(path)
    with pytest.raises(RunError, match=rf"counts 'other', which images\.parquet doesn't list\. {EVALUATE_AGAIN}"):
        getattr(run.evaluation("test"), read)
    column = "class" if name == "boundary" else "bin"
    whole.assign(**{column: 200}).to_parquet(path)
    with pytest.raises(RunError, match=rf"{column} goes to 200; .*{EVALUATE_AGAIN}"):
        getattr(run.evaluation("test"), read)
    whole.assign(**{column: 0.5}).to_parquet(path)
    with pytest.raises(RunError, match=rf"column {column} is double; expected whole numbers\. {EVALUATE_AGAIN}"):
        getattr(run.evaluation("test"), read)
    if name == "calibration":
        whole.assign(temperature=float("nan")).to_parquet(path)
        with pytest.raises(RunError, match=rf"temperature is nan; expected a number above 0\. {EVALUATE_AGAIN}"):
            getattr(run.evaluation("test"), read)


def test_a_broken_or_foreign_confidence(store, fake_run):
    run = fake_run(store, "fake", extras=True)
    evaluation = run.evaluation("test")
    path = evaluation.path / "confidence" / f"{IDS[0]}.png"
    assert evaluation.confidence(IDS[0]).max() == np.float32(0.9)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(RunError, match=rf"is no readable grey PNG .*{EVALUATE_AGAIN}"):
        evaluation.confidence(IDS[0])
    Image.new("RGB", (4, 4)).save(path)
    with pytest.raises(
        RunError, match=rf"no readable grey PNG \(a RGB picture; expected a grey one\)\. {EVALUATE_AGAIN}"
    ):
        evaluation.confidence(IDS[0])
    with pytest.raises(EvaluationError, match="No image in the test evaluation 'other'"):
        evaluation.confidence("other")
