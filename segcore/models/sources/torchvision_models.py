"""torchvision's segmentation models, with its own weights. They are built without their auxiliary classifier.

The auxiliary classifier is a second loss of their training recipe; Segcore trains one output, and a run without it
opens in torchvision as it is (`aux_loss=None`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import torch
from torch import Tensor
from torchvision.models import Weights, get_model_weights, segmentation

from segcore.errors import WeightsError, nearest
from segcore.models.base import Wrapped
from segcore.models.encoder_weights import HUB_PATIENCE, EncoderFit, answers_in_time, load_encoder_state
from segcore.models.encoders import Normalization
from segcore.models.registry import ModelSpec
from segcore.models.state_dict_file import State, read_tensors
from segcore.paths import local_path

_PUBLISHED = ("imagenet", "coco")  # of the backbone; of the whole model
_IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class TorchvisionModel(Wrapped):
    """One of torchvision's segmentation models; its features are those of its backbone."""

    cuts_after_encoder = True
    network: Any  # torchvision has no types

    def features(self, x: Tensor) -> list[Tensor]:
        (padded,) = super().features(x)
        return [padded, *self.network.backbone(padded).values()]

    def decode(self, features: list[Tensor], size: Sequence[int]) -> Tensor:
        self._allow_one_image(features[0])
        image, *stages = features
        height, width = size
        # LR-ASPP's head takes all features, by name; the others' takes the only one.
        head = self.network.classifier
        named = OrderedDict(zip(self.network.backbone.return_layers.values(), stages, strict=True))
        logits: Tensor = head(stages[0] if list(named) == ["out"] else named)
        return self._enlarged(logits, image)[..., :height, :width]


def options(spec: ModelSpec) -> dict[str, Any]:
    """None: torchvision's builders have no options that change the network and keep its weights."""
    return {}


def normalization(spec: ModelSpec, encoder: str, weights: str | None) -> Normalization:
    """ImageNet's, with which torchvision trained all its weights."""
    return _IMAGENET


def check(spec: ModelSpec, encoder: str, weights: str | None, options: Mapping[str, Any]) -> None:
    """Refuse weights that can't be had or don't fit."""
    create(spec, encoder, weights, 1, options)


def create(
    spec: ModelSpec, encoder: str, weights: str | Path | None, classes: int, options: Mapping[str, Any]
) -> TorchvisionModel:
    """A model with torchvision's weights, or those of a file for its backbone."""
    state = _state(spec, weights)
    model = restore(spec, {"classes": classes})
    if weights == "coco":
        model.origin = _load_whole(model, state or {}, spec)
    elif state is not None:
        backbone = model.network.backbone
        load_encoder_state(backbone, state, f"{weights} weights of {spec.encoder}")
        model.origin = "" if weights == "imagenet" else f"{weights}: {EncoderFit.of(backbone, state)}."
    return model


def restore(spec: ModelSpec, config: dict[str, Any]) -> TorchvisionModel:
    """The model that `stored_config` describes, with random weights."""
    classes = config["classes"]
    builder = getattr(segmentation, spec.name)
    network = builder(weights=None, weights_backbone=None, num_classes=classes)
    return TorchvisionModel(
        network, {"classes": classes}, stride=16 if "mobilenet" in spec.name else 8, encoder="backbone"
    )


def _state(spec: ModelSpec, weights: str | Path | None) -> State | None:
    if weights is None or str(weights) == "none":
        return None
    if weights == "coco":
        return _published(get_model_weights(spec.name).DEFAULT, spec)
    if weights == "imagenet":
        return _features(_published(get_model_weights(spec.encoder).IMAGENET1K_V1, spec), spec)
    path = local_path(weights, WeightsError)
    if path.suffix or len(path.parts) > 1 or path.exists():
        return _features(read_tensors(path), spec)
    choices = [*_PUBLISHED, "none"]
    raise WeightsError(
        f"No weights {str(weights)!r} for {spec.name}.{nearest(str(weights), choices)} Choose one of "
        f"{', '.join(choices)}, or a .pth or .safetensors file of its backbone."
    )


def _features(state: State, spec: ModelSpec) -> State:
    """A classifier's tensors by the names of the backbone: of MobileNetV3, the backbone is what is in `features`."""
    prefix = "features."
    inside = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    return inside or state


def _published(weights: Weights, spec: ModelSpec) -> State:
    """Torchvision's weights, from its cache or its server; read as data."""
    url = urlsplit(weights.url)
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(url.path).name
    try:
        if not cached.is_file() and not answers_in_time(lambda: _ask(weights.url)):
            raise OSError(f"{url.hostname} can't be reached")
        state: State = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        return state
    except (OSError, RuntimeError) as error:  # urllib's errors are OSErrors; a wrong hash is a RuntimeError
        raise WeightsError(
            f"No {weights} weights for {spec.name}: {error}, and they are not at {cached}. Put {weights.url} there, or "
            "give --encoder-weights FILE (a file of the backbone), or none to start from random weights."
        ) from error


def _ask(url: str) -> None:
    urlopen(Request(url, method="HEAD"), timeout=HUB_PATIENCE).close()


def _load_whole(model: TorchvisionModel, state: State, spec: ModelSpec) -> str:
    """Load all tensors but those of the last layer, which has one row a class."""
    own = model.network.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and value.shape == own[name].shape}
    left = [name for name in own if name not in fitting]
    model.network.load_state_dict(fitting, strict=False)
    return f"coco: {len(fitting)} of the model's {len(own)} tensors are torchvision's; {', '.join(left)} begin fresh."
