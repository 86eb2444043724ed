"""`segcore import MODEL`: an ONNX or OpenVINO file becomes a run that predicts."""

import subprocess
import sys

import numpy as np
import openvino
import pytest
from fixtures.model_files import COLORS, SIZE, colour_data, describe, onnx_file
from onnx import TensorProto
from PIL import Image

from segcore.cli import main
from segcore.errors import EvaluationError, RunError
from segcore.evaluation import Ensemble, Predictor
from segcore.evaluation.backends import registry
from segcore.runs import load_run

IDS = {"operator": "ArgMax", "kind": TensorProto.INT64, "axis": 1}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return colour_data(tmp_path_factory.mktemp("colours") / "colours")


@pytest.fixture
def run_import(data, tmp_path):
    """`run_import(model, *words, **description)` imports a model and returns the exit code."""

    def call(model, *words, **description):
        described = ["--description", describe(tmp_path / "model.yaml", **description)]
        words = ["import", model, "--data", data, "--out", tmp_path / "runs", *described, *words]
        return main([str(word) for word in words])

    return call


@pytest.fixture
def imported(run_import, tmp_path):
    def call(model, *words, **description):
        assert run_import(model, *words, **description) == 0
        return load_run(tmp_path / "runs" / "model")

    return call


def test_a_model_becomes_a_run_that_is_scored_and_predicts(imported, tmp_path, data, capsys):
    run = imported(onnx_file(tmp_path / "model.onnx"))
    assert run.splits == ("test", "val")
    assert run.summary.test.miou == run.summary.val.miou == 1
    assert run.evaluation("test").calibration.temperature > 0
    assert "stored as a run" in capsys.readouterr().out.lower()
    assert (run.title, run.was_trained, run.summary.parameters) == ("model", False, None)
    assert run.model_file.read_bytes() == (tmp_path / "model.onnx").read_bytes()
    assert run.summary.imported.rule == "ONNX, logits"
    assert (run.summary.input.height, run.summary.input.width) == SIZE
    (tmp_path / "model.onnx").unlink()  # the run has a copy
    picture = data / "images" / "test" / "test1.png"
    assert main(["predict", str(run.path), str(picture), "--out", str(tmp_path / "out")]) == 0
    mask = np.asarray(Image.open(tmp_path / "out" / "test1-mask.png"))
    assert np.array_equal(mask, np.asarray(Image.open(data / "masks" / "test" / "test1.png")))
    assert main(["evaluate", str(run.path), "--backend", "openvino", "--split", "val"]) == 0
    assert load_run(run.path).splits == ("test", "val", "val+openvino")
    assert main(["leaderboard", "--runs", str(run.path.parent)]) == 0
    assert main(["report", "--runs", str(run.path.parent), "--out", str(tmp_path / "report.html")]) == 0
    assert f"segcore evaluate {run.path}" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("model", "description"),
    [
        ({}, {"channels": "BGR", "classes": COLORS[::-1]}),
        ({}, {"range": "0..255", "mean": 127.5, "std": 25.5}),
        ({}, {"size": "8x12"}),
        ({"fed": (1, 3, "h", "w"), "given": (1, 3, "h", "w")}, {"size": "any"}),
        ({"fed": ("n", 3, "h", "w"), "given": ("n", 3, "h", "w")}, {"size": "16x24"}),
        ({"fed": (1, *SIZE, 3), "given": (1, *SIZE, 3)}, {"layout": "NHWC"}),
        (
            {"operator": "Transpose", "given": (1, *SIZE, 3), "perm": [0, 2, 3, 1]},
            {"output_layout": "NHWC", "output_name": "scores"},
        ),
        (
            {"operator": "Cast", "dtype": TensorProto.UINT8, "to": TensorProto.FLOAT},
            {"range": "0..255", "mean": 0, "std": 1},
        ),
        ({"operator": "Softmax", "axis": 1}, {"output": "probabilities"}),
    ],
)
def test_every_way_to_feed_a_model_is_described(imported, tmp_path, model, description):
    run = imported(onnx_file(tmp_path / "model.onnx", **model), **description)
    assert run.summary.test.miou == 1
    assert run.evaluation("test").confidence("test0") is not None


