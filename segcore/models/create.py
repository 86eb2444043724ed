"""Build any model of the catalogue by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from segcore.errors import ModelError, first_line, unknown
from segcore.models.base import AnySize
from segcore.models.encoder_weights import encoder_state, load_encoder_state
from segcore.models.encoders import DILATABLE, check_encoder, drop_unused_stages, probe_image
from segcore.models.registry import DEFAULT_ENCODER, ModelSpec, model_spec

# Arguments that create_model sets itself, or that would make the output something other than logits.
_RESERVED = frozenset({"self", "encoder_name", "encoder_weights", "classes", "in_channels", "activation", "aux_params"})


@torch.inference_mode(False)  # parameters made in inference mode could never be trained
def create_model(
    name: str,
    *,
    encoder: str = DEFAULT_ENCODER,
    encoder_weights: str | Path | None = "imagenet",
    classes: int,
    **options: Any,  # noqa: ANN401 - each architecture has its own
) -> AnySize:
    """A segmentation model, ready to train.

    Args:
        name: One of `model_names()`.
        encoder: Any of smp's encoders; `tu-...` are timm's.
        encoder_weights: `imagenet`, `none` or None, or a file or folder of weights.
        classes: Channels of the logits.
        **options: The architecture's own, e.g. `decoder_channels`; `model_options(name)` lists them.

    Returns:
        A model that maps `[N, 3, H, W]` float, normalised by `normalization(encoder, encoder_weights)`, to logits
        `[N, classes, H, W]`, for any H and W.

    Raises:
        UnknownModel: when there is no such architecture.
        ModelError: on an unknown encoder or option, or a combination that can't be built.
        WeightsError: when the encoder's weights can't be had or don't fit.
    """
    spec = model_spec(name)
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise ModelError(f"{name} with {classes!r} classes; expected a whole number, 1 or more.")
    for option in options:
        if option not in model_options(name):
            raise ModelError(unknown(f"option of {name}", option, model_options(name)))
    check_encoder(encoder)
    state = encoder_state(encoder, encoder_weights)
    model = build(spec, encoder, classes, {**spec.options, **options})
    if state is not None:
        load_encoder_state(model.encoder, state, f"{encoder_weights} weights of {encoder}")
    return model


def model_options(name: str) -> dict[str, Any]:
    """The options an architecture takes, with its defaults.

    Raises:
        UnknownModel: when there is no such architecture.
    """
    spec = model_spec(name)
    fixed = _RESERVED | {"stride"}
    defaults = {
        parameter.name: parameter.default
        for parameter in inspect.signature(spec.architecture.__init__).parameters.values()
        if parameter.name not in fixed and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    return {**defaults, **{option: value for option, value in spec.options.items() if option not in fixed}}


def build(spec: ModelSpec, encoder: str, classes: int, options: Mapping[str, Any]) -> AnySize:
    """A model with random weights, without the encoder stages that it does not use.

    Raises:
        ModelError: when the architecture can't be built on this encoder.
    """
    try:
        model = spec.architecture(encoder_name=encoder, encoder_weights=None, classes=classes, **options)
        if spec.dilated:
            _check_stride(model)
        drop_unused_stages(model.encoder)
    except ModelError:
        raise
    except Exception as error:  # smp and timm raise ValueError, AssertionError, NotImplementedError, TypeError ...
        reason = first_line(error).rstrip(".!")
        if spec.dilated:
            raise ModelError(
                f"{spec.title} can't be built on {encoder!r}: it replaces the encoder's last strides with dilation, "
                f"which this one does not allow ({reason}). Encoders that do: {', '.join(DILATABLE)}."
            ) from error
        raise ModelError(
            f"{spec.title} can't be built on {encoder!r}: {reason}. Choose another encoder, or other options."
        ) from error
    model.zoo_name = spec.name
    return model


@torch.no_grad()
def _check_stride(model: AnySize) -> None:
    """Raise `ValueError` when the encoder ignores the output stride that was set, as some do."""
    image = probe_image()
    expected = image.shape[-1] // model.encoder.output_stride
    was_training = model.training
    deepest = model.encoder.eval()(image)[-1]
    model.train(was_training)
    if deepest.shape[-1] != expected:
        raise ValueError(f"stride set to {model.encoder.output_stride}, got {image.shape[-1] // deepest.shape[-1]}")
