"""Mirrored, windowed and joint predictions, with toy models in place of trained ones."""

import dataclasses

import numpy as np
import pytest
import torch
from fixtures.runs import SIZE
from torch import nn

from segcore.errors import EvaluationError
from segcore.evaluation import Ensemble, Predictor, decide
from segcore.labels import CAMVID11, LabelMap


class Toy(nn.Module):
    """Scores every pixel by its own colour, and by where it is when `lean` says so."""

    def __init__(self, seed=0, lean=0.0, classes=11):
        super().__init__()
        torch.manual_seed(seed)
        self.score, self.lean = nn.Conv2d(3, classes, 1), lean

    def forward(self, images):
        left = torch.linspace(1, -1, images.shape[-1])
        return 4 * self.score(images) + self.lean * left * torch.arange(self.score.out_channels)[None, :, None, None]


@pytest.fixture
def models(monkeypatch):
    """Run id -> its model; a `Toy` where nothing was set."""
    chosen = {}
    monkeypatch.setattr("segcore.models.load_model", lambda folder, **_: chosen.setdefault(folder.name, Toy()))
    return chosen


@pytest.fixture
def run(store, fake_run):
    return fake_run(store, "fake", evaluated=False)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_flip_averages_the_logits_of_both_views(models, run):
    models["fake"] = Toy(lean=1.0)
    image = picture(*SIZE)
    plain, mirrored = Predictor(run, device="cpu"), Predictor(run, device="cpu", tta="flip")
    expected = (plain.logits(image) + plain.logits(np.ascontiguousarray(image[:, ::-1]))[:, :, ::-1]) / 2
    np.testing.assert_allclose(mirrored.logits(image), expected, atol=1e-5)
    np.testing.assert_array_equal(mirrored(image).mask, decide(mirrored.logits(image), *SIZE).mask)
    np.testing.assert_array_equal(mirrored(image[:, ::-1]).mask[:, ::-1], mirrored(image).mask)
    assert (plain.variant, mirrored.variant) == ("", "+flip")


def test_an_image_that_fits_the_window_is_predicted_as_without(models, run):
    image = picture(70, 50)
    plain, windowed = Predictor(run, device="cpu")(image), Predictor(run, device="cpu", window=(70, 90))(image)
    for part in ("mask", "confidence", "entropy"):
        np.testing.assert_array_equal(getattr(windowed, part), getattr(plain, part))


@pytest.mark.parametrize("size", [(48, 200), (131, 64), (131, 203), (20, 150)])
def test_tiles_of_the_size_the_model_is_fed_join_without_a_seam(models, run, size):
    free = run.summary.input.model_copy(update={"height": None, "width": None})
    whole = dataclasses.replace(run, summary=run.summary.model_copy(update={"input": free}))
    image = picture(*size)
    windowed = Predictor(whole, device="cpu", window=SIZE)
    result, expected = windowed(image), Predictor(whole, device="cpu")(image)
    np.testing.assert_allclose(result.confidence, expected.confidence, atol=1e-4)
    assert (result.mask == expected.mask).mean() > 0.999
    assert windowed.logits(image).shape == (11, *size)
    assert windowed.variant == "+48x64"


def test_an_ensemble_averages_the_softmax_at_the_images_size(models, store, fake_run):
    runs = [fake_run(store, name, evaluated=False) for name in ("one", "two")]
    models |= {"one": Toy(1), "two": Toy(2)}
    image = picture(37, 51)
    members = [Predictor(run, device="cpu") for run in runs]
    scores = [torch.from_numpy(member.logits(image)) for member in members]
    shares = [
        nn.functional.interpolate(item[None], size=(37, 51), mode="bilinear", align_corners=False)[0].softmax(0)
        for item in scores
    ]
    for weights, mean in ((None, (shares[0] + shares[1]) / 2), ((3, 1), 0.75 * shares[0] + 0.25 * shares[1])):
        result = Ensemble(runs, weights=weights, device="cpu")(image)
        np.testing.assert_allclose(result.confidence, mean.amax(0), atol=1e-5)
        assert (torch.from_numpy(result.mask) == mean.argmax(0)).float().mean() > 0.999
        np.testing.assert_allclose(result.entropy, torch.special.entr(mean).sum(0) / np.log(11), atol=1e-5)
    alone, plain = Ensemble(runs[:1], device="cpu")(image), members[0](image)
    np.testing.assert_array_equal(alone.confidence, plain.confidence)
    windowed = Ensemble(runs, device="cpu", window=(32, 32), tta="flip")(image)
    assert windowed.mask.shape == (37, 51)


