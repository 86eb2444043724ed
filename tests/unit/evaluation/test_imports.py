"""Predictions from Python: files, arrays, and anything that can be called."""

import numpy as np
import pytest
from fixtures.runs import fake_truth
from fixtures.tiny import camvid_folder
from PIL import Image

import segcore
from segcore.errors import DatasetError, EvaluationError, RunError
from segcore.evaluation.comparison import Comparison
from segcore.runs.curves import curves

COUNT = 5


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two training and five test frames, void as id 11."""
    return segcore.open_dataset(camvid_folder(tmp_path_factory.mktemp("imports") / "camvid", train=2, test=COUNT))


@pytest.fixture
def masks(dataset):
    """Predicted ids by image id: the truth, and Sky where nothing is labelled."""
    return {f"test{index}": np.where(fake_truth(index) == 255, 0, fake_truth(index)) for index in range(COUNT)}


@pytest.fixture
def out(tmp_path):
    """A folder for runs."""
    return tmp_path / "runs"


def probabilities(mask):
    return np.where(np.arange(11)[:, None, None] == mask, 0.5, 0.05).astype(np.float32)


def by_image(dataset, masks):
    """A model that knows the answers: image -> mask."""
    known = {dataset.image(sample_id).tobytes(): mask for sample_id, mask in masks.items()}
    return lambda image: known[image.tobytes()]


def test_files_and_arrays_give_the_same_run(dataset, masks, out, tmp_path):
    from_arrays = segcore.import_predictions(masks, dataset, name="arrays", out=out, progress=False)
    pairs = []
    for sample_id, mask in masks.items():
        Image.fromarray(mask).save(tmp_path / f"{sample_id}.png")
        pairs.append((sample_id, tmp_path / f"{sample_id}.png"))
    from_files = segcore.import_predictions(pairs, dataset, name="files", out=out, progress=False)
    assert from_files.summary.test == from_arrays.summary.test
    assert from_arrays.summary.test.miou == 1.0


def test_a_callable_is_scored_one_by_one_and_in_batches(dataset, masks, out):
    model, sizes, steps = by_image(dataset, masks), [], []

    def batched(images):
        sizes.append(len(images))
        return [probabilities(model(image)) for image in images]

    one = segcore.evaluate(
        model, dataset, name="one", out=out, progress=lambda done, total: steps.append((done, total))
    )
    many = segcore.evaluate(batched, dataset, name="many", out=out, batch_size=2, progress=False)
    assert sizes == [2, 2, 1] and steps == [(index + 1, COUNT) for index in range(COUNT)]
    assert one.summary.test == many.summary.test
    assert many.evaluation("test").confidence("test0") == pytest.approx(0.5, abs=1e-3)
    assert one.evaluation("test").calibration is None and "by_image" in one.summary.imported.source


def test_missing_unknown_and_repeated_images_are_named(dataset, masks, out):
    del masks["test1"], masks["test3"]
    masks["cat"] = masks["test0"]
    says = "2 images of test without a prediction: test1, test3; 1 prediction of no image of test: cat"
    with pytest.raises(DatasetError, match=says):
        segcore.import_predictions(masks, dataset, name="few", out=out)
    with pytest.raises(DatasetError, match="Two predictions of 'test0'"):
        segcore.import_predictions([("test0", masks["test0"])] * 2, dataset, name="few", out=out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda mask: mask[:, :20], "Prediction of 'test0': it is 48x20, the ground truth 48x64"),
        (lambda mask: np.full_like(mask, 30), "id 30 .* is no class"),
        (lambda mask: mask / 2, "floats that are no whole numbers"),
        (lambda mask: 9 * probabilities(mask), "these are logits or the like"),
        (
            lambda mask: probabilities(mask)[:5],
            r"of \[5, 48, 64\]; expected \[C, H, W\] or \[H, W, C\] with 11 classes",
        ),
        (lambda mask: "road", "expected ids"),
    ],
)
def test_what_is_no_prediction_leaves_nothing_behind(dataset, masks, out, answer, says):
    model = by_image(dataset, masks)
    with pytest.raises((EvaluationError, DatasetError), match=says):
        segcore.evaluate(lambda image: answer(model(image)), dataset, name="bad", out=out, progress=False)
    assert not list(out.iterdir())


def test_what_a_callable_raises_is_passed_on(dataset, out):
    with pytest.raises(ZeroDivisionError):
        segcore.evaluate(lambda image: 1 // 0, dataset, name="bad", out=out, progress=False)


def test_a_batch_needs_as_many_answers_and_a_sensible_size(dataset, masks, out):
    model = by_image(dataset, masks)
    with pytest.raises(EvaluationError, match="1 predictions for a list of 2 images"):
        segcore.evaluate(lambda images: [model(images[0])], dataset, name="bad", out=out, batch_size=2, progress=False)
    with pytest.raises(EvaluationError, match="batch_size is 0"):
        segcore.evaluate(model, dataset, name="bad", out=out, batch_size=0)


def test_only_some_with_probabilities(dataset, masks, out):
    pairs = {**masks, "test2": probabilities(masks["test2"])}
    with pytest.raises(EvaluationError, match="Only some predictions have probabilities"):
        segcore.import_predictions(pairs, dataset, name="some", out=out, progress=False)


def test_a_name_that_is_taken_or_empty_and_an_unknown_split(dataset, masks, out):
    segcore.import_predictions(masks, dataset, name="net", out=out, progress=False)
    with pytest.raises(RunError, match="There is a run called 'net' already"):
        segcore.import_predictions(masks, dataset, name="net", out=out)
    with pytest.raises(RunError, match="No run can be called"):
        segcore.import_predictions(masks, dataset, name="//", out=out)
    with pytest.raises(DatasetError, match="No split in camvid 'tset'"):
        segcore.import_predictions(masks, dataset, name="other", split="tset", out=out)


def test_imported_runs_are_compared_without_a_word_on_their_unknown_training(dataset, masks, out, fake_run):
    truths = [dataset.mask(sample_id) for sample_id in masks]
    trained = fake_run(out, "unet", ids=tuple(masks), truths=truths, dataset=dataset.name, labels=dataset.labels)
    imported = segcore.import_predictions(masks, dataset, name="net", out=out, progress=False)
    comparison = Comparison.of([trained, imported], "test", "miou")
    assert len(comparison.pools) == 1 and not comparison.differences
    assert "parameters" not in comparison.row("net").cost and comparison.row("net").interval is not None
    table, notes = curves([trained, imported], {"unet": "U-Net", "net": "net"})
    assert len(table) == 10 and notes == ["net: has no curves and no costs of training; it was imported."]
