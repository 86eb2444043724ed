"""Create any model by name, from whichever source it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from segcore.errors import ModelError, unknown
from segcore.models.base import AnySize
from segcore.models.encoders import Normalization
from segcore.models.registry import DEFAULT_ENCODER, ModelSpec, model_spec
from segcore.models.sources import source_of


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
        name: One of `model_names()`, `hf:ID` or `hf:FOLDER` (Hugging Face), or `FILE.py:CLASS`, which runs the file.
        encoder: Any of smp's encoders; `tu-...` are timm's. Models of other sources come with their own.
        encoder_weights: `imagenet`, `none` or None, or a file or folder of weights. For torchvision's models also
            `coco`, their published weights whole; for `hf:` models anything but `none` is what the id or folder holds.
        classes: Channels of the logits.
        **options: The model's own, e.g. `decoder_channels`; `model_options(name)` lists them.

    Returns:
        A model that maps `[N, 3, H, W]` float, normalised by `model_normalization`, to logits `[N, classes, H, W]`,
        for any H and W.

    Raises:
        UnknownModel: when there is no such model.
        ModelError: on an unknown encoder or option, or a combination that can't be built.
        WeightsError: when the weights can't be had or don't fit.
        CodeError: when a user's file or package can't be run.
    """
    spec = model_spec(name)
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise ModelError(f"{name} with {classes!r} classes; expected a whole number, 1 or more.")
    check_options(spec, options)
    model = source_of(spec).create(spec, encoder, encoder_weights, classes, options)
    model.zoo_name = name
    return model


def model_options(name: str) -> dict[str, Any]:
    """The options a model takes, with its defaults; empty also where it takes any.

    Raises:
        UnknownModel: when there is no such model.
    """
    spec = model_spec(name)
    return source_of(spec).options(spec) or {}


def model_normalization(
    name: str, encoder: str = DEFAULT_ENCODER, encoder_weights: str | None = "imagenet"
) -> Normalization:
    """The normalisation of images that a model expects; nothing is built.

    Raises:
        UnknownModel: when there is no such model.
        ModelError: when there is no such encoder.
    """
    spec = model_spec(name)
    return source_of(spec).normalization(spec, encoder, encoder_weights)


def check_options(spec: ModelSpec, options: Mapping[str, Any]) -> None:
    """Refuse options that a model does not take.

    Raises:
        ModelError: names the first, and the nearest that there is.
    """
    known = source_of(spec).options(spec) if options else None
    for option in options if known is not None else ():
        if not known:
            raise ModelError(f"{spec.name} takes no options, and {option!r} was given. Leave it out.")
        if option not in known:
            raise ModelError(unknown(f"option of {spec.name}", option, known))