def test_runs_of_other_classes_do_not_join(models, store, fake_run):
    other = LabelMap("mine", (*CAMVID11.names[:-1], "Tram"), CAMVID11.colors)
    turned = LabelMap("mine", CAMVID11.names[::-1], CAMVID11.colors)
    runs = {
        name: fake_run(store, name, labels=labels, evaluated=False)
        for name, labels in (("a", CAMVID11), ("b", other), ("c", turned))
    }
    with pytest.raises(EvaluationError, match=r"'a' and 'b' .*: only a has Bicyclist; only b has Tram\. Combine"):
        Ensemble([runs["a"], runs["b"]], device="cpu")
    with pytest.raises(EvaluationError, match="'a' and 'c' don't predict the same classes: they are in another order"):
        Ensemble([runs["a"], runs["c"]], device="cpu")
    with pytest.raises(EvaluationError, match="An ensemble of no runs"):
        Ensemble([])
    for weights in ((1,), (1, 0), (1, float("nan"))):
        with pytest.raises(EvaluationError, match=r"Weights \[.*\] for 2 runs; expected one number above 0 for each"):
            Ensemble([runs["a"], runs["a"]], weights=weights, device="cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "tensorrt"}, r"No backend 'tensorrt'.* Choose one of torch, openvino, onnxruntime"),
        ({"precision": "int8"}, r"No precision of torch 'int8'\. Choose one of auto, fp32, bf16"),
        ({"backend": "onnxruntime", "precision": "bf16"}, r"No precision of onnxruntime 'bf16'.* auto, fp32"),
        ({"tta": "rotate"}, r"No test-time augmentation 'rotate'\. Choose one of flip"),
        ({"window": 3}, "A window of 3"),
        ({"backend": "openvino", "device": "cuda"}, "The openvino backend runs on the CPU, not on 'cuda'"),
    ],
)
def test_a_choice_that_is_not_there_lists_those_that_are(run, options, message):
    with pytest.raises(EvaluationError, match=message):
        Predictor(run, **options)


@pytest.mark.parametrize(("backend", "extra"), [("openvino", "openvino"), ("onnxruntime", "onnx")])
def test_a_package_that_is_not_installed_is_named_with_the_way_to_it(run, monkeypatch, backend, extra):
    from segcore.evaluation.backends import available, registry

    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    assert available() == ("torch",)
    with pytest.raises(EvaluationError, match=rf"needs the package {backend}.*pip install 'segcore\[{extra}\]'"):
        Predictor(run, backend=backend)


def test_too_little_memory_names_the_window_and_what_a_model_can_not_take_is_said(models, run):
    class Hungry(nn.Module):
        def forward(self, images):
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory")

    class Choosy(nn.Module):
        def forward(self, images):
            raise RuntimeError("sizes of tensors must match")

    models["fake"] = Hungry()
    with pytest.raises(EvaluationError, match=r"An image of 48x64 needs more memory than there is .*--window 512x512"):
        Predictor(run, device="cpu")(picture(*SIZE))
    models["fake"] = Choosy()
    with pytest.raises(EvaluationError, match=r"run 'fake' can't take an image of 48x64: sizes of tensors must match"):
        Predictor(run, device="cpu")(picture(*SIZE))


def test_autocast_is_near_float32_and_named(models, run):
    image = picture(*SIZE)
    half = Predictor(run, device="cpu", precision="bf16")
    result, exact = half.logits(image), Predictor(run, device="cpu").logits(image)
    assert result.dtype == np.float32
    assert 0 < np.abs(result - exact).max() < 0.2
    assert half.variant == "+bf16"
