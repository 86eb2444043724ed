"""`infer.py` in a Python that knows nothing of this project, against what Segcore predicts."""

import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from fixtures.one_convolution import OneConvolution
from fixtures.runs import SIZE, fake_run

from segcore.data import open_dataset
from segcore.errors import EvaluationError
from segcore.evaluation import Predictor, decide, standalone_inference
from segcore.evaluation.export_model import export_model
from segcore.evaluation.import_model import import_model
from segcore.evaluation.model_card import export_card


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
    monkeypatch.setattr("segcore.models.load_model", lambda folder, **_: model)
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
        mask = cv2.imread(str(tmp_path / f"{path.stem}-mask.png"), cv2.IMREAD_UNCHANGED)
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


def test_infer_replaces_no_picture_and_no_mask_of_another(run, pictures, tmp_path):
    model = export_model(run, "onnx", tmp_path / "export")
    for folder in ("day", "night"):
        (tmp_path / folder).mkdir()
        shutil.copy(pictures[0], tmp_path / folder / "a.png")
    shutil.copy(pictures[1], tmp_path / "day" / "a-mask.png")

    def infer(*images):
        command = [sys.executable, "-I", "infer.py", f"{model.name}.json", *map(str, images), "--out"]
        return subprocess.run(
            [*command, str(tmp_path / "day")], cwd=model.parent, capture_output=True, text=True, env={"PATH": ""}
        )

    before = (tmp_path / "day" / "a-mask.png").read_bytes()
    result = infer(tmp_path / "day" / "a.png", tmp_path / "day" / "a-mask.png")
    assert result.returncode == 2 and "a-mask.png is another image, or the mask of one" in result.stderr
    assert (tmp_path / "day" / "a-mask.png").read_bytes() == before
    (tmp_path / "day" / "a-mask.png").unlink()
    result = infer(tmp_path / "day" / "a.png", tmp_path / "night" / "a.png")
    assert result.returncode == 2 and "night" in result.stderr and (tmp_path / "day" / "a-mask.png").is_file()


@pytest.mark.parametrize("name", ["infer.py", "small.md"])
def test_an_export_replaces_its_own_files_alone(run, name, tmp_path):
    (tmp_path / name).write_text("mine")
    with pytest.raises(EvaluationError, match=f"{name} is there already, and Segcore did not write it"):
        export_model(run, "onnx", tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [name]
    (tmp_path / name).unlink()
    for _ in range(2):
        export_model(run, "onnx", tmp_path)
    assert (tmp_path / name).is_file()


def test_the_card_says_what_it_is_and_what_it_scored(store):
    run = fake_run(store, "small", model="pspnet")
    classes = [{"id": 0, "name": "Sky", "color": [128, 128, 128]}]
    note = {
        "files": ["small.onnx"], "format": "onnx", "weights_precision": "int8", "classes": classes,
        "input": {"shape": [1, 3, *SIZE], "values": "RGB in 0..1", "resize": "to this size"},
    }  # fmt: skip
    card = export_card(run, note, "small.onnx")
    assert card.startswith("# PSPNet: small")
    for part in ("## Data", "| score | value | 95 % |", "## Licence", "## Limits", "0. Sky (128, 128, 128)"):
        assert part in card
    assert "int8 weights round them" in card


@pytest.mark.parametrize("classes", [1, 5, 31])
def test_scores_are_enlarged_as_segcore_does(classes):
    rng = np.random.default_rng(3)
    smooth = cv2.resize(rng.normal(size=(3, 4, classes)), (9, 7), interpolation=cv2.INTER_CUBIC)
    for scores in (rng.normal(size=(classes, 7, 9)), smooth.reshape(7, 9, classes).transpose(2, 0, 1)):
        scores = scores.astype(np.float32)  # by class, and by pixel as OpenVINO has them
        before = scores.copy()
        for size in ((7, 9), (40, 51), (4, 5), (1, 1), (7, 60), (700, 900)):
            assert np.array_equal(standalone_inference.decide(scores, *size), decide(scores, *size).mask)
        assert np.array_equal(
            standalone_inference.decide(scores[:, :1, :1], 3, 2), decide(scores[:, :1, :1], 3, 2).mask
        )
        assert np.array_equal(scores, before)


def test_two_enlargements_in_one_choose_the_classes_of_both_in_turn():
    scores = torch.randn(6, 8, 10, generator=torch.Generator().manual_seed(0))
    enlarge = torch.nn.functional.interpolate
    middle = enlarge(scores[None], size=(32, 40), mode="bilinear", align_corners=True)[..., :29, :37]
    for size in ((60, 71), (29, 37), (20, 90), (5, 5)):
        expected = enlarge(middle, size=size, mode="bilinear")[0].topk(2, dim=0)
        taps = [
            standalone_inference.joined(
                standalone_inference.linear_taps(fed, end),
                standalone_inference.Taps(*(part[..., :fed] for part in first)),
            )
            for fed, end, first in zip(
                (29, 37),
                size,
                (
                    standalone_inference.linear_taps(8, 32, align_corners=True),
                    standalone_inference.linear_taps(10, 40, align_corners=True),
                ),
                strict=True,
            )
        ]
        mask = standalone_inference.enlarged_argmax(scores.numpy(), *taps)
        clear = (expected.values[0] - expected.values[1]).numpy() > 1e-5  # else equal up to float32's rounding
        assert clear.mean() > 0.99 and (mask == expected.indices[0].numpy())[clear].all()


def test_of_equal_classes_the_first_is_chosen():
    scores = np.random.default_rng(0).normal(size=(4, 6, 6)).astype(np.float32).round(1)
    scores = scores[[0, 1, 0, 1, 2, 2]]
    mask = standalone_inference.decide(scores, 40, 50)
    assert np.isin(mask, [0, 1, 4]).all() and np.array_equal(mask, decide(scores, 40, 50).mask)


def test_a_file_that_is_no_image_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(standalone_inference, "load", lambda description: None)
    (tmp_path / "notes.txt").write_text("no picture")
    assert standalone_inference.main(["model.json", str(tmp_path / "notes.txt"), "--out", str(tmp_path / "out")]) == 2
    assert "notes.txt: no image that OpenCV can read" in capsys.readouterr().err
