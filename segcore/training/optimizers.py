"""Optimizers and learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from segcore.training.config import TrainConfig
from segcore.training.registry import SCHEDULES, check_choice

_START = 1 / 25  # of the highest learning rate, where a warm-up begins, as in Smith's one-cycle


def create_optimizer(config: TrainConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """The optimizer over parameter groups that carry their own `lr` and `weight_decay`.

    Fused kernels where torch has them: two to three times quicker than its loops, on the CPU too. They read a
    parameter, its gradient and its state in the order of memory, so the three must be laid out alike; autograd and
    `load_state_dict` see to that.
    """
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, lr=config.lr, momentum=config.momentum)
    optimizer: torch.optim.Optimizer
    if config.optimizer == "sgd":
        nesterov = config.nesterov and config.momentum > 0
        optimizer = torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov, fused=True)
        if config.momentum:
            # Zero is what momentum begins with anyway. The fused kernel fails when only some parameters have theirs,
            # as happens when frozen stages thaw.
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    else:
        kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
        optimizer = kind(groups, lr=config.lr, fused=True)
    # They could undo the scaling of a float16 loss, which nothing here scales. Lightning clips no gradients for an
    # optimizer that says so.
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
    """What the highest learning rate is multiplied by at each step, counted from 0.

    It rises from 1/25 during the warm-up (along a cosine for one-cycle, else a line), is exactly 1 at the first step
    after it, and then does what the schedule says, over the steps that are left:

    - constant: 1
    - step: times `decay` whenever `decay_epochs` have passed since the warm-up
    - exponential: the same, evenly
    - cosine, one-cycle: half a cosine to 0 (Loshchilov and Hutter, "SGDR", 2017, without restarts; Smith and Topin,
      "Super-Convergence", 2018)
    - poly: (1 - done) ** `power` to 0 (Chen et al., "DeepLab", 2018)

    Args:
        schedule: A name of `SCHEDULES`.
        steps: Of the whole training.
        warmup: Share of the steps that are warm-up; at least one step is not.
        steps_per_epoch: For `decay_epochs`.
        power: Of poly.
        decay: Of step and exponential.
        decay_epochs: Of step and exponential.

    Raises:
        ConfigError: on an unknown schedule; the choices are listed.
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
