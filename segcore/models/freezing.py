"""Freezes parts of a model, groups its parameters by learning rate, and counts them."""

from __future__ import annotations

from typing import Any

from torch import nn

from segcore.errors import ModelError
from segcore.models.base import AnySize
from segcore.models.encoders import parameter_stages


def set_trainable(model: AnySize, freeze: str | int = "none") -> None:
    """Freeze the encoder or its first stages, in place; everything else is trained.

    A frozen stage's normalisation layers keep their statistics as well, also under `model.train()`.

    Args:
        model: From `create_model`.
        freeze: `none`, `encoder`, or the number of stages to freeze, counted from the image: 1 is what makes the
            features of stride 2, 2 also those of stride 4, to 5 for stride 32.

    Raises:
        ModelError: on anything else.
    """
    text = str(freeze)
    if text not in ("none", "encoder") and not (text.isdecimal() and 0 <= int(text) <= 5):
        raise ModelError(
            f"freeze is {freeze!r}; expected none, encoder, or how many encoder stages to freeze (0 to 5)."
        )
    model.requires_grad_(True)
    if text == "encoder":
        model.encoder.requires_grad_(False)
    elif text != "none" and int(text):
        stages = parameter_stages(model.encoder)
        for name, parameter in model.encoder.named_parameters():
            parameter.requires_grad_(stages.get(name, 0) > int(text))
    model.train(model.training)  # puts the frozen normalisation layers to eval, and the thawed ones back


def parameter_groups(
    model: AnySize,
    *,
    lr: float,
    encoder_lr_factor: float = 1.0,
    head_lr_factor: float | None = None,
    weight_decay: float = 0.0,
) -> list[dict[str, Any]]:
    """Groups for a torch optimizer: encoder and the rest, each with and without weight decay.

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
    groups: list[dict[str, Any]] = []
    for part, factor in factors.items():
        parameters = [
            parameter
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and name.startswith("encoder.") == (part == "encoder")
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
