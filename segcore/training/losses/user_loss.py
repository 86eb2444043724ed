"""Losses of users: a function in a file (`my_losses.py:tversky`), or what a package announces in `segcore.losses`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from segcore.errors import CodeError, typed_line
from segcore.extensions import packages
from segcore.extensions.code_file import CodeName
from segcore.labels import IGNORE_INDEX
from segcore.training.losses.batch_statistics import Pixels
from segcore.training.losses.terms import TERMS, LossOptions, Term

Loss = Callable[[Tensor, Tensor], Any]


def term(name: str) -> Term:
    """How a loss is computed, by its name in a sum of losses.

    A user's loss is of a whole batch. Where several processes share one, it is the mean of theirs, weighted by images.

    Raises:
        CodeError: when a file or package can't be run.
    """
    if name in TERMS:
        return TERMS[name]
    loss = _load(name)

    def sums(pixels: Pixels, _: LossOptions) -> Tensor:
        logits = pixels.logits.to(torch.promote_types(pixels.logits.dtype, torch.float32))
        value = loss(logits, pixels.target)
        return torch.stack([value * len(logits), value.new_tensor(float(len(logits)))])

    return Term(sums)


def check_loss(name: str) -> None:
    """Check that a user's loss gives a finite scalar with a gradient, also for a batch of ignored pixels alone.

    Raises:
        CodeError: names what it gives instead.
    """
    if name in TERMS:
        return
    loss = _load(name)
    for what, target in (("a batch", torch.arange(2 * 8 * 12) % 4), ("ignored pixels alone", torch.full((192,), 3))):
        target = target.where(target != 3, IGNORE_INDEX).reshape(2, 8, 12)
        logits = torch.linspace(-1, 1, 2 * 3 * 8 * 12).reshape(2, 3, 8, 12).requires_grad_()
        about = f"The loss {name} of {what} (logits [2, 3, 8, 12], target [2, 8, 12] with {IGNORE_INDEX} ignored)"
        try:
            value = loss(logits, target)
        except Exception as error:  # whatever a user's function raises
            raise CodeError(f"{about} fails: {typed_line(error)}. It is called with logits and target.") from error
        if not isinstance(value, Tensor) or value.ndim or not value.isfinite():
            got = value if not isinstance(value, Tensor) or not value.ndim else f"a tensor {list(value.shape)}"
            raise CodeError(f"{about} is {got}; expected one finite number, a tensor of no dimensions.")
        gradient = torch.autograd.grad(value, logits, allow_unused=True)[0] if value.requires_grad else None
        if gradient is None or not gradient.isfinite().all() or (what == "a batch" and not gradient.any()):
            raise CodeError(f"{about} has no finite gradient by the logits; nothing could be trained.")


def _load(name: str) -> Loss:
    code = CodeName.parse(name)
    made = code.load() if code is not None else packages.load(packages.announced(packages.LOSSES)[name])
    loss = made() if isinstance(made, type) else made
    if not callable(loss):
        raise CodeError(f"{name} is a {type(loss).__name__}; expected a function of logits and target.")
    return loss
