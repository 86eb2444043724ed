"""A model as two files, `config.json` and `model.safetensors`, in the layout of the library that it comes from."""

from __future__ import annotations

import json
from pathlib import Path
from shlex import quote
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from segcore.atomic_files import write_bytes
from segcore.errors import ModelError, RunError, UnknownModel
from segcore.extensions.code_file import CODE_FOLDER, CodeName
from segcore.models.base import AnySize, EncoderDecoder
from segcore.models.encoders import dropped_tensors
from segcore.models.registry import ModelSpec, model_spec
from segcore.models.sources import source_of
from segcore.models.state_dict_file import STAND_IN, without_stand_ins
from segcore.reading import file_digest, parse_json, read_text

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
_NAME = "_segcore_model"  # smp drops arguments that begin with an underscore, so its own loader can read the file
_CLASS = "_model_class"


def save_model(model: AnySize, folder: str | Path, *, half: bool = True) -> None:
    """Write `config.json` and `model.safetensors`; nothing else in the folder is touched.

    Each is written under a temporary name and renamed, so a reader never sees half a file. smp builds all stages of an
    encoder, used or not, and wants a tensor for each: what `create_model` left out is written as zeros of one byte.

    Args:
        model: From `create_model` or `load_model`.
        folder: Made when missing.
        half: Store weights as float16, half the size; biases and normalisation layers stay float32.

    Raises:
        ModelError: when the model is not from `create_model`.
    """
    if not model.zoo_name:
        raise ModelError(f"{type(model).__name__} was not made by create_model; use save_pretrained to save it.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    spec = model_spec(model.zoo_name)
    config = {**model.stored_config(), _CLASS: type(model.stored).__name__, _NAME: spec.stored_name}
    tensors = {name: _storable(value, half) for name, value in model.stored.state_dict().items()}
    tensors |= {name: torch.zeros(shape, dtype=STAND_IN) for name, shape in dropped_tensors(model.stored).items()}
    for path, content in model.stored_files().items():
        (folder / path).parent.mkdir(exist_ok=True)
        write_bytes(folder / path, content)
    write_bytes(folder / WEIGHTS_FILE, safetensors.torch.save(tensors, metadata={"format": "pt"}))
    write_bytes(folder / CONFIG_FILE, (json.dumps(config, indent=2, sort_keys=True) + "\n").encode())


def weights_digest(folder: str | Path) -> str:
    """SHA-256 of a model's `model.safetensors`, in hex.

    Raises:
        OSError: when it can't be read.
    """
    return file_digest(Path(folder) / WEIGHTS_FILE)


@torch.inference_mode(False)  # parameters made in inference mode could never be trained
def load_model(folder: str | Path, *, sha256: str | None = None) -> AnySize:
    """The model that `save_model` wrote: float32, on the CPU, in `eval()`. Needs no network.

    Args:
        folder: Where it was written.
        sha256: What the checksum of its weights must be, from `weights_digest`; None does not check.

    Raises:
        RunError: when a file is missing, truncated, of another making or of another checksum.
        CodeError: when the run's own code has to be run and nobody on this machine has agreed to that.
        ModelError: when the model can't be built.
    """
    folder = Path(folder)
    config = _read_config(folder)
    name = config.pop(_NAME)
    config.pop(_CLASS, None)
    spec = _spec(folder, name)
    encoder = spec.encoder or config.get("encoder_name")
    try:
        model = source_of(spec).restore(spec, config)
    except KeyError as error:
        raise _foreign(folder, CONFIG_FILE, f"it has no {error}") from None
    model.zoo_name = spec.name
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise RunError(f"{folder} has no {WEIGHTS_FILE}. {_again(folder)}")
    if sha256 is not None and (digest := weights_digest(folder)) != sha256:
        raise RunError(
            f"{path} was changed since it was scored: its SHA-256 is {digest}, and the run's summary.json says "
            f"{sha256}. Copy the run's folder again from where it comes from. {_again(folder)}"
        )
    try:
        tensors = safetensors.torch.load_file(path)
        if isinstance(model, EncoderDecoder):
            tensors = without_stand_ins(tensors)
        model.stored.load_state_dict(tensors)
    except (safetensors.SafetensorError, OSError) as error:
        raise RunError(f"{path} is truncated or damaged ({error}). {_again(folder)}") from error
    except RuntimeError as error:
        detail = str(error).strip().splitlines()[-1].strip()
        raise _foreign(folder, WEIGHTS_FILE, f"its tensors don't fit {spec.title} on {encoder}: {detail}") from error
    return model.eval()


def _spec(folder: Path, name: str) -> ModelSpec:
    """The entry of a stored name; a class of a file is that of the run's copy."""
    code = CodeName.parse(name)
    if code is not None:
        copy = folder / CODE_FOLDER / code.path.name
        if not copy.is_file():
            raise RunError(f"{folder} has no {CODE_FOLDER}/{copy.name}, which makes its network. Put it back.")
        name = f"{copy.as_posix()}:{code.name}"
    try:
        return model_spec(name)
    except UnknownModel:
        raise _foreign(
            folder, CONFIG_FILE, f"{_NAME} is {name!r}, no model of this version or of an installed package"
        ) from None


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_FILE
    try:
        config = parse_json(read_text(path))
    except FileNotFoundError:
        raise RunError(f"{folder} has no {CONFIG_FILE}. {_again(folder)}") from None
    except (ValueError, OSError) as error:
        raise RunError(f"{path} is truncated or damaged ({error}). {_again(folder)}") from error
    if not isinstance(config, dict) or not isinstance(config.get(_NAME), str):
        got = config.get(_NAME) if isinstance(config, dict) else type(config).__name__
        raise _foreign(folder, CONFIG_FILE, f"{_NAME} is {got!r}, no model of this version")
    return config


def _foreign(folder: Path, file: str, why: str) -> RunError:
    return RunError(f"{folder / file} was not written by this version of Segcore: {why}. {_again(folder)}")


def _again(folder: Path) -> str:
    return f"Train it again: python train.py --config {quote(str(folder / 'config.yaml'))}"


def _storable(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu()
    # Running variances go below what float16 can hold, and vectors are a hundredth of the size: they stay exact.
    shrink = half and value.is_floating_point() and value.ndim > 1
    return (value.half() if shrink else value).contiguous().clone()
