"""Segcore's own architectures, each on any of smp's encoders."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from segcore.errors import ModelError, first_line
from segcore.models.base import EncoderDecoder
from segcore.models.encoder_weights import EncoderFit, encoder_state, is_weights_file, load_encoder_state
from segcore.models.encoders import DILATABLE, Normalization, check_encoder, drop_unused_stages, probe_image
from segcore.models.encoders import normalization as encoder_normalization
from segcore.models.registry import ModelSpec

# Arguments that `create` sets itself, or that would make the output something other than logits.
_RESERVED = frozenset(
    {"self", "encoder_name", "encoder_weights", "classes", "in_channels", "activation", "aux_params", "stride"}
)


def options(spec: ModelSpec) -> dict[str, Any]:
    """The options that the architecture takes, with its defaults."""
    defaults = {
        parameter.name: parameter.default
        for parameter in inspect.signature(_architecture(spec).__init__).parameters.values()
        if parameter.name not in _RESERVED and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    return {**defaults, **{option: value for option, value in spec.options.items() if option not in _RESERVED}}


def normalization(spec: ModelSpec, encoder: str, weights: str | None) -> Normalization:
    """The normalisation that the encoder's weights expect."""
    return encoder_normalization(encoder, weights)


def check(spec: ModelSpec, encoder: str, weights: str | None, options: Mapping[str, Any]) -> None:
    """Refuse an unknown encoder, and weights that can't be had or don't fit it."""
    check_encoder(encoder)
    if is_weights_file(encoder, weights):
        create(spec, encoder, weights, 1, options)
    else:
        encoder_state(encoder, weights)


def create(
    spec: ModelSpec, encoder: str, weights: str | Path | None, classes: int, options: Mapping[str, Any]
) -> EncoderDecoder:
    """A model with the encoder's weights; the rest starts random."""
    check_encoder(encoder)
    state = encoder_state(encoder, weights)
    model = build(spec, encoder, classes, {**spec.options, **options})
    if state is not None:
        load_encoder_state(model.encoder, state, f"{weights} weights of {encoder}")
        if is_weights_file(encoder, weights):
            model.origin = f"{weights}: {EncoderFit.of(model.encoder, state)}."
    return model


def restore(spec: ModelSpec, config: dict[str, Any]) -> EncoderDecoder:
    """The model that `stored_config` describes, with random weights."""
    config.pop("encoder_weights", None)
    encoder, classes = config.pop("encoder_name"), config.pop("classes")
    return build(spec, encoder, classes, config)


def build(spec: ModelSpec, encoder: str, classes: int, options: Mapping[str, Any]) -> EncoderDecoder:
    """A model with random weights, without the encoder stages that it does not use.

    Raises:
        ModelError: when the architecture can't be built on this encoder.
    """
    try:
        model = _architecture(spec)(encoder_name=encoder, encoder_weights=None, classes=classes, **options)
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
    return model


def _architecture(spec: ModelSpec) -> type[EncoderDecoder]:
    module, _, name = spec.builder.partition(":")
    loaded: type[EncoderDecoder] = getattr(import_module(module), name)
    return loaded


@torch.no_grad()
def _check_stride(model: EncoderDecoder) -> None:
    """Raise `ValueError` when the encoder ignores the output stride that was set, as some do."""
    image = probe_image()
    expected = image.shape[-1] // model.encoder.output_stride
    was_training = model.training
    deepest = model.encoder.eval()(image)[-1]
    model.train(was_training)
    if deepest.shape[-1] != expected:
        raise ValueError(f"stride set to {model.encoder.output_stride}, got {image.shape[-1] // deepest.shape[-1]}")
