"""A run's model on images of any size."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from segcore.data import resize
from segcore.errors import EvaluationError, RunError
from segcore.evaluation import Predictor, decide
from segcore.labels import CAMVID11

SIZE = (48, 64)  # what fake runs are fed


class Toy(nn.Module):
    """Scores every pixel by itself, at a quarter of the size; remembers what it was fed."""

    def __init__(self, classes=11):
        super().__init__()
        torch.manual_seed(0)
        self.score = nn.Conv2d(3, classes, 4, stride=4)
        self.fed = None

    def forward(self, images):
        self.fed = images.clone()
        return self.score(images)


@pytest.fixture
def toy(monkeypatch):
    model = Toy()
    monkeypatch.setattr("segcore.models.load_model", lambda folder, **_: model, raising=False)
    return model


@pytest.fixture
def run(store, fake_run):
    return fake_run(store, "fake", evaluated=False)


def picture(height, width, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


@pytest.mark.parametrize("size", [SIZE, (96, 128), (37, 251), (5, 3), (1, 1)])
def test_the_answer_is_the_softmax_of_upsampled_logits_at_the_images_size(toy, run, size):
    image = picture(*size)
    before = image.copy()
    result = Predictor(run, device="cpu")(image)
    with torch.inference_mode():
        probabilities = interpolate(toy(toy.fed), size=size, mode="bilinear", align_corners=False)[0].softmax(dim=0)
    assert (result.mask.shape, result.mask.dtype) == (size, np.uint8)
    assert (result.confidence.shape, result.confidence.dtype) == (size, np.float32)
    np.testing.assert_allclose(result.confidence, probabilities.amax(dim=0).numpy(), atol=1e-5)
    chosen = torch.from_numpy(result.mask.astype(np.int64))[None]
    np.testing.assert_allclose(probabilities.gather(0, chosen)[0].numpy(), result.confidence, atol=1e-5)
    entropy = -(probabilities * probabilities.log()).sum(dim=0) / np.log(11)
    np.testing.assert_allclose(result.entropy, entropy.numpy(), atol=1e-5)
    np.testing.assert_array_equal(image, before)


def test_the_model_is_fed_as_in_training(toy, run):
    image = picture(96, 128)
    Predictor(run, device="cpu")(image)
    assert toy.fed.shape == (1, 3, *SIZE)
    assert toy.fed.is_contiguous(memory_format=torch.channels_last)
    shrunk = cv2.resize(image, (64, 48), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(toy.fed[0].permute(1, 2, 0).numpy(), (shrunk / 255 - 0.5) / 0.5, atol=1e-6)


def test_a_run_without_an_input_size_sees_the_image_as_it_is(toy, run):
    free = run.summary.input.model_copy(update={"height": None, "width": None})
    record = type(run)(run.path, run.summary.model_copy(update={"input": free}), run.version)
    Predictor(record, device="cpu")(picture(40, 72))
    assert toy.fed.shape == (1, 3, 40, 72)


def test_slabs_of_rows_join_without_a_seam(toy, run, monkeypatch):
    image = picture(101, 67)
    predict = Predictor(run, device="cpu")
    whole = predict(image)
    monkeypatch.setattr(sys.modules["segcore.evaluation.postprocess"], "LOGITS_AT_ONCE", 11 * 67 * 7)
    slabs = predict(image)
    np.testing.assert_array_equal(slabs.mask, whole.mask)
    np.testing.assert_allclose(slabs.confidence, whole.confidence, atol=1e-6)
    np.testing.assert_allclose(slabs.entropy, whole.entropy, atol=1e-6)


def test_a_prediction_is_decided_from_its_logits(toy, run):
    image = picture(101, 67)
    predict = Predictor(run, device="cpu")
    logits = predict.logits(image)
    assert (logits.shape, logits.dtype) == ((11, 12, 16), np.float32)
    before = logits.copy()
    result, again = predict(image), decide(logits, 101, 67)
    for part in ("mask", "confidence", "entropy"):
        np.testing.assert_array_equal(getattr(again, part), getattr(result, part))
    logits.flags.writeable = False
    softer = decide(logits, 101, 67, temperature=2.0)
    np.testing.assert_array_equal(softer.mask, result.mask)
    np.testing.assert_allclose(softer.confidence, decide(before / 2, 101, 67).confidence, atol=1e-6)
    assert softer.entropy.mean() > result.entropy.mean()
    np.testing.assert_array_equal(logits, before)


@pytest.mark.parametrize(
    ("logits", "temperature", "message"),
    [
        (np.zeros((2, 3), np.float32), 1.0, r"logits of float32 \[2, 3\]; expected float32 \[C, h, w\]"),
        (torch.zeros(2, 3, 3, dtype=torch.bfloat16), 1.0, r"logits of bfloat16 \[2, 3, 3\]"),
        (np.zeros((2, 3, 3), np.float32), 0.0, "A temperature of 0; expected a number above 0"),
        (np.zeros((2, 3, 3), np.float32), float("nan"), "A temperature of nan"),
    ],
)
def test_what_can_not_be_decided_is_said(logits, temperature, message):
    with pytest.raises(EvaluationError, match=message):
        decide(logits, 6, 6, temperature)


def test_threads_share_a_predictor(toy, run):
    predict = Predictor(run, device="cpu")
    images = [picture(60, 80, seed) for seed in range(8)]
    alone = [predict(image).mask for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: predict(image).mask, images))
    np.testing.assert_array_equal(together, alone)


def test_resizing_averages_what_shrinks_and_copies_nothing_it_need_not():
    stripes = np.zeros((8, 8, 3), np.uint8)
    stripes[:, ::2] = 200
    assert (resize(stripes, 4, 4) == 100).all(), "stripes of one pixel alias unless averaged"
    assert resize(stripes, 8, 8) is stripes
    assert resize(stripes, 16, 4).shape == (16, 4, 3)


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (np.zeros((4, 4), np.uint8), r"uint8 \[4, 4\]"),
        (np.zeros((4, 4, 4), np.uint8), r"uint8 \[4, 4, 4\]"),
        (np.zeros((4, 4, 3), np.float32), r"float32 \[4, 4, 3\]"),
        (np.zeros((0, 4, 3), np.uint8), r"uint8 \[0, 4, 3\]"),
    ],
)
def test_what_is_no_image_is_refused(toy, run, image, got):
    with pytest.raises(EvaluationError, match=rf"Can't predict an image of {got}; expected uint8 \[H, W, 3\] RGB"):
        Predictor(run, device="cpu")(image)


def test_scores_that_are_not_finite_are_refused(toy, run):
    nn.init.constant_(toy.score.bias, float("nan"))
    with pytest.raises(EvaluationError, match=r"run 'fake' gives scores that are not finite, so its training diverged"):
        Predictor(run, device="cpu")(picture(8, 8))


def test_a_model_of_other_classes_is_refused(monkeypatch, run):
    monkeypatch.setattr("segcore.models.load_model", lambda folder, **_: Toy(classes=5), raising=False)
    with pytest.raises(
        EvaluationError, match=r"run 'fake' has 5 classes, its labels 11; config\.json and summary\.json"
    ):
        Predictor(run, device="cpu")(picture(8, 8))


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(toy, run, device):
    with pytest.raises(EvaluationError, match=rf"No device '{device}' here \(.*\)\. Choose auto, cpu or cuda\."):
        Predictor(run, device=device)


def test_a_saved_model_predicts_as_the_one_in_memory(run):
    from segcore.models import create_model, save_model

    torch.manual_seed(0)
    model = create_model("fcn32s", encoder="resnet18", encoder_weights="none", classes=CAMVID11.classes).eval()
    save_model(model, run.path, half=False)
    image = picture(*SIZE)
    result = Predictor(run.path, device="cpu")(image)
    with torch.inference_mode():
        tensor = torch.from_numpy(((image / 255 - 0.5) / 0.5).astype(np.float32)).permute(2, 0, 1)[None]
        probabilities = model(tensor)[0].softmax(dim=0)
    np.testing.assert_allclose(result.confidence, probabilities.amax(dim=0).numpy(), atol=1e-4)


def test_truncated_weights_are_an_error_with_a_way_out(run):
    with pytest.raises(RunError, match=r"python train\.py --config .*fake/config\.yaml"):
        Predictor(run, device="cpu")


def test_importing_the_room_needs_no_torch():
    code = "import sys, segcore.evaluation; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "False"
