"""Reads the tensors of a file or folder of weights, as people have them; never by running its code."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from segcore.errors import WeightsError, enumerated, first_line, nearest
from segcore.paths import local_path
from segcore.reading import open_file

State = dict[str, Tensor]

# Keys under which checkpoints keep a state dict, in order of preference.
WRAPPERS = (
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "state_dict_ema", "model_ema", "ema",
    "ema_state_dict", "module", "weights", "params", "encoder", "backbone",
)  # fmt: skip
STAND_IN = torch.uint8  # type of a tensor that only readers other than Segcore want; its content is never used
# Files of a `save_pretrained` folder, the best first.
FOLDER_FILES = ("model.safetensors", "pytorch_model.safetensors", "pytorch_model.bin", "model.pth", "model.pt")
PREFIXES = ("module", "model", "encoder", "_orig_mod", "net", "network", "backbone")
_CODE = re.compile(r"unsupported (global|class)", re.IGNORECASE)  # torch's words for an object that is no plain value
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt")
_EXPECTED = enumerated(SUFFIXES, "or")


def read_tensors(given: str | Path) -> State:
    """The tensors in a file of weights, or in a folder that `save_pretrained` wrote.

    A `.safetensors` file is a table of tensors. Any other file is what `torch.save` wrote, and is read as data: a
    state dict, or a checkpoint that holds one under a usual name (`WRAPPERS`), as Lightning's and timm's do.

    Args:
        given: Path of the file or folder.

    Returns:
        Tensors by the names in the file.

    Raises:
        WeightsError: when it is missing, damaged, holds no table of tensors, or could only be read by running its code.
    """
    path = weights_file(given)
    try:
        safe = path.suffix.lower() == ".safetensors" or _is_safetensors(path)
    except OSError as error:
        raise WeightsError(f"{path}: can't be read ({error.strerror or error}). Get the file again.") from None
    return _read_safetensors(path) if safe else _read_torch(path)


def weights_file(given: str | Path) -> Path:
    """The file of weights at a path: itself, or the one in a folder.

    Raises:
        WeightsError: when there is none, or the folder has its weights in several parts.
    """
    path = local_path(given, WeightsError)
    if path.is_file():
        return path
    if not path.exists():
        siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise WeightsError(
            f"{path}: no such file of weights.{nearest(path.name, siblings)} Expected a {_EXPECTED} file, or a folder "
            "that save_pretrained wrote."
        )
    parts = sorted(file.name for file in path.glob("*.index.json"))
    if parts:
        raise WeightsError(
            f"{path}: its weights are in several files ({parts[0]}). Write them as one: "
            "model.save_pretrained(FOLDER, max_shard_size='100GB')."
        )
    files = [path / name for name in FOLDER_FILES if (path / name).is_file()]
    if not files:
        raise WeightsError(
            f"{path}: a folder without weights; expected one of {', '.join(FOLDER_FILES)} in it. "
            "Give the file itself if it has another name."
        )
    return files[0]


def plain_names(state: Mapping[str, Tensor]) -> State:
    """The tensors by names without the prefixes that wrappers put before them, and as timm's feature nets write them.

    Tensors whose names would be the same are left out, since nothing says which of them is meant.

    >>> sorted(plain_names({"module.model.encoder.conv1.weight": torch.zeros(1)}))
    ['conv1_weight']
    """
    own = _of_the_encoder(state)
    count = Counter(map(plain_name, own))
    return {plain_name(name): value for name, value in own.items() if count[plain_name(name)] == 1}


def plain_name(name: str) -> str:
    """A name without prefixes, however nested, and with `_` for `.` (`stages_0` for `stages.0`).

    >>> plain_name("_orig_mod.module.encoder.stages.0.conv.weight")
    'stages_0_conv_weight'
    """
    first, dot, rest = name.partition(".")
    while dot and first in PREFIXES:
        name = rest
        first, dot, rest = name.partition(".")
    return name.replace(".", "_")


def _of_the_encoder(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The tensors of the encoder alone where some are called so: a decoder's may have the same names."""
    own = {name: value for name, value in state.items() if {"encoder", "backbone"} & set(_prefixes(name))}
    return own or state


def _prefixes(name: str) -> list[str]:
    prefixes = []
    for part in name.split("."):
        if part not in PREFIXES:
            break
        prefixes.append(part)
    return prefixes


