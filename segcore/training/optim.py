"""Optimizers and learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from segcore.training.config import TrainConfig

_START = 1 / 25  # of the highest learning rate, where a warm-up begins, as in Smith's one-cycle
_POLY_POWER = 0.9  # DeepLabV2


def create_optimizer(config: TrainConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """The optimizer over parameter groups that carry their own `lr` and `weight_decay`."""
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=config.momentum > 0)
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, lr=config.lr, momentum=config.momentum)
    if config.optimizer == "adam":
        return torch.optim.Adam(groups, lr=config.lr)
    return torch.optim.AdamW(groups, lr=config.lr)


def learning_rate_factor(schedule: str, *, steps: int, warmup: float) -> Callable[[int], float]:
    """What the highest learning rate is multiplied by at each step.

    Args:
        schedule: A name of `SCHEDULES`.
        steps: Of the whole training.
        warmup: Share of the steps in which the rate rises from 1/25 (a cosine for one-cycle, else a line).
    """
    rising = round(warmup * steps)

    def factor(step: int) -> float:
        if step < rising:
            done = step / rising
            done = (1 - math.cos(math.pi * done)) / 2 if schedule == "one-cycle" else done
            return _START + (1 - _START) * done
        done = min(1.0, (step - rising) / max(1, steps - rising))
        if schedule == "constant":
            return 1.0
        if schedule == "poly":
            return float((1 - done) ** _POLY_POWER)
        return (1 + math.cos(math.pi * done)) / 2

    return factor
