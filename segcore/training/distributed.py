"""One training over several processes: who they are, and what they agree on.

Started by `torchrun` or SLURM's `srun`, whose environment says which process this is; Lightning's DDP averages the
gradients. Losses, batch statistics and confusion counts are summed here as well, so that N processes compute what one
would on the same batch: a process's gradient is that of N times the whole loss, in its own part of the batch.
"""

from __future__ import annotations

import atexit
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from lightning.fabric.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from torch import Tensor, distributed, nn
from torch.autograd import Function
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from segcore.errors import ConfigError, TrainingError

T = TypeVar("T")

LOST = (
    "Another process of this training ended, and the rest can't go on without it. Its own message says why; one that "
    "left none was killed, most often because memory ran out."
)
# What gloo, nccl and torch's store say when the other end is gone.
_GONE = re.compile(r"gloo|nccl|socket|recvvalue|sendbytes|connection (closed|reset|refused)|broken pipe", re.IGNORECASE)


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
            device: `cpu` (gloo) or `cuda` (nccl, and gloo for what is agreed upon: no step waits for its GPU).

        Raises:
            ConfigError: when the processes can't meet, or have no GPU each.
        """
        environment = cluster()
        rank, size, local_rank = environment.global_rank(), environment.world_size(), environment.local_rank()
        if size == 1:
            return cls()
        if device == "cuda":
            if local_rank >= torch.cuda.device_count():
                raise ConfigError(
                    f"Process {local_rank + 1} of this machine finds {torch.cuda.device_count()} GPUs; expected one a "
                    "process. Start as many as there are GPUs (torchrun --nproc-per-node, SLURM's --ntasks-per-node), "
                    "all of which see them all (--gpus-per-node, not --gpus-per-task)."
                )
            torch.cuda.set_device(local_rank)
        if not distributed.is_initialized():
            address, port = environment.main_address, environment.main_port
            os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = address, str(port)
            try:
                distributed.init_process_group(
                    "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", rank=rank, world_size=size
                )
            except (RuntimeError, ValueError) as error:
                raise ConfigError(
                    f"The {size} processes can't meet at {address}:{port}: {str(error).splitlines()[0]} Another port "
                    "may be free: torchrun --master-port PORT, or MASTER_PORT=PORT in front of srun."
                ) from error
            atexit.register(_leave)
        here: list[Any] = [None] * size
        with _together():
            distributed.all_gather_object(here, environment.node_rank())
        return cls(rank, size, here.count(environment.node_rank()), local_rank)

    @property
    def first(self) -> bool:
        """Whether this process writes and talks."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's part of a batch or of a list of batches."""
        return items[self.rank :: self.size]

    def agree(self, value: T) -> T:
        """The first process's value, in all of them.

        Raises:
            TrainingError: when a process is gone; so do `any` and `sum_`.
        """
        if self.size == 1:
            return value
        values = [value]
        with _together():
            distributed.broadcast_object_list(values, src=0)
        return values[0]

    def any(self, *flags: bool) -> list[bool]:
        """Each flag: whether any process raised it."""
        if self.size == 1:
            return list(flags)
        found = torch.tensor(flags, dtype=torch.uint8)
        with _together():
            distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return [bool(value) for value in found]

    def sum_(self, *tensors: Tensor) -> None:
        """Sum over the processes, in place; integers exactly."""
        if self.size > 1:
            with _together():
                for tensor in tensors:
                    distributed.all_reduce(tensor)

    def gather(self, values: Tensor) -> Tensor:
        """`[size, ...]`: the tensor of each process; without gradients."""
        found = [torch.empty_like(values) for _ in range(self.size)] if self.size > 1 else [values]
        if self.size > 1:
            with _together():
                distributed.all_gather(found, values)
        return torch.stack(found)

    def total(self, values: Tensor) -> Tensor:
        """The sum over the processes, through which gradients flow back to all of them."""
        return values if self.size == 1 else _Total.apply(values)


