"""Reading a stored evaluation: counts, tables, masks, and what is wrong with broken ones."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fixtures.runs import IDS, fake_truth
from PIL import Image
from pyarrow import parquet

from segcore.errors import EvaluationError, RunError
from segcore.labels import CAMVID11, CAMVID32
from segcore.metrics import Reliability, boundary_counts, boundary_scores, calibration_counts, confusion_matrix, scores

EVALUATE_AGAIN = r"Evaluate it again: segcore evaluate .*fake --split test"


@pytest.fixture
def run(store, fake_run):
    return fake_run(store, "fake")


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


def test_images_absent_from_the_truth_store_nan(store, fake_run):
    run = fake_run(store, "fake", labels=CAMVID32)
    evaluation = run.evaluation("test")
    absent = [name for index, name in enumerate(CAMVID32.names) if index in evaluation.scores.absent]
    assert absent
    assert evaluation.images[[f"iou_{name}" for name in absent]].isna().all(axis=None)
    assert run.summary.test.absent == evaluation.scores.absent
    assert [run.summary.test.iou[index] for index in run.summary.test.absent] == [None] * len(absent)


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
    result = run.evaluation("test")
    for one, other in zip(result.cells, expected.cells, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(result.boundary_counts, expected.boundary_counts)
    assert result.calibration.before.ece == expected.calibration.before.ece


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


def test_names_of_images_that_are_no_text_are_refused(store, fake_run):
    run = fake_run(store, "fake")
    path = run.path / "evaluation" / "test" / "images.parquet"
    table = parquet.read_table(path)
    ids = pa.array([b"\x80" + name.encode() for name in table["id"].to_pylist()])
    parquet.write_table(table.set_column(0, "id", ids.cast(pa.string(), safe=False)), path)
    with pytest.raises(RunError, match=rf"images\.parquet is no Parquet file, perhaps cut off .*{EVALUATE_AGAIN}"):
        run.evaluation("test")


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


def test_scores_of_some_images_are_those_of_an_evaluation_of_them_alone(tmp_path, fake_run):
    run = fake_run(tmp_path / "runs", "all", extras=True)
    whole = run.evaluation("test")
    ids = whole.ids[::2]
    part = whole.only([*reversed(ids), "not there"])
    places = [whole.places[sample_id] for sample_id in ids]
    assert part.ids == ids and (part.counts == whole.counts[places]).all()
    assert (part.total == whole.counts[places].sum(axis=0)).all()
    assert (part.boundary_counts == whole.boundary_counts[places]).all()
    assert (part.calibration_counts.before == whole.calibration_counts.before[places]).all()
    assert part.images["id"].tolist() == list(ids) and part.size(ids[0]) == whole.size(ids[0])
    assert (part.prediction(ids[1]) == whole.prediction(ids[1])).all()
    with pytest.raises(EvaluationError, match="None of these 1 images is among"):
        whole.only(["not there"])
