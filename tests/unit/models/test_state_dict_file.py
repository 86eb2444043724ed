import argparse
import shutil
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import segmentation_models_pytorch as smp
import torch
import torchvision
from torch import Tensor

from segcore.errors import WeightsError
from segcore.models import create_model
from segcore.models.encoder_weights import EncoderFit
from segcore.models.state_dict_file import plain_names, read_tensors

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return smp.Unet("resnet18", encoder_weights=None, classes=3)


class Settings(dict[str, int]):
    """As Lightning's AttributeDict: a class of its own among plain values."""


def prefixed(prefix: str) -> Callable[[State], State]:
    return lambda state: {prefix + name: value for name, value in state.items()}


LIGHTNING = {"epoch": 9, "global_step": 90, "hyper_parameters": {"arch": "unet"}, "optimizer_states": [{"state": {}}]}
FORMS: dict[str, Callable[[State], Any]] = {
    "plain": lambda state: state,
    "ordered": OrderedDict,
    "data parallel": prefixed("module."),
    "compiled": prefixed("_orig_mod."),
    "compiled in ddp": prefixed("module._orig_mod."),
    "nested": prefixed("net._orig_mod.model.module."),
    "lightning": lambda state: (
        LIGHTNING | {"state_dict": prefixed("model.")(state) | {"mean": torch.zeros(1, 3, 1, 1)}}
    ),
    "namespace": lambda state: {"args": argparse.Namespace(lr=0.1, out=Path("x")), "state_dict": state},
    "nested wrappers": lambda state: {"model": {"state_dict": state}, "epoch": 3},
    "ema": lambda state: {"ema": state, "step": 7},
    "with counters": lambda state: state | {"step": 3, "name": "mine"},
    **{key: lambda state, key=key: {key: state, "loss": 0.1} for key in ("model_state_dict", "model", "net", "params")},
}


@pytest.mark.parametrize("form", FORMS)
def test_files_as_people_have_them(tmp_path: Path, model: torch.nn.Module, form: str) -> None:
    path = tmp_path / "mine.ckpt"
    torch.save(FORMS[form](dict(model.state_dict())), path)
    assert_encoder_of(path, model)


def test_an_encoder_alone(tmp_path: Path, model: torch.nn.Module) -> None:
    path = tmp_path / "encoder.bin"
    torch.save(prefixed("backbone.")(model.encoder.state_dict()), path)
    assert_encoder_of(path, model)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_folder_of_save_pretrained(tmp_path: Path, model: torch.nn.Module, name: str) -> None:
    model.save_pretrained(tmp_path)
    if name.endswith(".bin"):
        (tmp_path / "model.safetensors").unlink()
        torch.save(model.state_dict(), tmp_path / name)
    assert_encoder_of(tmp_path, model)
    assert_encoder_of(tmp_path / name, model)


def test_safetensors_by_another_name(tmp_path: Path, model: torch.nn.Module) -> None:
    (tmp_path / "x.bin").write_bytes(safetensors.torch.save(model.state_dict()))
    assert_encoder_of(tmp_path / "x.bin", model)


def test_torchvisions_classifier(tmp_path: Path) -> None:
    classifier = torchvision.models.resnet18(weights=None)
    torch.save(classifier.state_dict(), tmp_path / "resnet18.pth")
    loaded = create_model("unet", encoder="resnet18", encoder_weights=tmp_path / "resnet18.pth", classes=2)
    assert torch.equal(loaded.encoder.conv1.weight, classifier.conv1.weight)


def test_a_whole_pickled_model_gives_its_tensors(tmp_path: Path, model: torch.nn.Module) -> None:
    torch.save(model, tmp_path / "object.pth")
    read = read_tensors(tmp_path / "object.pth")
    state = model.state_dict()
    assert list(read) and set(read) == set(state)
    assert all(torch.equal(value, state[name]) for name, value in read.items())
    torch.save({"model": model, "epoch": 3}, tmp_path / "wrapped.pth")
    assert_encoder_of(tmp_path / "wrapped.pth", model)


def test_nothing_of_the_file_is_run(tmp_path: Path, model: torch.nn.Module) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[Path, Path]]:
            return shutil.copy, (tmp_path / "armed.ckpt", tmp_path / "ran")

    torch.save({"state_dict": model.state_dict(), "bomb": Bomb()}, tmp_path / "armed.ckpt")
    assert_encoder_of(tmp_path / "armed.ckpt", model)  # its tensors are read; the bomb is an inert object
    torch.save(Bomb(), tmp_path / "bomb.pth")
    with pytest.raises(WeightsError, match=r"bomb\.pth: holds objects.*running code of the file, which is refused"):
        read_tensors(tmp_path / "bomb.pth")
    assert not (tmp_path / "ran").exists()


def test_a_refusal_says_how_to_save_the_tensors(tmp_path: Path) -> None:
    torch.save({"settings": Settings(lr=3)}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"objects of .*Settings.*torch\.save\(model\.state_dict\(\)") as error:
        read_tensors(tmp_path / "x.pth")
    assert "weights_only" not in str(error.value)  # torch's own advice is to run it


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "it is a web page"),
        (b"not weights", "damaged, or another kind of file"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=rf"w\.pth: can't be read as weights \(.*{reason}"):
        read_tensors(tmp_path / "w.pth")


def test_a_file_that_is_cut_off(tmp_path: Path, model: torch.nn.Module) -> None:
    torch.save(model.encoder.state_dict(), tmp_path / "w.pth")
    whole = (tmp_path / "w.pth").read_bytes()
    (tmp_path / "w.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=r"it is cut off, \d+ bytes"):
        read_tensors(tmp_path / "w.pth")


def test_folders_that_hold_none(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"a folder without weights; expected one of model\.safetensors"):
        read_tensors(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"its weights are in several files .*max_shard_size"):
        read_tensors(tmp_path)


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").touch()
    with pytest.raises(WeightsError, match=r"no such file.* Did you mean 'weights\.pth'\?"):
        read_tensors(tmp_path / "weight.pth")


def test_names_that_two_tensors_share_are_left_out() -> None:
    state = {"model.a": torch.ones(1), "net.a": torch.zeros(1), "b": torch.ones(1)}
    assert list(plain_names(state)) == ["b"]


def test_it_says_what_fits(tmp_path: Path, model: torch.nn.Module) -> None:
    state = model.state_dict()
    assert str(EncoderFit.of(model.encoder, state)).startswith("100 of the encoder's 100 tensors fit; ")
    del state["encoder.conv1.weight"]
    state["encoder.bn1.weight"] = torch.zeros(3)
    torch.save(state, tmp_path / "w.pth")
    message = (
        r"98 of the encoder's 100 tensors fit, 1 are missing, first 'conv1\.weight', 1 are of another shape: "
        r"bn1\.weight is \[3\]; expected \[64\]; \d+ others in the file .*decoder.*another encoder"
    )
    with pytest.raises(WeightsError, match=message):
        create_model("unet", encoder="resnet18", encoder_weights=tmp_path / "w.pth", classes=2)


def assert_encoder_of(path: Path, model: torch.nn.Module) -> None:
    """The encoder made with the file has every tensor of the model's."""
    loaded = create_model("unet", encoder="resnet18", encoder_weights=path, classes=5).encoder.state_dict()
    wanted = model.encoder.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in loaded.items())
