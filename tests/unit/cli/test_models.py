"""`segcore models`: the table, one model as text and as SVG, a run's model, and what is refused."""

import xml.etree.ElementTree as ET

import pytest

from segcore.cli import main, models
from segcore.models import MODELS

FLAGS = ["--encoder", "resnet18", "--size", "64x96", "--classes", "5"]


def test_without_a_name_all_are_listed(capsys, monkeypatch):
    monkeypatch.setattr(models, "MODELS", {name: MODELS[name] for name in ("fcn8s", "pspnet")})
    assert main(["models", *FLAGS]) == 0
    head, *lines, last = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "output", "stride", "parameters", "GMACs", "what", "it", "is"]
    assert [line.split()[:2] for line in lines] == [["fcn8s", "8"], ["pspnet", "8"]]
    assert last.startswith("On resnet18, 5 classes, 64x96.")


def test_one_is_described(capsys):
    assert main(["models", "unet", *FLAGS, "--model-options", "{unet: {decoder_channels: [64, 32, 16, 8, 8]}}"]) == 0
    printed = capsys.readouterr().out
    for line in (
        r"U-Net",
        r"input          64x96, 5 classes",
        r"output stride  1",
    ):
        assert line in printed.splitlines()
    (row,) = (line.split() for line in printed.splitlines() if line.startswith("decoder.blocks.4"))
    assert row == ["decoder.blocks.4", "UnetDecoderBlock", "8", "x", "64", "x", "96", "1,184", "blocks.3"]


def test_a_diagram_is_written_and_replaced_but_nothing_else(tmp_path, capsys):
    path = tmp_path / "unet.svg"
    for _ in range(2):
        assert main(["models", "fcn32s", *FLAGS, "--out", str(path)]) == 0
    assert ET.fromstring(path.read_text("utf-8")).tag.endswith("svg")
    path.write_text("mine")
    assert main(["models", "fcn32s", *FLAGS, "--out", str(path)]) == 2
    assert "Segcore didn't write it" in capsys.readouterr().err and path.read_text() == "mine"


def test_a_run_is_described_as_it_is(run, capsys):
    for name in (run.id, str(run.path)):
        assert main(["models", name, "--runs", str(run.path.parent)]) == 0
        printed = capsys.readouterr()
        assert "FCN-32s" in printed.out and f"input          {run.summary.input.height}x" in printed.out
        assert printed.err == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["unett"], "No model or run 'unett'. Did you mean 'unet'? Choose one of fcn32s"),
        (["--format", "svg"], "A diagram is of one model. Name it: segcore models unet --format svg."),
        (["unet", "--encoder", "resnet99"], "No encoder 'resnet99'."),
        (["unet", "--classes", "0"], "unet with 0 classes; expected a whole number, 1 or more."),
        (["unet", "--model-options", "{unett: {}}"], "No model 'unett'."),
        (["unet", "--model-options", "{unet: {decoder: 1}}"], "No option of unet 'decoder'."),
        (["deeplabv3", "--encoder", "vgg16_bn"], "DeepLabV3 can't be built on 'vgg16_bn'"),
        (["/nowhere/run"], "No run at /nowhere/run"),
    ],
)
def test_what_is_not_there_is_refused(words, message, capsys):
    assert main(["models", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_run_keeps_its_own_settings_and_needs_weights(run, capsys):
    runs = ["--runs", str(run.path.parent)]
    assert main(["models", run.id, *runs, "--classes", "5"]) == 2
    assert "has its own classes; leave --classes out" in capsys.readouterr().err
    (run.path / "model.safetensors").unlink()
    assert main(["models", run.id, *runs]) == 2
    assert "model.safetensors" in capsys.readouterr().err