def cluster() -> ClusterEnvironment:
    """What started this process: torchrun, SLURM's srun, or a user, who starts one.

    Of SLURM, only a task of srun is one of several: a batch script or an interactive shell that runs `train.py` itself
    is one process, however many tasks the job may start.

    Raises:
        ConfigError: when SLURM does not say how the tasks are spread over nodes.
    """
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment()
    task = "SLURM_NTASKS" in os.environ and any(name.startswith("SLURM_STEP_") for name in os.environ)
    if not task or os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive"):
        return LightningEnvironment()
    nodes = os.environ.get("SLURM_STEP_NODELIST")
    if nodes:  # Lightning would take the first node of the job, which may not be in the step
        os.environ.setdefault("MASTER_ADDR", SLURMEnvironment.resolve_root_node_address(nodes))
    try:
        return SLURMEnvironment(auto_requeue=False)  # `last.ckpt` is what a training goes on from
    except RuntimeError:
        raise ConfigError(
            f"SLURM starts {os.environ['SLURM_NTASKS']} tasks and does not say how many a node. Give --ntasks-per-node "
            "in place of --ntasks."
        ) from None


def is_lost(error: BaseException) -> bool:
    """Whether torch says that another process can't be reached any more."""
    return isinstance(error, RuntimeError) and bool(_GONE.search(str(error)))


@contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if not is_lost(error):
            raise
        raise TrainingError(LOST) from error


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


class _Total(Function):
    """Sum over the processes. Each of them has a loss, and the gradient is that of the sum of these losses."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ANN401
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        return _summed(gradient)


def _summed(values: Tensor) -> Tensor:
    total = values.clone(memory_format=torch.contiguous_format)
    with _together():
        distributed.all_reduce(total)
    return total


def share_batch_statistics(model: nn.Module, world: World) -> None:
    """Make batch normalisation use the whole batch of all processes, in place; weights and names stay as they are.

    torch's own SyncBatchNorm runs on GPUs alone and would replace timm's layers, which activate as well.
    """
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.forward = partial(_normalize, module, world)  # type: ignore[method-assign]


def _normalize(module: _BatchNorm, world: World, x: Tensor) -> Tensor:
    if module.training:
        y, mean, variance, count = _Normalize.apply(x, module.weight, module.bias, module.eps, world)
        if module.running_mean is not None and module.running_var is not None and module.momentum is not None:
            with torch.no_grad():
                module.running_mean.lerp_(mean, module.momentum)
                module.running_var.lerp_(variance * count / (count - 1), module.momentum)
                if module.num_batches_tracked is not None:
                    module.num_batches_tracked.add_(1)
    else:
        y = functional.batch_norm(
            x, module.running_mean, module.running_var, module.weight, module.bias, False, 0.0, module.eps
        )
    # timm's BatchNormAct2d drops and activates in the same layer.
    for name in ("drop", "act"):
        if hasattr(module, name):
            y = getattr(module, name)(y)
    return y


class _Normalize(Function):
    """Ioffe and Szegedy, "Batch Normalization" (2015), over `[N, C, ...]` of every process, in float32 at least.

    One message a layer and direction: mean, variance and count of each process forward, two sums backward.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        eps: float,
        world: World,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Also the mean and biased variance `[C]` of the whole batch, and how many values a channel has in it."""
        count = weight.new_full((1,), x.numel() / x.shape[1])
        means, variances = torch.batch_norm_update_stats(_wide(x), None, None, 0.0)
        parts = world.gather(torch.cat([means, variances, count]))
        counts, total = parts[:, -1:], parts[:, -1].sum()
        means, variances = parts[:, :-1].chunk(2, dim=1)
        mean = (means * counts).sum(dim=0) / total
        # Chan et al., "Algorithms for Computing the Sample Variance" (1983): squares of values would lose digits.
        variance = ((variances + (means - mean).square()) * counts).sum(dim=0) / total
        ctx.save_for_backward(x, weight, mean, variance, total)
        ctx.eps, ctx.world = eps, world
        ctx.mark_non_differentiable(mean, variance, total)
        return functional.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps), mean, variance, total

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        gradient: Tensor,
        *_: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, None, None]:
        x, weight, mean, variance, total = ctx.saved_tensors
        # As if mean and variance were constants, then what flows through them.
        dx, dweight, dbias = torch.ops.aten.native_batch_norm_backward(
            _wide(gradient), _wide(x), weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        sums = torch.stack([dweight, dbias])
        ctx.world.sum_(sums)
        shape = (-1, *(1,) * (x.ndim - 2))
        scale = torch.rsqrt(variance + ctx.eps)
        through_variance, through_mean = -weight * scale * sums * torch.stack([scale, torch.ones_like(scale)]) / total
        dx.add_(through_mean.view(shape)).addcmul_(x - mean.view(shape), through_variance.view(shape))
        return dx.to(x.dtype), dweight, dbias, None, None


def _wide(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
