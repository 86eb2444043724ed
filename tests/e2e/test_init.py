"""`--init`: a training that starts from another run's weights."""

from unittest.mock import patch

import pandas as pd
import pytest
import torch
from fixtures.tiny import TINY, tiny_folder
from safetensors.torch import load_file, save_file

from segcore.errors import WeightsError
from segcore.runs import RunStore
from segcore.training.command_line import main, parse
from segcore.training.console import Reporter
from segcore.training.engine import resume, train
from segcore.training.session import Session

FLAGS = [*TINY, "--models", "fcn8s"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="module")
def first(data, tmp_path_factory):
    """A run whose classes are ground, thing and road; its input is not normalised as the encoder's."""
    out = tmp_path_factory.mktemp("first")
    (run,) = train(parse([*FLAGS, "--data", str(data), "--out", str(out)])[0])
    norm = run.summary.input.model_copy(update={"mean": (0.4, 0.4, 0.4)})
    (run.path / "summary.json").write_text(run.summary.model_copy(update={"input": norm}).model_dump_json())
    return run


@pytest.fixture(scope="module")
def other_classes(data, tmp_path_factory):
    """The same data with its classes in another order and spelling, and one renamed."""
    folder = tiny_folder(tmp_path_factory.mktemp("other") / "other")
    (folder / "classes.json").write_text('["sky", "ROAD", "Ground"]')
    return folder


def task(data, out, *flags):
    return parse([*FLAGS, "--data", str(data), "--out", str(out), *flags])[0]


def test_a_training_starts_from_a_run_and_says_what_it_took(first, other_classes, tmp_path, capsys):
    (run,) = train(task(other_classes, tmp_path, "--init", str(first.path), "--freeze", "encoder", "--lr", "1e-9"))
    init = run.summary.init
    assert run.summary.status == "finished" and run.summary.encoder_weights is None
    assert init.taken == init.tensors and init.not_taken == ()
    assert init.classes == {"ROAD": "road", "Ground": "ground"} and init.fresh == ("sky",)
    assert run.summary.input.mean == (0.4, 0.4, 0.4)
    printed = " ".join(capsys.readouterr().out.split())
    assert f"{init.taken} of {init.tensors} tensors taken. Classes taken by name: ROAD (there road)" in printed
    assert "fresh: sky." in printed
    before, after = load_file(first.weights), load_file(run.weights)
    name = "decoder.score.weight"
    torch.testing.assert_close(after[name][[1, 2]], before[name][[2, 0]], rtol=1e-3, atol=1e-4)
    assert not torch.allclose(after[name][0].float(), before[name][0].float(), atol=1e-3)
    torch.testing.assert_close(after["encoder.model.conv_stem.weight"], before["encoder.model.conv_stem.weight"])


def test_a_stopped_one_ends_with_the_same_bits_without_its_start(first, data, tmp_path):
    flags = ["--epochs", "3", "--init", str(first.path)]
    (whole,) = train(task(data, tmp_path / "whole", *flags))
    moved = tmp_path / "moved"
    moved.mkdir()
    source = moved / first.id
    first.path.rename(source)
    try:
        config = task(data, tmp_path, "--epochs", "3", "--init", str(source))
        writer = RunStore(tmp_path).create("stopped")
        Session().run(config.tasks()[0], writer, on_epoch=lambda row: row["epoch"] < 1, splits=())
    finally:
        source.rename(first.path)  # and so it is not where the settings say
    ended = resume(str(writer.path), {})
    pd.testing.assert_frame_equal(
        ended.history.drop(columns="seconds"), whole.history.drop(columns="seconds"), check_exact=True
    )
    assert ended.weights.read_bytes() == whole.weights.read_bytes()
    assert ended.summary.init.taken == whole.summary.init.taken
    assert ended.summary.input == whole.summary.input


def test_frozen_weights_that_the_start_lacks_are_refused(first, data, tmp_path):
    tensors = load_file(first.weights)
    del tensors["encoder.model.conv_stem.weight"]
    save_file(tensors, tmp_path / "part.safetensors")
    flags = ["--init", str(tmp_path / "part.safetensors"), "--freeze"]
    with pytest.raises(WeightsError, match=r"are frozen \(encoder\.model\.conv_stem\.weight\), so random weights"):
        train(task(data, tmp_path / "runs", *flags, "encoder"))
    assert not (tmp_path / "runs").exists()


def test_a_stopped_one_goes_on_without_its_encoder_weights_in_its_precision(first, data, tmp_path):
    weights = tmp_path / "encoder.safetensors"
    save_file(load_file(first.weights), weights)
    config = task(data, tmp_path, "--epochs", "3", "--encoder-weights", str(weights), "--precision", "auto")
    writer = RunStore(tmp_path).create("stopped")
    record = Session().run(config.tasks()[0], writer, on_epoch=lambda row: row["epoch"] < 1, splits=())
    weights.unlink()
    other = "bf16" if record.summary.precision == "fp32" else "fp32"  # what this machine would not choose
    elsewhere = record.summary.model_copy(update={"precision": other, "device": "cuda"})
    (record.path / "summary.json").write_text(elsewhere.model_dump_json())
    reporter = Reporter()
    with patch.object(reporter, "opening") as opened, patch.object(reporter, "note") as noted:
        ended = resume(str(writer.path), {}, reporter)
    assert ended.summary.status == "finished" and ended.summary.precision == other
    assert opened.call_args.args[0]["device"].endswith(f" CPU threads, {other}")
    assert "was trained on cuda so far and goes on on cpu" in noted.call_args_list[0].args[0]


def test_weights_of_another_architecture_are_refused_before_a_folder_is_made(first, data, tmp_path, capsys):
    flags = ["--models", "fcn8s,unet", "--encoder", "resnet18", "--init", str(first.path)]
    assert main([*FLAGS, "--data", str(data), "--out", str(tmp_path / "runs"), *flags]) == 2
    message = capsys.readouterr().err
    assert "fewer than half: these are weights of another architecture or encoder" in message
    assert "encoder.conv1.weight is not there" in message
    assert "They are of FCN-8s on tu-test_efficientnet (--models fcn8s --encoder tu-test_efficientnet)" in message
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_a_start_that_is_not_there_is_refused(data, tmp_path, capsys):
    for given, message in (
        ("unett", "No run 'unett'"),
        (str(tmp_path / "gone.pth"), "no such file"),
        (str(tmp_path), "a folder without weights"),
    ):
        assert main([*FLAGS, "--data", str(data), "--out", str(tmp_path / "runs"), "--init", given]) == 2
        assert message in capsys.readouterr().err


def test_weights_that_are_not_finite_are_refused(first, data, tmp_path):
    tensors = load_file(first.weights)
    tensors["encoder.model.conv_stem.weight"][0] = torch.nan
    save_file(tensors, tmp_path / "nan.safetensors")
    with pytest.raises(WeightsError, match=r"nan\.safetensors: NaN or infinity in 1 tensor, first encoder"):
        train(task(data, tmp_path / "runs", "--init", str(tmp_path / "nan.safetensors")))
