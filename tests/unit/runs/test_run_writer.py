"""Writing a run: its files, and evaluations that replace each other or are refused."""

import numpy as np
import pytest
from fixtures.runs import IDS
from PIL import Image

from segcore.errors import EvaluationError, RunError
from segcore.labels import CAMVID11
from segcore.metrics import confusion_matrix
from segcore.runs import HISTORY_COLUMNS, RunWriter


def test_every_file_appears_under_its_documented_name_and_no_temporary_stays(store, fake_run):
    run = fake_run(store, "fake")
    names = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    assert names == {
        ".lock",
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


def test_predictions_are_palette_pngs_in_the_labels_colours(store, fake_run):
    evaluation = fake_run(store, "fake").evaluation("test")
    with Image.open(evaluation.prediction_path(IDS[0])) as image:
        assert image.mode == "P"
        rgb = np.array(image.convert("RGB"))
    np.testing.assert_array_equal(rgb, CAMVID11.to_rgb(evaluation.prediction(IDS[0])))


def test_metrics_take_more_columns_and_missing_values(store):
    writer = store.create("fake")
    first = {"epoch": 0, "train_loss": 1.5, "val_loss": None}
    writer.write_metrics([first])
    (writer.path / "metrics.csv").write_bytes(b'epoch\n"\0\xff')  # damaged while the run trains
    writer.write_metrics([first, {"epoch": 1, "train_loss": float("nan"), "memory_mb": 12.5}])
    text = (writer.path / "metrics.csv").read_text().splitlines()
    assert text == [",".join(HISTORY_COLUMNS) + ",memory_mb", "0,,1.5,,,,,,,,", "1,,,,,,,,,,12.5"]


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
