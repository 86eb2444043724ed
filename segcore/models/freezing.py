"""Freezes parts of a model, groups its parameters by learning rate, and counts them."""

from __future__ import annotations

from typing import Any

from torch import nn

from segcore.errors import ModelError
from segcore.models.base import AnySize, EncoderDecoder
from segcore.models.encoders import parameter_stages
from segcore.models.registry import model_title


def set_trainable(model: AnySize, freeze: str | int = "none") -> None:
    """Freeze the encoder or its first stages, in place; everything else is trained.

    A frozen stage's normalisation layers keep their statistics as well, also under `model.train()`.

    Args:
        model: From `create_model`.
        freeze: `none`, `encoder`, or the number of stages to freeze, counted from the image: 1 is what makes the
            features of stride 2, 2 also those of stride 4, to 5 for stride 32.

    Raises:
        ModelError: on anything else, and where the model has no encoder, or one whose stages are not known.
    """
    text = str(freeze)
    if text not in ("none", "encoder") and not (text.isdecimal() and 0 <= int(text) <= 5):
        raise ModelError(
            f"freeze is {freeze!r}; expected none, encoder, or how many encoder stages to freeze (0 to 5)."
        )
    model.requires_grad_(True)
    if text not in ("none", "0"):
        _freeze(model, text)
    model.train(model.training)  # puts the frozen normalisation layers to eval, and the thawed ones back


def _freeze(model: AnySize, text: str) -> None:
    encoder, title = model.encoder_part, model_title(model.zoo_name)
    if encoder is None:
        raise ModelError(
            f"freeze is {text} and {title} has no encoder to freeze (no attribute `encoder`). Write --freeze none."
        )
    if text == "encoder":
        encoder.requires_grad_(False)
        return
    if not isinstance(model, EncoderDecoder):
        raise ModelError(
            f"freeze is {text}, a number of stages, and the encoder of {title} has no stages that Segcore knows. Write "
            "--freeze encoder or none."
        )
    stages = parameter_stages(encoder)
    for name, parameter in encoder.named_parameters():
        parameter.requires_grad_(stages.get(name, 0) > int(text))


def parameter_groups(
    model: AnySize,
    *,
    lr: float,
    encoder_lr_factor: float = 1.0,
    head_lr_factor: float | None = None,
    weight_decay: float = 0.0,
) -> list[dict[str, Any]]:
    """Groups for a torch optimizer: encoder (where there is one) and the rest, each with and without weight decay.

    Normalisation weights and biases (every parameter of fewer than two dimensions) are not decayed.

    Args:
        model: From `create_model`; its frozen parameters are left out.
        lr: Learning rate.
        encoder_lr_factor: On `lr` for the encoder.
        head_lr_factor: On `lr` for everything else; None is the architecture's own: 10 for DeepLabV2, else 1.
        weight_decay: For the decayed groups.

    Returns:
        Up to four `{name, params, lr, weight_decay}`; empty ones are left out.
    """
    factors = {"encoder": encoder_lr_factor, "head": model.head_lr_factor if head_lr_factor is None else head_lr_factor}
    encoder = set() if model.encoder_part is None else set(model.encoder_part.parameters())
    groups: list[dict[str, Any]] = []
    for part, factor in factors.items():
        parameters = [
            parameter
            for parameter in model.parameters()
            if parameter.requires_grad and (parameter in encoder) == (part == "encoder")
        ]
        decayed = [parameter for parameter in parameters if parameter.ndim > 1]
        others = [parameter for parameter in parameters if parameter.ndim <= 1]
        for suffix, members, decay in (("", decayed, weight_decay), ("_no_decay", others, 0.0)):
            if members:
                groups.append({"name": part + suffix, "params": members, "lr": lr * factor, "weight_decay": decay})
    return groups


def count_parameters(model: nn.Module, *, trainable: bool = False) -> int:
    """Number of parameters; with `trainable`, of those that are not frozen."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad or not trainable)