@pytest.mark.parametrize(("keepdims", "given"), [(0, (1, *SIZE)), (1, (1, 1, *SIZE))])
def test_a_model_that_gives_ids_has_no_confidence(imported, tmp_path, data, keepdims, given, capsys):
    run = imported(onnx_file(tmp_path / "model.onnx", given=given, keepdims=keepdims, **IDS), output="ids")
    evaluation = run.evaluation("test")
    assert run.summary.test.miou == 1 and evaluation.calibration is None
    assert np.isnan(evaluation.of_images("entropy")).all()
    assert "temperature" not in capsys.readouterr().out
    predictor = Predictor(run)
    assert np.isnan(predictor(np.zeros((20, 30, 3), np.uint8)).confidence).all()
    with pytest.raises(EvaluationError, match="gives only the class of each pixel and no scores, so they can't give"):
        predictor.logits(np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(EvaluationError, match=r"its model gives ids\), and a vote needs three runs or more"):
        Ensemble([run])
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert (Ensemble([run, run, run])(image).mask == predictor(image).mask).all()
    with pytest.raises(EvaluationError, match="can't be averaged over mirror images"):
        Predictor(run, tta="flip")
    picture = data / "images" / "test" / "test1.png"
    assert main(["predict", str(run.path), str(picture), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "test1-mask.png" in printed and "confidence" not in printed


def test_an_openvino_model_is_its_xml_and_bin(imported, run_import, tmp_path, capsys):
    openvino.save_model(openvino.convert_model(onnx_file(tmp_path / "one.onnx")), tmp_path / "model.xml")
    run = imported(tmp_path / "model.xml")
    assert run.summary.test.miou == 1 and run.model_file.with_suffix(".bin").is_file()
    (tmp_path / "model.bin").unlink()
    assert run_import(tmp_path / "model.xml", "--name", "other") == 2
    assert "needs its weights beside it, and there is no model.bin" in capsys.readouterr().err


def test_classes_are_matched_by_name_and_merged_by_a_map(imported, tmp_path):
    twice = onnx_file(tmp_path / "model.onnx", "Concat", given=(1, 6, *SIZE), repeat=2, axis=1)
    (tmp_path / "map.csv").write_text("from,to\nrust,red\nsea,blue\nwine,red\ngrass,green\nsky,blue\n")
    classes = ["rust", "Green", "sea", "wine", "grass", "sky"]
    run = imported(twice, "--map", tmp_path / "map.csv", classes=classes)
    assert run.summary.test.miou == 1 and run.labels.names == COLORS
    # Two channels of one class hold half of its probability each: together what the class alone would have.
    assert Predictor(run)(np.zeros((*SIZE, 3), np.uint8)).confidence == pytest.approx(1 / 3, abs=1e-5)


def test_predicting_needs_no_torch(imported, tmp_path):
    run = imported(onnx_file(tmp_path / "model.onnx"))
    code = (
        "import sys, numpy, segcore\n"
        f"answer = segcore.Predictor({str(run.path)!r})(numpy.zeros((20, 30, 3), numpy.uint8))\n"
        "assert answer.mask.shape == (20, 30) and 0.3 < answer.confidence.min() < 0.4\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_what_needs_a_training_says_that_there_is_none(imported, tmp_path, capsys):
    run = imported(onnx_file(tmp_path / "model.onnx"))
    for words, message in (
        (
            ["export", str(run.path), "--format", "onnx", "--out", str(tmp_path)],
            "be written as one model. Its model is",
        ),
        (["train", "--resume", str(run.path)], "was imported and is for prediction only, so it can't be resumed"),
        (["evaluate", str(run.path), "--backend", "torch"], "which PyTorch can't run. Choose --backend onnxruntime or"),
        (["evaluate", str(run.path), "--backend", "openvino", "--precision", "int8"], "Quantize its file yourself"),
        (["models", str(run.path)], "has no weights that PyTorch reads; its model is"),
    ):
        assert main(words) == 2, words
        assert message in capsys.readouterr().err, words
    with pytest.raises(RunError, match="has no weights that PyTorch reads"):  # as --init does
        _ = run.weights


# bad input


@pytest.mark.parametrize(
    ("model", "description", "message"),
    [
        ({}, {"size": "16x16"}, "takes images of 8x12; its description says size: 16x16. Correct it"),
        ({}, {"size": "any"}, "takes images of 8x12; its description says size: any"),
        (
            {"fed": (1, 3, "h", "w"), "given": (1, 3, "h", "w")},
            {},
            "takes images of several sizes, and its",
        ),
        ({}, {"layout": "NHWC"}, "takes 1x3x8x12; its description says NHWC, [1, H, W, 3]"),
        ({"fed": (4, 3, *SIZE), "given": (4, 3, *SIZE)}, {}, "export the model for single images of three channels"),
        ({}, {"classes": ["red", "green"]}, "so 3 classes before height and width; its description has 2"),
        ({}, {"classes": ["red", "green", "pink"]}, "Class 'pink' of the model has no place in"),
        ({}, {"classes": ["red", "green", "green"]}, "classes names 'green' twice"),
        ({}, {"output": "probabilities"}, "so these are logits or the like"),
        ({}, {"output": "ids"}, "gives [1, 3, 8, 12]; its description expects ids [1, H, W]"),
        ({"given": (1, *SIZE), "keepdims": 0, **IDS}, {}, "its description expects logits [1, 3, H, W] of 3 classes"),
        (
            {"dtype": TensorProto.UINT8, "operator": "Cast", "to": 1},
            {},
            "takes bytes (uint8), so nothing can be",
        ),
        ({"operator": "Concat", "inputs": 2, "given": (1, 6, *SIZE), "axis": 1}, {}, "has 2 inputs (image, image1)"),
        ({}, {"output_name": "aux"}, "has the outputs scores; its description should name one of them"),
        ({}, {"mean": None}, "mean: Field required. A description has the lines classes, size"),
        ({}, {"colour": "RGB"}, "colour: Extra inputs are not permitted"),
        ({}, {"std": [1, 0, 1]}, "std is [1.0, 0.0, 1.0]; expected numbers other than 0"),
        ({"operator": "Log"}, {}, "gives scores that are not finite"),
    ],
)
def test_a_model_that_does_not_fit_its_description_is_refused(
    run_import, tmp_path, capsys, model, description, message
):
    assert run_import(onnx_file(tmp_path / "model.onnx", **model), **description) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "runs" / "model").exists()


def test_a_wrong_file_a_missing_description_and_a_missing_runtime(run_import, tmp_path, capsys, data, monkeypatch):
    (tmp_path / "model.onnx").write_bytes(b"\x80\x04pickle")
    assert run_import(tmp_path / "model.onnx") == 2
    assert "no model that onnxruntime can open" in capsys.readouterr().err
    assert run_import(tmp_path / "gone.onnx") == 2
    assert "gone.onnx: there is no such file" in capsys.readouterr().err
    model = onnx_file(tmp_path / "model.onnx")
    words = ["import", str(model), "--data", str(data), "--out", str(tmp_path / "runs")]
    assert main(words) == 2
    assert "there is no model.onnx.json beside it" in capsys.readouterr().err
    assert run_import(model, "--resize", "8x8") == 2
    assert "--resize is for predictions" in capsys.readouterr().err
    assert main([*words[:1], str(data), *words[2:], "--description", str(model)]) == 2
    assert "--description is for a model (.onnx, .xml)" in capsys.readouterr().err
    assert run_import(model) == 0 and run_import(model) == 2
    assert "There is a run called 'model' already" in capsys.readouterr().err
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    assert run_import(model, "--name", "other") == 2
    assert "needs the package onnxruntime, which is not installed" in capsys.readouterr().err
