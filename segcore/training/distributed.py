"""One training over several processes: who they are, and what they agree on.

Started by `torchrun` or SLURM's `srun`, whose environment says which process this is; Lightning's DDP sums the
gradients. Losses, batch statistics and confusion counts are summed here as well, so that N processes compute what one
would on the same batch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from lightning.fabric.plugins.environments import ClusterEnvironment, SLURMEnvironment, TorchElasticEnvironment
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The processes of one training.

    Args:
        rank: Of this process, from 0; rank 0 alone writes and talks.
        size: How many there are.
        local: How many of them on this machine.
        local_rank: Of this process among them: the number of its GPU.
    """

    rank: int = 0
    size: int = 1
    local: int = 1
    local_rank: int = 0

    @classmethod
    def find(cls, device: str) -> World:
        """From the environment; joins the process group when there is more than one process.

        Args:
            device: `cpu` (gloo) or `cuda` (nccl).
        """
        environment = _environment()
        if environment is None or environment.world_size() == 1:
            return cls()
        rank, size, local_rank = environment.global_rank(), environment.world_size(), environment.local_rank()
        if device == "cuda":
            torch.cuda.set_device(local_rank)
        if not torch.distributed.is_initialized():
            os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = environment.main_address, str(environment.main_port)
            backend = "nccl" if device == "cuda" else "gloo"
            torch.distributed.init_process_group(backend, rank=rank, world_size=size)
        here: list[Any] = [None] * size
        torch.distributed.all_gather_object(here, environment.node_rank())
        return cls(rank, size, here.count(environment.node_rank()), local_rank)

    @property
    def first(self) -> bool:
        """Whether this process writes and talks."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's part of a batch or of a list of batches."""
        return items[self.rank :: self.size]

    def agree(self, value: T) -> T:
        """The first process's value, in all of them."""
        if self.size == 1:
            return value
        values = [value]
        torch.distributed.broadcast_object_list(values, src=0)
        return values[0]

    def any(self, *flags: bool, device: torch.device | str = "cpu") -> list[bool]:
        """Each flag: whether any process raised it."""
        if self.size == 1:
            return list(flags)
        found = torch.tensor([float(flag) for flag in flags], device=device)
        torch.distributed.all_reduce(found, torch.distributed.ReduceOp.MAX)
        return [bool(value) for value in found]

    def sum_(self, *tensors: Tensor) -> None:
        """Sum over the processes, in place; integers exactly."""
        if self.size > 1:
            for tensor in tensors:
                torch.distributed.all_reduce(tensor)

    def total(self, value: Tensor) -> Tensor:
        """The sum over the processes, through which gradients flow back to all of them."""
        return value if self.size == 1 else all_reduce(value)


def _environment() -> ClusterEnvironment | None:
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment()
    return SLURMEnvironment() if SLURMEnvironment.detect() else None


def share_batch_statistics(model: nn.Module, world: World) -> None:
    """Make batch normalisation use the whole batch of all processes, in place; weights and names stay as they are.

    torch's own SyncBatchNorm runs on GPUs alone and would replace timm's layers, which activate as well.
    """
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.forward = partial(_normalize, module, world)  # type: ignore[method-assign]


def _normalize(module: _BatchNorm, world: World, x: Tensor) -> Tensor:
    if not module.training:
        y = functional.batch_norm(
            x, module.running_mean, module.running_var, module.weight, module.bias, False, 0.0, module.eps
        )
    else:
        y = _normalize_together(module, world, x)
    # timm's BatchNormAct2d drops and activates in the same layer.
    for name in ("drop", "act"):
        if hasattr(module, name):
            y = getattr(module, name)(y)
    return y


def _normalize_together(module: _BatchNorm, world: World, x: Tensor) -> Tensor:
    """Ioffe and Szegedy (2015) over `[N, C, H, W]` of every process, in float32."""
    values = x.float()
    count = values.new_full((1,), values.numel() / values.shape[1])
    mean_here = values.mean(dim=(0, 2, 3))
    # Summing squared distances from one common point keeps float32's digits, which summing squares would lose.
    with torch.no_grad():
        shift = world.total(torch.cat([mean_here.detach() * count, count]))
        shift = (shift[:-1] / shift[-1])[:, None, None]
    centered = values - shift
    sums = world.total(torch.cat([centered.sum(dim=(0, 2, 3)), centered.square().sum(dim=(0, 2, 3)), count]))
    channels, total = values.shape[1], sums[-1]
    offset = sums[:channels] / total
    variance = sums[channels:-1] / total - offset.square()
    if module.running_mean is not None and module.running_var is not None and module.momentum is not None:
        with torch.no_grad():
            module.running_mean.lerp_(offset + shift[:, 0, 0], module.momentum)
            module.running_var.lerp_(variance * total / (total - 1), module.momentum)
            if module.num_batches_tracked is not None:
                module.num_batches_tracked.add_(1)
    scale = torch.rsqrt(variance + module.eps) * module.weight
    return (centered * scale[:, None, None] + (module.bias - offset * scale)[:, None, None]).to(x.dtype)
