"""INT8 by NNCF on a model of one convolution; the shipped DeepLabV3+ is measured in docs/results/backends.md."""

import importlib.util
import json

import numpy as np
import openvino
import pytest
import torch
from fixtures.one_convolution import OneConvolution
from fixtures.runs import SIZE, fake_run
from torch import nn

from segcore.errors import EvaluationError
from segcore.evaluation import Predictor
from segcore.evaluation.backends import quantization
from segcore.evaluation.backends.openvino_backend import convert_openvino
from segcore.evaluation.export_model import export_model

needs_nncf = pytest.mark.skipif(importlib.util.find_spec("nncf") is None, reason="nncf asks for an older numpy")


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


@pytest.fixture
def run(store, monkeypatch, tmp_path):
    """A run whose model is one convolution and whose training images are noise."""
    torch.manual_seed(0)
    model = OneConvolution().requires_grad_(False)
    monkeypatch.setattr("segcore.models.load_model", lambda folder, **_: model)
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))
    return fake_run(store, "small", evaluated=False)


@pytest.fixture
def images(monkeypatch):
    """Stands in for the run's training images; the sizes that were asked for are listed."""
    sizes = []

    def training_images(run, size):
        sizes.append(size)
        return [picture(seed) for seed in range(quantization.FEWEST_IMAGES)]

    monkeypatch.setattr(quantization, "training_images", training_images)
    return sizes


@needs_nncf
def test_int8_is_near_fp32_and_is_calibrated_once(run, images):
    exact, rounded = (Predictor(run, backend="openvino", precision=precision) for precision in ("fp32", "int8"))
    assert rounded.variant == "+openvino-int8"
    expected = exact(picture(99)).mask
    mask = rounded(picture(99)).mask
    assert (mask == expected).mean() > 0.9
    assert not np.array_equal(rounded.logits(picture(99)), exact.logits(picture(99)))
    again = Predictor(run, backend="openvino", precision="int8")
    assert np.array_equal(again(picture(99)).mask, mask)
    assert images == [SIZE]


@needs_nncf
def test_an_int8_export_is_openvino_with_the_input_of_any_export(run, images, tmp_path):
    path = export_model(run, "openvino", tmp_path / "out", precision="int8", size=SIZE)
    assert json.loads(path.with_name("small.xml.json").read_text())["weights_precision"] == "int8"
    image = picture(99)
    tensor = np.moveaxis(image.astype(np.float32) / 255, 2, 0)[None]
    logits = openvino.Core().compile_model(path, "CPU")({"image": tensor})["logits"][0]
    expected = Predictor(run, backend="openvino", precision="fp32").logits(image)
    assert logits.shape == expected.shape
    assert (logits.argmax(0) == expected.argmax(0)).mean() > 0.9
    assert "FakeQuantize" in {node.get_type_name() for node in openvino.Core().read_model(path).get_ops()}


@needs_nncf
@pytest.mark.parametrize(("activation", "symmetric"), [(nn.ReLU6(), True), (nn.SiLU(), False), (nn.GELU(), False)])
def test_only_activations_with_a_small_negative_part_are_rounded_asymmetrically(run, images, activation, symmetric):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), activation, nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 3)).eval()
    example = torch.zeros(1, 3, *SIZE)

    def fed(image):
        return np.moveaxis(image / np.float32(255) - 0.5, 2, 0)[None]

    rounded = quantization.quantize(convert_openvino(model, example), run, SIZE, fed)
    rounding = [node for node in rounded.get_ops() if node.get_type_name() == "FakeQuantize"]
    ranges = [[node.input_value(place).get_node().data for place in (1, 2)] for node in rounding]
    # A channel's weights have a range each, the values of an activation one together.
    signed = [(low.item(), high.item()) for low, high in ranges if low.size == 1 and low.item() < 0]
    assert signed
    assert all(low == pytest.approx(-high * 128 / 127) for low, high in signed) == symmetric


def test_data_that_is_gone_is_said_with_a_way_out(run):
    with pytest.raises(EvaluationError, match=r"training images of run 'small', which can't be read\. .*fp32\.$"):
        quantization.training_images(run, SIZE)


def test_too_few_images_are_said(run, monkeypatch):
    class Data:
        name, fingerprint = "toy", run.summary.dataset.fingerprint

        def image(self, name):
            return picture(int(name))

        def scored(self, split):
            return ("0", "1", "2")

    monkeypatch.setattr(quantization, "open_data", lambda run: Data())
    monkeypatch.setattr(quantization, "recreate_plan", lambda run, dataset: dataset)
    with pytest.raises(EvaluationError, match=r"run 'small' has 3 images; expected 10 or more\. .*fp32\.$"):
        quantization.training_images(run, SIZE)


def test_without_nncf_the_extra_is_named(run, monkeypatch):
    monkeypatch.setattr(quantization, "find_spec", lambda name: None)
    with pytest.raises(EvaluationError, match=r"pip install 'segcore\[int8\]'"):
        Predictor(run, backend="openvino", precision="int8")
