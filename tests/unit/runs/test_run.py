"""A run written and read back, and a store of them."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fixtures.runs import IDS, fake_truth
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from segcore.data.leaks import Finding, LeakReport
from segcore.data.leaks import store as keep
from segcore.errors import EvaluationError, RunError
from segcore.labels import CAMVID11, CAMVID32
from segcore.metrics import (
    Reliability,
    boundary_counts,
    boundary_scores,
    calibration_counts,
    confusion_matrix,
    scores,
)
from segcore.runs import HISTORY_COLUMNS, RunStore, RunWriter, ScoreInfo, load_run, void_ids
from segcore.runs.confidence_images import read_confidence, write_confidence
from segcore.runs.run_files import file_name, sample_id


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


def test_what_speaks_against_a_score_stands_beside_it(store, fake_run):
    run = fake_run(store, "unet-01")
    assert run.summary.dataset.leaks is None and run.leak("test") is None  # from before it was looked for
    told = run.summary.dataset.model_copy(update={"leaks": {"test": "It measures memory."}})
    RunWriter(run.path).write_summary(run.summary.model_copy(update={"dataset": told}))
    again = load_run(run.path)
    assert again.leak("test") == "It measures memory." and again.leak("val") is None
    assert again.leak("test+flip") == again.leak("test+openvino-bf16") == again.leak("test")  # the same images


def test_every_file_appears_under_its_documented_name_and_no_temporary_stays(store, fake_run):
    run = fake_run(store, "fake")
    names = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    assert names == {
        "config.yaml",
        "config.json",
        "model.safetensors",
        "metrics.csv",
        "summary.json",
        "evaluation/test/confusion.parquet",
        "evaluation/test/images.parquet",
        *(f"evaluation/test/predictions/{name}.png" for name in IDS),
    }


def test_borders_calibration_and_confidence_are_stored_where_they_are_known(store, fake_run):
    plain, whole = fake_run(store, "plain"), fake_run(store, "whole", extras=True)
    old, evaluation = plain.evaluation("test"), whole.evaluation("test")
    assert {path.name for path in evaluation.path.iterdir()} == {
        "boundary.parquet",
        "calibration.parquet",
        "confidence",
        "confusion.parquet",
        "images.parquet",
        "predictions",
    }
    assert evaluation.missing == ""
    assert (old.boundary, old.boundary_counts, old.calibration) == (None, None, None)
    assert old.missing == (
        "This evaluation was stored without boundary scores, calibration, confidence. "
        f"Evaluate it again: segcore evaluate {plain.path} --split test"
    )
    with pytest.raises(RunError, match=rf"No stored confidence of '{IDS[0]}' at .*Evaluate it again: segcore evaluate"):
        old.confidence(IDS[0])
    assert (old.scores.miou, old.image_miou) == (evaluation.scores.miou, evaluation.image_miou)


def test_borders_and_calibration_read_back_as_counted(store, fake_run):
    evaluation = fake_run(store, "fake", extras=True).evaluation("test")
    calibration = evaluation.calibration
    counted = []
    for index, name in enumerate(IDS):
        truth, mask = fake_truth(index), evaluation.prediction(name)
        expected = boundary_counts(mask, truth, classes=CAMVID11.classes)
        np.testing.assert_array_equal(evaluation.boundary_counts[index], expected)
        counted.append(calibration_counts(np.where(mask == truth, np.float32(0.9), np.float32(0.4)), mask, truth))
    assert evaluation.boundary.boundary_f1 == boundary_scores(evaluation.boundary_counts).boundary_f1
    expected = Reliability.of(np.stack(counted))
    np.testing.assert_array_equal(calibration.before.pixels, expected.pixels)
    np.testing.assert_array_equal(calibration.before.accuracy, expected.accuracy)
    assert calibration.before.ece == pytest.approx(expected.ece, rel=1e-6)
    assert calibration.temperature == 2.0
    assert calibration.after.pixels.sum() == expected.pixels.sum()
    assert calibration.after.confidence[12] == pytest.approx(0.81)


def test_images_are_found_however_the_table_holds_their_names(store, fake_run):
    run = fake_run(store, "fake", extras=True)
    expected = run.evaluation("test")
    for name in ("confusion", "boundary", "calibration"):
        path = expected.path / f"{name}.parquet"
        table = pd.read_parquet(path)
        table.assign(image=table["image"].astype(str)).to_parquet(path)
    found = run.evaluation("test")
    for one, other in zip(found.cells, expected.cells, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found.boundary_counts, expected.boundary_counts)
    assert found.calibration.before.ece == expected.calibration.before.ece


def test_a_table_that_counts_another_image_or_nothing_is_refused(store, fake_run):
    run = fake_run(store, "fake")
    path = run.evaluation("test").path / "confusion.parquet"
    table = pd.read_parquet(path)
    image = table["image"].astype(object)
    for value, what in (("ghost", "'ghost'"), (None, "nothing")):
        image[3] = value
        table.assign(image=image).to_parquet(path)
        with pytest.raises(RunError, match=rf"counts {what}, which images.parquet doesn't list. Evaluate it again"):
            run.evaluation("test")
    table.assign(pixels=table["pixels"].astype("Int64").where(table.index > 2)).to_parquet(path)
    with pytest.raises(RunError, match=r"column pixels has empty cells. Evaluate it again"):
        run.evaluation("test")


def test_confidence_is_kept_in_steps_of_five_percent_and_large_ones_smaller(tmp_path):
    rng = np.random.default_rng(0)
    small = rng.random((30, 41), np.float32)
    write_confidence(tmp_path / "small.png", small)
    found = read_confidence(tmp_path / "small.png", 30, 41)
    assert (found.dtype, found.shape) == (np.float32, (30, 41))
    np.testing.assert_allclose(found, np.rint(small * 20) / 20, atol=1e-6)
    wide = np.tile(np.linspace(0, 1, 1300, dtype=np.float32), (700, 1))
    write_confidence(tmp_path / "wide.png", wide)
    with Image.open(tmp_path / "wide.png") as image:
        assert (image.mode, image.size) == ("L", (433, 233))
    found = read_confidence(tmp_path / "wide.png", 700, 1300)
    assert found.shape == (700, 1300)
    assert np.abs(found - wide).max() < 0.06


def test_the_stored_evaluation_counts_what_the_stored_predictions_show(store, fake_run):
    evaluation = fake_run(store, "fake").evaluation("test")
    assert (evaluation.split, evaluation.ids) == ("test", IDS)
    assert evaluation.counts.dtype == np.int64
    for index, name in enumerate(evaluation.ids):
        mask = evaluation.prediction(name)
        assert mask.dtype == np.uint8
        counts = confusion_matrix(mask, fake_truth(index), classes=CAMVID11.classes)
        np.testing.assert_array_equal(evaluation.counts[index], counts)
        alone = scores(counts)
        assert evaluation.image_scores(name).miou == alone.miou
        row = evaluation.images.set_index("id").loc[name]
        assert (row["miou"], row["pixel_accuracy"]) == (alone.miou, alone.pixel_accuracy)
        np.testing.assert_array_equal([row[f"iou_{label}"] for label in CAMVID11.names], alone.iou)
    np.testing.assert_array_equal(evaluation.total, evaluation.counts.sum(axis=0))
    assert evaluation.scores.miou == scores(evaluation.counts).miou


def test_the_confusion_table_can_be_queried(store, fake_run):
    evaluation = fake_run(store, "fake").evaluation("test")
    table = evaluation.confusion
    assert list(table.columns) == ["image", "truth", "prediction", "pixels"]
    assert table["pixels"].dtype == np.int64
    assert (table["pixels"] > 0).all()
    first = table[table["image"] == IDS[0]]
    assert first["pixels"].sum() == (fake_truth(0) != 255).sum()


def test_predictions_are_palette_pngs_in_the_labels_colours(store, fake_run):
    evaluation = fake_run(store, "fake").evaluation("test")
    with Image.open(evaluation.prediction_path(IDS[0])) as image:
        assert image.mode == "P"
        rgb = np.array(image.convert("RGB"))
    np.testing.assert_array_equal(rgb, CAMVID11.to_rgb(evaluation.prediction(IDS[0])))


def test_ids_with_folders_in_them_are_stored_and_found(store, fake_run):
    ids = ("seq/a", "seq%2Fa", "..", ".hidden", "ü b")
    evaluation = fake_run(store, "fake", ids=ids).evaluation("test")
    assert evaluation.ids == ids
    stored = sorted(path.name for path in (evaluation.path / "predictions").iterdir())
    assert sorted(sample_id(name) for name in stored) == sorted(ids)
    assert all(evaluation.prediction(name).shape == (48, 64) for name in ids)


@given(st.text(min_size=1), st.text(min_size=1))
def test_file_names_are_safe_and_reversible(one, other):
    assert sample_id(file_name(one)) == one
    assert "/" not in file_name(one)
    assert not file_name(one).startswith(".")
    assert (file_name(one) == file_name(other)) == (one == other)


def test_images_absent_from_the_truth_store_nan(store, fake_run):
    run = fake_run(store, "fake", labels=CAMVID32)
    evaluation = run.evaluation("test")
    absent = [name for index, name in enumerate(CAMVID32.names) if index in evaluation.scores.absent]
    assert absent
    assert evaluation.images[[f"iou_{name}" for name in absent]].isna().all(axis=None)
    assert run.summary.test.absent == evaluation.scores.absent
    assert [run.summary.test.iou[index] for index in run.summary.test.absent] == [None] * len(absent)


def test_void_counted_as_a_class_is_also_left_out():
    labels = CAMVID32.with_ignored(())
    void = labels.index("Void")
    assert (void_ids(labels), void_ids(CAMVID32)) == ((void,), ())
    counts = np.zeros((32, 32), np.int64)
    counts[0, 0], counts[0, void], counts[void, void] = 6, 2, 92
    found = ScoreInfo.from_counts(counts, labels)
    assert (found.pixel_accuracy, found.pixel_accuracy_without_void) == (0.98, 0.75)
    assert (found.miou, found.miou_without_void) == (pytest.approx((6 / 8 + 92 / 94) / 2), 0.75)
    assert ScoreInfo.from_counts(counts[:31, :31], CAMVID32).pixel_accuracy_without_void is None


def test_nothing_to_score_is_an_error():
    with pytest.raises(EvaluationError, match="No pixel to score: every ground-truth pixel is ignored in camvid11"):
        ScoreInfo.from_counts(np.zeros((11, 11), np.int64), CAMVID11)


def test_metrics_take_more_columns_and_missing_values(store):
    writer = store.create("fake")
    writer.append_metrics({"epoch": 0, "train_loss": 1.5, "val_loss": None})
    writer.append_metrics({"epoch": 1, "train_loss": float("nan"), "memory_mb": 12.5})
    text = (writer.path / "metrics.csv").read_text().splitlines()
    assert text == [",".join(HISTORY_COLUMNS) + ",memory_mb", "0,,1.5,,,,,,,,", "1,,,,,,,,,,12.5"]


def test_a_run_with_no_epoch_yet_has_an_empty_history(store, fake_run):
    run = fake_run(store, "fake", epochs=0, status="training", evaluated=False)
    assert tuple(run.history.columns) == HISTORY_COLUMNS
    assert len(run.history) == 0
    assert (run.summary.test, run.splits) == (None, ())


def test_the_version_changes_with_every_file(store, fake_run):
    run = fake_run(store, "fake", evaluated=False)
    seen = [run.version]
    writer = RunWriter(run.path)
    writer.append_metrics({"epoch": 9})
    seen.append(load_run(run.path).version)
    mask = np.zeros((2, 2), np.uint8)
    counts = confusion_matrix(mask, mask, classes=11)[None]
    for _ in range(2):
        writer.write_evaluation("val", ["a"], counts, [("a", mask)], CAMVID11)
        seen.append(load_run(run.path).version)
    assert len(set(seen)) == len(seen)


def test_an_evaluation_replaces_the_one_before_as_a_whole(store, fake_run):
    run = fake_run(store, "fake")
    mask = np.zeros((2, 3), np.uint8)
    counts = confusion_matrix(mask, mask, classes=11)[None]
    RunWriter(run.path).write_evaluation("test", ["new"], counts, [("new", mask)], CAMVID11)
    evaluation = run.evaluation("test")
    assert evaluation.ids == ("new",)
    assert [path.name for path in (evaluation.path / "predictions").iterdir()] == ["new.png"]
    assert [path.name for path in evaluation.path.parent.iterdir()] == ["test"]


def test_a_failed_evaluation_leaves_the_one_before(store, fake_run):
    run = fake_run(store, "fake")

    def breaks():
        yield IDS[0], np.zeros((2, 2), np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RunWriter(run.path).write_evaluation("test", IDS, np.zeros((4, 11, 11), np.int64), breaks(), CAMVID11)
    assert run.evaluation("test").prediction(IDS[0]).shape == (48, 64)
    assert [path.name for path in (run.path / "evaluation").iterdir()] == ["test"]


@pytest.mark.parametrize(
    ("ids", "counts", "predictions", "message"),
    [
        (["a", "a"], (2, 11, 11), [], "The test split lists an image twice"),
        (["a"], (1, 12, 12), [], r"Counts of test are \[1, 12, 12\]; expected \[1, 11, 11\]"),
        (["a"], (1, 11, 11), [], r"don't match its images: missing \['a'\], not asked for \[\]"),
        (["a"], (1, 11, 11), [("a", np.zeros((2, 2)))], r"is float64 \[2, 2\]; expected uint8 \[H, W\]"),
        (["a"], (1, 11, 11), [("a", np.full((2, 2), 11, np.uint8))], "has id 11; camvid11 has ids 0 to 10"),
    ],
)
def test_an_evaluation_that_does_not_fit_is_refused(store, ids, counts, predictions, message):
    writer = store.create("fake")
    with pytest.raises(EvaluationError, match=message):
        writer.write_evaluation("test", ids, np.zeros(counts, np.int64), predictions, CAMVID11)
    assert not list(writer.path.rglob("*.png")), "a half-written evaluation stayed"


def test_boundary_counts_of_another_shape_are_refused(store):
    counts, boundary = np.zeros((1, 11, 11), np.int64), np.zeros((1, 11, 3), np.int64)
    with pytest.raises(EvaluationError, match=r"Boundary counts of test are \[1, 11, 3\]; expected \[1, 11, 10\]"):
        store.create("fake").write_evaluation("test", ["a"], counts, [], CAMVID11, boundary=boundary)


def test_a_missing_store_is_empty(tmp_path):
    store = RunStore(tmp_path / "nowhere")
    assert (store.list(), store.problems) == ([], ())
    with pytest.raises(RunError, match=r"No run 'unet': there are no runs in .*nowhere. Train some: python train.py"):
        store.get("unet")


def test_runs_are_listed_by_dataset_and_time(store, fake_run):
    fake_run(store, "z", dataset="camvid", seed=3)
    fake_run(store, "b", dataset="drive", seed=2)
    fake_run(store, "c", dataset="drive", seed=1)
    assert [run.id for run in store.list()] == ["z", "c", "b"]
    assert store.get("b").summary.parameters == 4_200_000


def test_an_unknown_run_lists_the_choices(store, fake_run):
    fake_run(store, "drive-unet", evaluated=False)
    with pytest.raises(
        RunError, match=r"No run in .* 'drive-unt'. Did you mean 'drive-unet'\? Choose one of drive-unet"
    ):
        store.get("drive-unt")


def test_names_are_made_unique_and_safe(store):
    assert [store.create("a b/ü:c").id for _ in range(3)] == ["a-b-c", "a-b-c-2", "a-b-c-3"]
    with pytest.raises(RunError, match=r"No run can be called '///'"):
        store.create("///")


def test_listing_opens_only_the_summaries(store, fake_run):
    for seed in range(3):
        run = fake_run(store, "fake", seed=seed)
        for path in [*run.path.glob("*"), *run.path.glob("evaluation/*/*.parquet")]:
            if path.is_file() and path.name != "summary.json":
                path.write_bytes(b"not read")
    assert len(store.list()) == 3
    assert store.problems == ()


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


def test_what_was_checked_since_is_told_and_of_data_elsewhere_what_training_found(
    store, fake_run, tmp_path, monkeypatch
):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data"
    data.mkdir()
    run = fake_run(store, "one", source=str(data))
    info = run.summary.dataset
    told = info.model_copy(update={"leaks": {"test": "It measures memory."}})
    RunWriter(run.path).write_summary(run.summary.model_copy(update={"dataset": told}))
    run = load_run(run.path)
    found = Finding("exact", "leak", "val", "train", 1, 2, "Half of it was trained on.")
    report = LeakReport("x", str(data), info.fingerprint, "own", info.split_fingerprint, {}, (found,))

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


def test_the_summary_of_an_older_run_has_no_members(store, fake_run):
    run = fake_run(store, "old")
    assert run.members == () and run.title == "U-Net" and run.labels == CAMVID11


def test_a_prediction_is_read_without_the_tables_beside_it(store, fake_run):
    run = fake_run(store, "fake")
    whole = run.evaluation("test").prediction(IDS[0])
    (run.path / "evaluation" / "test" / "images.parquet").unlink()
    np.testing.assert_array_equal(run.prediction("test", IDS[0]), whole)
