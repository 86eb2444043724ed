"""OpenVINO and ONNX Runtime against torch on a small model; every architecture is in `benchmarks/parity.py`."""

import json
from xml.etree import ElementTree

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch
from fixtures.runs import SIZE, fake_run

from segcore.errors import EvaluationError, RunError
from segcore.evaluation import Predictor
from segcore.evaluation.backends import conversion_cache, open_backend
from segcore.evaluation.backends.runtimes import computes_in_bf16
from segcore.evaluation.export_model import export_model
from segcore.labels import CAMVID11
from segcore.models import create_model, save_model

ODD = (37, 51)  # padded on both sides, and not what the run is fed


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An untrained PSPNet, whose scores spread over the classes as a trained one's do."""
    run = fake_run(tmp_path_factory.mktemp("checkpoints"), "small", model="pspnet", evaluated=False)
    torch.manual_seed(0)
    model = create_model("pspnet", encoder="resnet18", encoder_weights="none", classes=CAMVID11.classes)
    torch.nn.init.normal_(model.segmentation_head[0].weight, std=0.5)
    save_model(model, run.path)
    return run


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """A cache of converted models of this module's own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGCORE_CACHE", str(folder))
        yield folder


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_a_backend_answers_as_torch_does_and_keeps_what_it_converted(run, place, backend, monkeypatch):
    image = picture(*ODD)
    plain = Predictor(run, device="cpu")
    expected = plain(image)
    result = Predictor(run, backend=backend)
    answer = result(image)
    assert (answer.mask == expected.mask).mean() >= 0.999
    np.testing.assert_allclose(answer.confidence, expected.confidence, atol=1e-3)
    np.testing.assert_allclose(result.logits(image), plain.logits(image), atol=1e-3)
    mirrored = Predictor(run, backend=backend, tta="flip").logits(image)
    np.testing.assert_allclose(mirrored, Predictor(run, device="cpu", tta="flip").logits(image), atol=1e-3)
    assert (result.variant, result.notes) == (f"+{backend}", ())
    kept = sorted(path.name for path in (place / "models").iterdir())
    assert len([name for name in kept if name.startswith(f"small-{backend}-48x64-")]) == 1
    monkeypatch.setattr("segcore.models.load_model", lambda folder, **_: pytest.fail("converted again"))
    np.testing.assert_array_equal(Predictor(run, backend=backend)(image).mask, answer.mask)


@pytest.mark.parametrize("backend", ["torch", "openvino", "onnxruntime"])
@pytest.mark.parametrize("size", [SIZE, ODD, (130, 171)])
def test_the_mask_alone_is_that_of_the_whole_prediction(run, backend, size):
    predictor = Predictor(run, backend=backend, device="cpu")
    image = picture(*size)
    mask, whole = predictor.mask(image), predictor(image).mask
    assert (mask.dtype, mask.shape) == (np.uint8, size)
    assert np.count_nonzero(mask != whole) <= 2  # equal up to float32's rounding
    window = Predictor(run, backend=backend, device="cpu", window=SIZE)
    assert np.count_nonzero(window.mask(image) != window(image).mask) <= 2


def test_openvino_leaves_out_an_enlargement_at_the_end_alone(run):
    coarse = open_backend(run, "openvino", "fp32", "cpu").coarse(picture(*SIZE))
    assert (coarse.logits.shape, coarse.size, coarse.align_corners) == ((11, 6, 8), SIZE, True)


def test_bf16_is_for_convolutions_alone_and_is_refused_where_it_is_not_computed_in(run, place):
    image, exact = picture(*SIZE), Predictor(run, backend="openvino")
    exact.warm(SIZE)
    (folder,) = (place / "models").glob("small-openvino-48x64-*")
    layers = ElementTree.parse(folder / "model.xml").findall("layers/layer")
    marked = {layer.get("type") for layer in layers if layer.find("rt_info/attribute[@name='precise']") is not None}
    assert {"Add", "ReLU", "Interpolate"} <= marked
    assert not {"Convolution", "Const"} & marked
    if not computes_in_bf16():
        with pytest.raises(EvaluationError, match=r"does not compute in bf16\. Choose --precision fp32"):
            Predictor(run, backend="openvino", precision="bf16")
        return
    rounded = Predictor(run, backend="openvino", precision="bf16")
    assert rounded.variant == "+openvino-bf16"
    assert (rounded(image).mask == exact(image).mask).mean() > 0.95


@pytest.fixture
def tiny(monkeypatch):
    """In place of the run's model, whose export takes seconds."""
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, CAMVID11.classes, 3, padding=1).requires_grad_(False)
    monkeypatch.setattr("segcore.models.load_model", lambda folder, **_: model)
    return model


def test_an_export_takes_images_as_its_note_says(run, tiny, tmp_path):
    image = picture(*ODD)
    path = export_model(run, "openvino", tmp_path / "out", precision="fp16", size=ODD)
    note = json.loads((tmp_path / "out" / "small.xml.json").read_text())
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        "infer.py", "small.bin", "small.md", "small.xml", "small.xml.json"
    ]  # fmt: skip
    assert note["input"]["shape"] == [1, 3, *ODD]
    assert note["input"]["normalization"] == {"inside": True, "mean": [0.5] * 3, "std": [0.5] * 3}
    assert [item["name"] for item in note["classes"]] == list(CAMVID11.names)
    assert note["classes"][0]["color"] == list(CAMVID11.colors[0])
    tensor = np.moveaxis(image.astype(np.float32) / 255, 2, 0)[None]
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    logits = openvino.Core().compile_model(path, "CPU", settings)({"image": tensor})["logits"]
    free = run.summary.model_copy(
        update={"input": run.summary.input.model_copy(update={"height": ODD[0], "width": ODD[1]})}
    )
    expected = Predictor(type(run)(run.path, free, run.version), device="cpu").logits(image)
    assert logits.shape == (1, CAMVID11.classes, *ODD)
    assert (logits[0].argmax(0) == expected.argmax(0)).mean() > 0.99
    np.testing.assert_allclose(logits[0], expected, atol=0.05 * np.abs(expected).max())


