"""Predicting, scoring and storing a split."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from fixtures.runs import fake_truth
from torch import nn

from segcore.data.dataset import Dataset
from segcore.errors import EvaluationError
from segcore.evaluation import Predictor, evaluate
from segcore.labels import CAMVID11, CAMVID32
from segcore.metrics import Sampled, boundary_counts, confusion_matrix, fit_temperature


@dataclass(frozen=True)
class Memory:
    """A record whose image shows its mask: red is the class, so that a model can read it off."""

    id: str
    index: int
    hw: tuple[int, int]
    split: str = "test"
    group: str = ""

    def image(self):
        return np.repeat(fake_truth(self.index, size=self.hw)[..., None], 3, axis=2)

    def mask(self):
        return fake_truth(self.index, size=self.hw)

    def size(self):
        return self.hw

    def checksum(self):
        return str(self.index)


class Reader(nn.Module):
    """Reads the class off the red channel (mean and std 0.5), so it is right wherever nothing was resized."""

    def forward(self, images):
        values = (images[:, :1] * 0.5 + 0.5) * 255
        return -((values - torch.arange(11)[None, :, None, None]) ** 2)


class Unsure(Reader):
    """Right as the reader is, and hardly sure of it."""

    def forward(self, images):
        return super().forward(images).clamp(min=-50) / 10


class Diverged(Reader):
    """Ends in NaN."""

    def forward(self, images):
        return super().forward(images) * torch.nan


@pytest.fixture
def data():
    sizes = [(48, 64), (48, 64), (50, 61)]
    records = tuple(Memory(f"seq/{index}", index, size) for index, size in enumerate(sizes))
    return Dataset("memory", "memory", CAMVID11, records)


@pytest.fixture
def run(store, fake_run, monkeypatch):
    monkeypatch.setattr("segcore.models.load_model", lambda folder, **_: Reader(), raising=False)
    return fake_run(store, "fake")


def test_a_split_is_predicted_counted_and_stored(run, data):
    seen = []
    evaluation = evaluate(
        run, data, data.ids, split="test", device="cpu", progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert evaluation.ids == data.ids
    stored = run.evaluation("test")
    predict = Predictor(run, device="cpu")
    for index, name in enumerate(data.ids):
        result = predict(data.image(name))
        np.testing.assert_array_equal(stored.prediction(name), result.mask)
        assert stored.prediction(name).shape == data.size(name)
        np.testing.assert_array_equal(
            stored.counts[index], confusion_matrix(result.mask, data.mask(name), classes=CAMVID11.classes)
        )
        assert stored.images["entropy"][index] == pytest.approx(result.entropy.mean())
    assert stored.image_scores("seq/0").pixel_accuracy == 1.0
    assert stored.image_scores("seq/2").pixel_accuracy < 1.0  # resized, so its borders blur
    assert stored.image_scores("seq/0").pixels == (data.mask("seq/0") != 255).sum()


def test_borders_and_confidence_are_stored_too(run, data):
    evaluation = evaluate(run, data, data.ids, split="test", device="cpu")
    result = Predictor(run, device="cpu")(data.image("seq/2"))
    expected = boundary_counts(result.mask, data.mask("seq/2"), classes=CAMVID11.classes)
    np.testing.assert_array_equal(evaluation.boundary_counts[2], expected)
    assert np.abs(evaluation.confidence("seq/2") - result.confidence).max() < 0.026
    assert evaluation.missing == ""


def test_a_temperature_is_fitted_on_validation_alone_and_applied_to_test(run, data, monkeypatch):
    monkeypatch.setattr("segcore.models.load_model", lambda folder, **_: Unsure(), raising=False)
    before = evaluate(run, data, data.ids, split="test", device="cpu").calibration
    assert (before.temperature, before.after) == (None, None)
    assert before.before.pixels.sum() == sum((data.mask(name) != 255).sum() for name in data.ids)

    fitted = evaluate(run, data, data.ids[:2], split="val", device="cpu").calibration
    logits, truths = Predictor(run, device="cpu").logits, [data.mask(name) for name in data.ids[:2]]
    sampled = [Sampled.of(logits(data.image(f"seq/{index}")), truth) for index, truth in enumerate(truths)]
    both = (np.concatenate([getattr(item, name) for item in sampled]) for name in ("logits", "truth"))
    expected = fit_temperature(*both)
    assert fitted.temperature == expected < 0.5
    assert fitted.after.nll < fitted.before.nll

    test = evaluate(run, data, data.ids, split="test", device="cpu").calibration
    assert test.temperature == fitted.temperature
    assert test.after.ece < test.before.ece / 2
    assert (test.after.pixels.sum(), test.after.nll < test.before.nll) == (test.before.pixels.sum(), True)
    np.testing.assert_array_equal(test.before.pixels, before.before.pixels)
    # An evaluation on other data takes it too, and fits none.
    assert evaluate(run, data, data.ids[2:], split="cam-val", device="cpu").calibration.temperature == expected


def test_a_validation_that_can_not_be_read_gives_no_temperature(run, data):
    evaluate(run, data, data.ids[:1], split="val", device="cpu")
    (run.path / "evaluation/val/calibration.parquet").write_bytes(b"cut off")
    assert evaluate(run, data, data.ids[:1], split="test", device="cpu").calibration.temperature is None


def test_scores_that_are_not_finite_name_the_image(run, data, monkeypatch):
    monkeypatch.setattr("segcore.models.load_model", lambda folder, **_: Diverged(), raising=False)
    message = (
        r"Image 'seq/0' of test: The model of run 'fake' gives scores that are not finite, so its training diverged"
    )
    with pytest.raises(EvaluationError, match=message):
        evaluate(run, data, data.ids, split="test", device="cpu")


def test_other_classes_are_refused_and_named(run, data):
    other = Dataset("cam", "cam.zip", CAMVID32, data.records)
    message = (
        r"Run 'fake' predicts the 11 classes of camvid11, cam has 31 of camvid32: only the run has Pole, Pavement; "
        r"only the data has Animal, .*Wall\. Open the data as it was for training: labels='camvid11', void='ignore'\."
    )
    with pytest.raises(EvaluationError, match=message):
        evaluate(run, other, data.ids, split="test", device="cpu")


def test_the_same_classes_in_another_order_are_refused(run, data):
    flipped = type(CAMVID11)("mine", CAMVID11.names[::-1], CAMVID11.colors[::-1])
    with pytest.raises(EvaluationError, match="of mine: they are in another order"):
        evaluate(run, Dataset("cam", "cam", flipped, data.records), data.ids, split="test", device="cpu")


def test_no_images_are_refused(run, data):
    with pytest.raises(EvaluationError, match=r"No images of val to evaluate in memory; it has 3 of test\."):
        evaluate(run, data, (), split="val", device="cpu")


def test_an_interrupted_evaluation_leaves_the_stored_one(run, data):
    before = run.evaluation("test").ids

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(run, data, data.ids, split="test", device="cpu", progress=stop)
    assert run.evaluation("test").ids == before
    assert [path.name for path in (run.path / "evaluation").iterdir()] == ["test"]
