"""What every model promises, checked on one that the project's own tests don't know, before any data is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from segcore.atomic_files import scratch_folder
from segcore.errors import ModelError, SegcoreError, typed_line
from segcore.models.base import AnySize
from segcore.models.create import check_options
from segcore.models.registry import ModelSpec, model_spec
from segcore.models.sources import source_of
from segcore.models.storage import load_model, save_model

CLASSES = 7  # of the model that is checked: a number that no class has by default
SIZES = ((64, 96), (33, 47), (1, 1))  # (height, width)


def check_model(name: str, encoder: str, encoder_weights: str | None, options: Mapping[str, Any]) -> None:
    """Refuse a model that can't be built, weights that can't be had or don't fit, and a network that breaks a promise.

    Raises:
        SegcoreError: as `create_model`.
        ModelError: names the promise, and what the network does instead.
    """
    spec = model_spec(name)
    if spec.source != "segcore":  # one of these that fails when it is built does not stop the others
        check_options(spec, options)
    with torch.inference_mode(False), torch.random.fork_rng(devices=[]):
        model = source_of(spec).check(spec, encoder, encoder_weights, options)
        if model is not None:
            model.zoo_name = name
            check_contract(model, spec)


def check_contract(model: AnySize, spec: ModelSpec) -> None:
    """Check that a model keeps what every model promises: sizes, finite logits, gradient, save and load.

    Args:
        model: A model of `CLASSES` classes; its weights change.
        spec: Its entry, for messages.

    Raises:
        ModelError: names the promise, and what the network does instead.
    """
    for size in SIZES:
        _check_logits(model.eval(), size, spec)
    _check_gradient(model.train(), spec)
    _check_storage(model.eval(), spec)


def _check_logits(model: AnySize, size: tuple[int, int], spec: ModelSpec) -> None:
    image = torch.linspace(-1, 1, 3 * size[0] * size[1]).reshape(1, 3, *size)
    with torch.no_grad():
        logits = _called(model, image, spec)
    if not torch.isfinite(logits).all():
        raise ModelError(f"{spec.title} gives logits that are not finite for an image {list(image.shape)} in -1..1.")


def _called(model: AnySize, image: Tensor, spec: ModelSpec) -> Tensor:
    try:
        logits = model(image)
    except SegcoreError:
        raise
    except Exception as error:  # whatever a network raises
        hint = (
            "A network whose stages have to fit together states a class attribute output_stride (32, for instance): "
            "images are then padded to a multiple of it."
            if spec.source in ("file", "package")
            else "It may take images of one size only; choose another model."
        )
        raise ModelError(
            f"{spec.title} fails on an image {list(image.shape)}: {typed_line(error)}. Expected logits for an image of "
            f"any size. {hint}"
        ) from error
    expected = [len(image), CLASSES, *image.shape[2:]]
    if list(logits.shape) != expected:
        raise ModelError(
            f"{spec.title} with {CLASSES} classes gives {list(logits.shape)} for an image {list(image.shape)}; "
            f"expected {expected}: one channel for each of the classes that it is called with."
        )
    return logits


def _check_gradient(model: AnySize, spec: ModelSpec) -> None:
    """Train on two images, and on one."""
    for count in (2, 1):
        image = torch.linspace(-1, 1, count * 3 * 64 * 96).reshape(count, 3, 64, 96)
        target = torch.arange(count * 64 * 96).reshape(count, 64, 96) % CLASSES
        model.zero_grad()
        logits = _called(model, image, spec)
        if not logits.requires_grad:
            raise ModelError(
                f"{spec.title}'s logits have no gradient: it has no parameters, or computes under torch.no_grad() or "
                "with detach(). Nothing could be trained."
            )
        try:
            nn.functional.cross_entropy(logits, target).backward()
        except RuntimeError as error:
            raise ModelError(f"{spec.title} has no backward pass: {typed_line(error)}.") from error
        gradients = {name: value.grad for name, value in model.stored.named_parameters() if value.requires_grad}
        if not any(gradient is not None and bool(gradient.any()) for gradient in gradients.values()):
            raise ModelError(
                f"None of the {len(gradients)} parameters of {spec.title} gets a gradient from the logits. Is the "
                "part with the parameters used?"
            )


def _check_storage(model: AnySize, spec: ModelSpec) -> None:
    image = torch.linspace(-1, 1, 3 * 64 * 96).reshape(1, 3, 64, 96)
    with scratch_folder("model") as folder, torch.no_grad():
        expected = model(image)
        if not torch.equal(model(image), expected):
            raise ModelError(
                f"{spec.title} gives other logits each time for the same image in eval(). Draw random numbers in "
                "training mode only (self.training)."
            )
        try:
            save_model(model, folder, half=False)
            loaded = load_model(folder)
        except (SegcoreError, TypeError, ValueError) as error:
            raise ModelError(f"{spec.title} can't be saved and loaded: {typed_line(error)}") from error
        if not torch.equal(loaded(image), expected):
            raise ModelError(
                f"{spec.title} gives other logits after it is saved and loaded. Keep every tensor that decides them as "
                "nn.Parameter or by register_buffer, so that state_dict() has it."
            )