def test_an_onnx_file_is_the_model(run, tiny, tmp_path, capsys):
    path = export_model(run.path, "onnx", tmp_path, precision="fp16", normalize=False)
    assert capsys.readouterr().out == ""  # the exporter is quiet without stdout being taken from all threads
    image = torch.rand(1, 3, *SIZE)
    logits = onnxruntime.InferenceSession(path).run(["logits"], {"image": image.numpy()})[0]
    np.testing.assert_allclose(logits, tiny(image), atol=1e-2)
    weights = [tensor for tensor in onnx.load(path).graph.initializer if len(tensor.dims) == 4]
    assert [tensor.data_type for tensor in weights] == [onnx.TensorProto.FLOAT16]
    note = json.loads((tmp_path / "small.onnx.json").read_text())
    assert not note["input"]["normalization"]["inside"]
    assert note["input"]["values"] == "RGB in 0..1, then (image - mean) / std"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "tflite"}, r"No export format 'tflite'\. Choose one of onnx, openvino"),
        (
            {"format": "onnx", "precision": "int4"},
            r"No precision of an export 'int4'\. .*Choose one of fp32, fp16, int8",
        ),
        ({"format": "onnx", "precision": "int8"}, r"int8 is not written as onnx\. Choose --format openvino"),
        ({"format": "onnx", "size": (0, 5)}, r"Can't export for images of 0x5"),
    ],
)
def test_what_can_not_be_exported_is_said(run, tmp_path, options, message):
    with pytest.raises(EvaluationError, match=message):
        export_model(run, out=tmp_path, **options)


def test_a_run_of_any_size_wants_one_for_its_export(run, tmp_path):
    free = run.summary.input.model_copy(update={"height": None, "width": None})
    record = type(run)(run.path, run.summary.model_copy(update={"input": free}), run.version)
    with pytest.raises(EvaluationError, match=r"takes images of any size, .* Say which: --size 360x480"):
        export_model(record, "onnx", tmp_path)


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_a_run_without_weights_is_said_before_any_image(store, backend):
    run = fake_run(store, "bare", evaluated=False)
    run.weights.unlink()
    with pytest.raises(RunError, match=r"Run 'bare' has no model\.safetensors\. Train it again"):
        Predictor(run, backend=backend)


def written(made):
    """A conversion that counts itself."""

    def convert(folder):
        made.append(folder)
        (folder / "model.xml").write_text("graph")
        (folder / "model.bin").write_bytes(bytes(100))

    return convert


def test_a_conversion_is_kept_and_a_damaged_one_made_again(store, place):
    run, made = fake_run(store, "kept", evaluated=False), []
    result = [conversion_cache.converted(run, ("openvino",), SIZE, written(made)) for _ in range(2)]
    assert (len(made), result[0], result[0].note) == (1, result[1], "")
    for damage in (
        lambda: (result[0].folder / "model.bin").write_bytes(bytes(50)),
        lambda: (result[0].folder / "model.bin").unlink(),
        lambda: (result[0].folder / "manifest.json").write_text("{"),
    ):
        damage()
        conversion_cache.converted(run, ("openvino",), SIZE, written(made))
        assert (result[0].folder / "model.bin").read_bytes() == bytes(100)
    assert len(made) == 4
    run.weights.write_bytes(b"\x02\0\0\0\0\0\0\0{} ")
    assert conversion_cache.converted(run, ("openvino",), SIZE, written(made)).folder != result[0].folder
    assert conversion_cache.converted(run, ("openvino",), ODD, written(made)).folder.name.startswith(
        "kept-openvino-37x51-"
    )


def test_the_longest_unused_conversions_go(store, place, monkeypatch):
    monkeypatch.setattr(conversion_cache, "CONVERSIONS_KEPT", 2)
    run = fake_run(store, "many", evaluated=False)
    folders = [conversion_cache.converted(run, ("openvino",), (side, 8), written([])).folder for side in (1, 2, 3)]
    assert [folder.exists() for folder in folders] == [False, True, True]


def test_where_nothing_can_be_kept_it_is_converted_and_said(store, tmp_path, monkeypatch):
    run, made = fake_run(store, "kept", evaluated=False), []
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "file"))
    result = conversion_cache.converted(run, ("openvino",), SIZE, written(made))
    assert (result.folder / "model.xml").read_text() == "graph"
    assert "could not be kept in" in result.note
    assert "Set SEGCORE_CACHE to a folder that can be written" in result.note


def test_what_can_not_be_converted_names_torch(run, monkeypatch, tmp_path):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path))
    monkeypatch.setattr("segcore.models.load_model", lambda folder, **_: torch.nn.Identity())
    with pytest.raises(EvaluationError, match=r"can't be converted for openvino at 48x64: .*Choose --backend torch"):
        Predictor(run, backend="openvino")(picture(*SIZE))
