"""`infer.py` in a Python that knows nothing of this project, against what Segcore predicts."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from fixtures.one_convolution import OneConvolution
from fixtures.runs import SIZE, fake_run

from segcore.data import open_dataset
from segcore.evaluation import Predictor, decide, standalone_inference
from segcore.evaluation.export_model import export_model
from segcore.evaluation.import_model import import_model
from segcore.evaluation.model_card import model_card


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Test images of the drive as PNG files."""
    folder, drive = tmp_path_factory.mktemp("pictures"), open_dataset("drive")
    paths = []
    for name in drive.split("test").ids[:2]:
        paths.append(folder / f"{name}.png")
        cv2.imwrite(str(paths[-1]), cv2.cvtColor(drive.image(name), cv2.COLOR_RGB2BGR))
    return paths


@pytest.fixture
def run(store, monkeypatch, tmp_path):
    torch.manual_seed(0)
    model = OneConvolution().requires_grad_(False)
    monkeypatch.setattr("segcore.models.load_model", lambda folder: model)
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))
    return fake_run(store, "small", evaluated=False)


@pytest.mark.parametrize(("format", "backend"), [("onnx", "onnxruntime"), ("openvino", "openvino")])
def test_infer_gives_the_predictions_of_its_backend_pixel_for_pixel(run, format, backend, pictures, tmp_path):
    model = export_model(run, format, tmp_path / "export")
    command = [sys.executable, "-I", "infer.py", f"{model.name}.json", *map(str, pictures), "--out", str(tmp_path)]
    subprocess.run(command, cwd=model.parent, check=True, env={"PATH": ""})
    predictor = Predictor(run, backend=backend)
    drive = open_dataset("drive", labels="camvid11")
    again = Predictor(import_model(model, drive, name="again", out=tmp_path / "runs"))
    assert (again.backend, again.variant) == (backend, "")
    for path in pictures:
        mask = cv2.imread(str(tmp_path / path.name), cv2.IMREAD_UNCHANGED)
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        assert (again(image).mask == predictor(image).mask).mean() > 0.9999  # only ties may differ
        np.testing.assert_allclose(again(image).confidence, predictor(image).confidence, atol=1e-5)
        rows, columns = np.nonzero(mask != predictor(image).mask)
        logits = torch.from_numpy(predictor.logits(image))[None]
        enlarged = torch.nn.functional.interpolate(logits, size=mask.shape, mode="bilinear")[0]
        best, second = enlarged[:, rows, columns].topk(2, dim=0).values
        assert torch.all(best - second < 1e-6 * best.abs().clamp(min=1))  # equal to float32's last digit
        assert len(rows) < 5
    source = (model.parent / "infer.py").read_text()
    assert "import segcore" not in source and "from segcore" not in source


def test_the_card_says_what_it_is_and_what_it_scored(store):
    run = fake_run(store, "small", model="pspnet")
    classes = [{"id": 0, "name": "Sky", "color": [128, 128, 128]}]
    note = {
        "files": ["small.onnx"], "format": "onnx", "weights_precision": "int8", "classes": classes,
        "input": {"shape": [1, 3, *SIZE], "values": "RGB in 0..1", "resize": "to this size"},
    }  # fmt: skip
    card = model_card(run, note, "small.onnx")
    assert card.startswith("# PSPNet: small")
    for part in ("## Data", "| score | value | 95 % |", "## Licence", "## Limits", "0. Sky (128, 128, 128)"):
        assert part in card
    assert "int8 weights round them" in card


def test_scores_are_enlarged_as_segcore_does(tmp_path):
    scores = np.random.default_rng(3).normal(size=(5, 7, 9)).astype(np.float32)
    for size in ((7, 9), (40, 51), (4, 5), (1, 1), (700, 900)):
        assert np.array_equal(standalone_inference.decide(scores, *size), decide(scores, *size).mask)


def test_a_file_that_is_no_image_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(standalone_inference, "load", lambda description: None)
    (tmp_path / "notes.txt").write_text("no picture")
    assert standalone_inference.main(["model.json", str(tmp_path / "notes.txt"), "--out", str(tmp_path / "out")]) == 2
    assert "notes.txt: no image that OpenCV can read" in capsys.readouterr().err
