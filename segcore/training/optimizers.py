"""Optimizers and learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from segcore.training.config import TrainConfig
from segcore.training.registry import SCHEDULES, check_choice

_START = 1 / 25  # share of the highest learning rate at which a warm-up starts, as in Smith's one-cycle


def create_optimizer(config: TrainConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Create the optimizer over parameter groups that have their own `lr` and `weight_decay`.

    Fused kernels are used where torch has them: they are two to three times faster than its loops, also on the CPU.
    They read a parameter, its gradient and its state in memory order, so the three must have the same layout, which
    autograd and `load_state_dict` ensure.
    """
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, lr=config.lr, momentum=config.momentum)
    optimizer: torch.optim.Optimizer
    if config.optimizer == "sgd":
        nesterov = config.nesterov and config.momentum > 0
        optimizer = torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov, fused=True)
        if config.momentum:
            # The fused kernel fails when only some parameters have a momentum buffer, which happens when frozen stages
            # are unfrozen. Momentum starts at zero anyway.
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    else:
        kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
        optimizer = kind(groups, lr=config.lr, fused=True)
    # Lightning refuses to clip gradients for an optimizer that can undo the scaling of a float16 loss. No loss is
    # scaled here.
    optimizer._step_supports_amp_scaling = False
    return optimizer


def learning_rate_factor(
    schedule: str,
    *,
    steps: int,
    warmup: float,
    steps_per_epoch: float,
    power: float = 0.9,
    decay: float = 0.1,
    decay_epochs: float = 10.0,
) -> Callable[[int], float]:
    """Return the factor of the highest learning rate as a function of the step, counted from 0.

    The factor rises from 1/25 during the warm-up (along a cosine for one-cycle, else linearly), is exactly 1 at the
    first step after it, and then follows the schedule over the remaining steps:

    - constant: 1
    - step: multiplied by `decay` every `decay_epochs` after the warm-up
    - exponential: the same decay, but a little at each step
    - cosine, one-cycle: half a cosine to 0 (Loshchilov and Hutter, "SGDR", 2017, without restarts; Smith and Topin,
      "Super-Convergence", 2018)
    - poly: (1 - done) ** `power` to 0 (Chen et al., "DeepLab", 2018)

    Args:
        schedule: A name of `SCHEDULES`.
        steps: Optimizer steps of the whole training.
        warmup: Share of the steps that are warm-up, 0..1; at least one step is not.
        steps_per_epoch: Converts `decay_epochs` to steps.
        power: Exponent of poly.
        decay: Factor of step and exponential.
        decay_epochs: Epochs after which step and exponential have decayed once.

    Raises:
        ConfigError: on an unknown schedule; the choices are listed.

    >>> factor = learning_rate_factor("step", steps=30, warmup=0, steps_per_epoch=10, decay=0.5, decay_epochs=1)
    >>> [factor(step) for step in (0, 9, 10, 20)]
    [1.0, 1.0, 0.5, 0.25]
    """
    check_choice("schedule", schedule, SCHEDULES)
    rising = min(round(warmup * steps), steps - 1)

    def factor(step: int) -> float:
        if step < rising:
            done = step / rising
            done = (1 - math.cos(math.pi * done)) / 2 if schedule == "one-cycle" else done
            return _START + (1 - _START) * done
        decays = (step - rising) / (decay_epochs * steps_per_epoch)
        done = min(1.0, (step - rising) / max(1, steps - rising))
        if schedule == "constant":
            return 1.0
        if schedule == "step":
            return float(decay ** math.floor(decays + 1e-9))  # 55 / (0.55 * 100) is a hair below 1
        if schedule == "exponential":
            return float(decay**decays)
        if schedule == "poly":
            return float((1 - done) ** power)
        return (1 + math.cos(math.pi * done)) / 2

    return factor
