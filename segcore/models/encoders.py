"""The encoders: their names, the normalisation each expects, and the stage each parameter belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import segmentation_models_pytorch as smp
import timm
import torch
from torch import Tensor, nn

from segcore.errors import ModelError, nearest

TIMM_PREFIX = "tu-"
ENCODER_LISTS = "https://smp.readthedocs.io/en/latest/encoders.html and encoders_timm.html beside it"
SUGGESTED = (
    "tu-tf_efficientnet_lite0",
    "resnet34",
    "resnet50",
    "mobilenet_v2",
    "efficientnet-b0",
    "vgg16_bn",
    "mit_b0",
)
DILATABLE = ("tu-tf_efficientnet_lite0", "resnet34", "resnet50", "resnet101", "mobilenet_v2", "efficientnet-b0")


@dataclass(frozen=True)
class Normalization:
    """The normalisation an encoder was trained with: `(rgb - mean) / std` for RGB in 0..1."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


_IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_DPN = Normalization((124 / 255, 117 / 255, 104 / 255), (1 / (0.0167 * 255),) * 3)

# smp keeps these on its hub, next to the weights; here they are known without a network.
_BY_FAMILY: Mapping[str, Normalization] = MappingProxyType(
    {"dpn": _DPN, "inception": _HALF, "xception": _HALF, "timm-tf_efficientnet_lite": _HALF}
)


def check_encoder(encoder: str) -> None:
    """Check that an encoder exists.

    Raises:
        ModelError: with the nearest name, a few good ones, and where all are listed.
    """
    if encoder in smp.encoders.encoders:
        return
    if encoder.startswith(TIMM_PREFIX) and timm.is_model(encoder.removeprefix(TIMM_PREFIX)):
        return
    names = [*smp.encoders.encoders, *(TIMM_PREFIX + name for name in timm.list_models())]
    raise ModelError(
        f"No encoder {encoder!r}.{nearest(encoder, names)} Some that work: {', '.join(SUGGESTED)}. "
        f"All {len(names)}: {ENCODER_LISTS}."
    )


def normalization(encoder: str, encoder_weights: str | None = "imagenet") -> Normalization:
    """Mean and standard deviation that the encoder's published weights expect.

    Args:
        encoder: smp's name for it.
        encoder_weights: `advprop` weights expect another one; a file and no weights at all are taken to want the
            encoder's usual one.

    Raises:
        ModelError: when there is no such encoder.
    """
    check_encoder(encoder)
    if encoder.startswith(TIMM_PREFIX):
        config = timm.get_pretrained_cfg(encoder.removeprefix(TIMM_PREFIX))
        return Normalization(_triple(config.mean), _triple(config.std)) if config else _IMAGENET
    if encoder_weights == "advprop":
        return _HALF
    for family, values in _BY_FAMILY.items():
        if encoder.startswith(family):
            return values
    return _IMAGENET


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = values
    return float(red), float(green), float(blue)


def probe_image(size: int = 64) -> Tensor:
    """A test image `[1, 3, size, size]`, float32 in -1..1: the same every time; no random generator is used."""
    return torch.linspace(-1, 1, 3 * size * size).reshape(1, 3, size, size)


def parameter_stages(encoder: nn.Module) -> dict[str, int]:
    """The stage of each parameter: the first of the encoder's features that depends on it.

    Found by following gradients, so it holds for every encoder whatever its modules are called.

    Returns:
        Parameter name -> 1 (stride 2) to 5 (stride 32). Parameters that no feature depends on are left out.
    """
    stages: dict[str, int] = {}
    with _probing(encoder):
        for stage, feature in enumerate(_features(encoder)):
            for name in _contributing(encoder, feature):
                stages.setdefault(name, max(stage, 1))  # a VGG has features at the image's own size
    return stages


def drop_unused_stages(encoder: nn.Module) -> int:
    """Replace the modules that no feature depends on, in place: smp builds all five stages even to use three.

    The features must stay bit for bit what they were; an encoder where they would not keeps everything.

    Returns:
        Parameters dropped.
    """
    with _probing(encoder):
        before = _features(encoder)
        used = _contributing(encoder, sum((feature.sum() for feature in before), torch.zeros(())))
        unused = {name: encoder.get_submodule(name) for name in _topmost_unused(encoder, used)}
        for name, module in unused.items():
            encoder.set_submodule(name, _Dropped(module))
        if unused and not _same_features(encoder, before):
            for name, module in unused.items():
                encoder.set_submodule(name, module)
            return 0
    return sum(parameter.numel() for module in unused.values() for parameter in module.parameters())


def dropped_tensors(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the tensors of a model that `drop_unused_stages` dropped."""
    modules = [(name, module) for name, module in model.named_modules() if isinstance(module, _Dropped)]
    return {f"{name}.{key}": shape for name, module in modules for key, shape in module.shapes.items()}


class _Dropped(nn.Module):
    """Stands in for a module that is never needed; unlike `nn.Identity` it accepts any arguments."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.shapes = {name: tuple(value.shape) for name, value in module.state_dict().items()}

    def forward(self, x: Tensor, *_: object, **__: object) -> Tensor:
        return x


@contextmanager
def _probing(encoder: nn.Module) -> Iterator[None]:
    """Inside the block, the encoder is in `eval()` and tracks every parameter; afterwards it is as it was."""
    was_training = {module: module.training for module in encoder.modules()}
    frozen = [parameter for parameter in encoder.parameters() if not parameter.requires_grad]
    encoder.eval().requires_grad_(True)
    try:
        with torch.enable_grad():
            yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
        for module, mode in was_training.items():
            module.training = mode


def _features(encoder: nn.Module) -> list[Tensor]:
    features: list[Tensor] = encoder(probe_image().to(next(encoder.parameters()).device))
    return features


def _contributing(encoder: nn.Module, output: Tensor) -> set[str]:
    """Names of the parameters that `output` depends on."""
    if not output.requires_grad or output.numel() == 0:  # the image itself, or smp's placeholder for stride 2
        return set()
    names, parameters = zip(*encoder.named_parameters(), strict=True)
    gradients = torch.autograd.grad(output.sum(), parameters, retain_graph=True, allow_unused=True)
    return {name for name, gradient in zip(names, gradients, strict=True) if gradient is not None}


def _same_features(encoder: nn.Module, before: list[Tensor]) -> bool:
    try:
        pairs = zip(before, _features(encoder), strict=True)
        return all(old.shape == new.shape and (old.is_meta or torch.equal(old, new)) for old, new in pairs)
    except (RuntimeError, TypeError, AttributeError, ValueError):
        return False  # its forward wants more of the module than a stand-in has


def _topmost_unused(encoder: nn.Module, used: set[str]) -> list[str]:
    """Names of modules with parameters of which none is used, without those inside another such module."""
    unused: list[str] = []
    for name, module in encoder.named_modules():
        if any(name.startswith(f"{other}.") for other in unused):
            continue
        own = [f"{name}.{parameter}" if name else parameter for parameter, _ in module.named_parameters()]
        if own and not used.intersection(own):
            unused.append(name)
    return unused