def _is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors do: eight bytes of length, then JSON; `.bin` files may be either."""
    with open_file(path) as handle:
        head = handle.read(9)
    return len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size


def _read_safetensors(path: Path) -> State:
    try:
        return without_stand_ins(safetensors.torch.load_file(path))
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: can't be read as weights ({first_line(error)}). Get the file again.") from error


class _Inert:
    """Stands for an object of any other class: keeps what the file says of its attributes, and runs nothing."""

    def __new__(cls, *_: object, **__: object) -> Self:
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state


def _read_torch(path: Path) -> State:
    """What `torch.save` wrote, with an `_Inert` for each object that is no tensor, number, text or container."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # files of torch before 1.6 are no zips, and damaged ones are nothing
        names = []
    try:
        with torch.serialization.safe_globals([(_Inert, name) for name in names]), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # asks users to report it to torch
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle.UnpicklingError, and many others for damaged files
        if names or _CODE.search(str(error)):
            raise _refused(path, names) from None
        raise WeightsError(
            f"{path}: can't be read as weights ({_reason(path)}). Expected a {_EXPECTED} file of tensors. Get the file "
            "again."
        ) from error
    try:
        return _unwrapped(content, path)
    except WeightsError:
        if names:
            raise _refused(path, names) from None
        raise


def _refused(path: Path, names: Sequence[str]) -> WeightsError:
    classes = ", ".join(sorted(names)[:3]) + (" ..." if len(names) > 3 else "")
    return WeightsError(
        f"{path}: holds objects{f' of {classes}' if names else ''} and no table of tensors. Such objects could only be "
        "read by running code of the file, which is refused: it may do anything. Where you trust the file, save its "
        "tensors: torch.save(model.state_dict(), 'weights.pth')."
    )


def _reason(path: Path) -> str:
    size = path.stat().st_size
    if not size:
        return "it is empty"
    with path.open("rb") as handle:
        head = handle.read(512)
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, not the file itself: git lfs pull"
    if head.lstrip()[:1] == b"<":
        return "it is a web page"
    if head.startswith(b"PK") and not _is_zip(path):
        return f"it is cut off, {size} bytes"
    return "it is damaged, or another kind of file"


def _is_zip(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # as of several disks
        return False


def _unwrapped(content: object, path: Path) -> State:
    """The state dict in what a file holds, under the first of the usual names that it has."""
    for _ in range(4):  # {"model": {"state_dict": ...}}
        if isinstance(content, _Inert):
            content = dict(_module_tensors(content))
        if not isinstance(content, Mapping) or _tensors(content):
            break
        inner = [content[key] for key in WRAPPERS if isinstance(content.get(key), (Mapping, _Inert))]
        if not inner:
            break
        content = inner[0]
    tensors = _tensors(content) if isinstance(content, Mapping) else {}
    if not tensors:
        keys = f" with {', '.join(map(str, list(content)[:6]))}" if isinstance(content, Mapping) and content else ""
        raise WeightsError(
            f"{path}: holds {type(content).__name__}{keys}; expected tensors by name (a state_dict), or a checkpoint "
            f"that has them as {', '.join(WRAPPERS[:4])} ..."
        )
    return tensors


def _tensors(content: Mapping[object, object]) -> State:
    """The tensors of a state dict; empty where there is none.

    A state dict may hold other values too (a quantiser's), a checkpoint no tensors but its state dict's.
    """
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    nested = any(isinstance(value, (Mapping, _Inert)) for value in content.values())
    return {} if nested or 2 * len(tensors) <= len(content) else tensors


def _module_tensors(module: _Inert, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """What `state_dict()` of a pickled torch module would return, from its attributes."""
    state = module.state if isinstance(module.state, Mapping) else {}
    for kind in ("_parameters", "_buffers"):
        for name, value in (state.get(kind) or {}).items():
            if isinstance(value, Tensor):
                yield prefix + name, value
    for name, child in (state.get("_modules") or {}).items():
        if isinstance(child, _Inert):
            yield from _module_tensors(child, f"{prefix}{name}.")


def without_stand_ins(tensors: State) -> State:
    """Leave out what `save_model` writes for the stages that an encoder does not use."""
    return {name: value for name, value in tensors.items() if value.dtype != STAND_IN}
