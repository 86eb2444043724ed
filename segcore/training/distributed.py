"""Training over several processes: their ranks, and sums and broadcasts between them.

`torchrun` or SLURM's `srun` starts the processes and sets each one's rank in its environment. Lightning's DDP averages
the gradients. Losses, batch statistics and confusion counts are summed here, so that N processes compute what one
process would on the same batch: each process has the gradient of N times the whole loss, in its part of the batch.
"""

from __future__ import annotations

import atexit
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
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
# Matches the errors of gloo, nccl and torch's store when another process is gone.
_GONE = re.compile(r"gloo|nccl|socket|recvvalue|sendbytes|connection (closed|reset|refused)|broken pipe", re.IGNORECASE)


@dataclass(frozen=True)
class World:
    """The processes of one training.

    Args:
        rank: Rank of this process, from 0; only rank 0 writes files and prints.
        size: Number of processes.
        local: Number of processes on this machine.
        local_rank: Rank of this process on its machine, which is the number of its GPU.
    """

    rank: int = 0
    size: int = 1
    local: int = 1
    local_rank: int = 0

    @classmethod
    def find(cls, device: str) -> World:
        """Read the environment, and join the process group when there is more than one process.

        Args:
            device: `cpu` (gloo) or `cuda` (nccl for tensors on the GPU, gloo for the rest, so that no step waits).

        Raises:
            ConfigError: when the processes can't connect to each other, or there are too few GPUs.
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
            atexit.register(_leave_process_group)
        here: list[Any] = [None] * size
        with _lost_process_as_error():
            distributed.all_gather_object(here, environment.node_rank())
        return cls(rank, size, here.count(environment.node_rank()), local_rank)

    @property
    def first(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def shard(self, items: Sequence[T]) -> Sequence[T]:
        """This process's part of a batch or of a list of batches.

        >>> World(rank=1, size=2).shard([0, 1, 2, 3])
        [1, 3]
        """
        return items[self.rank :: self.size]

    def broadcast(self, value: T) -> T:
        """Return the first process's value in every process.

        Raises:
            TrainingError: when a process is gone; so do the other methods.
        """
        if self.size == 1:
            return value
        values = [value]
        with _lost_process_as_error():
            distributed.broadcast_object_list(values, src=0)
        return values[0]

    def any_rank(self, *flags: bool) -> list[bool]:
        """For each flag, whether it is true in any process."""
        if self.size == 1:
            return list(flags)
        values = torch.tensor(flags, dtype=torch.uint8)
        with _lost_process_as_error():
            distributed.all_reduce(values, distributed.ReduceOp.MAX)
        return [bool(value) for value in values]

    def sum_(self, *tensors: Tensor) -> None:
        """Sum tensors over the processes, in place; integers are exact."""
        if self.size > 1:
            with _lost_process_as_error():
                for tensor in tensors:
                    distributed.all_reduce(tensor)

    def gather(self, values: Tensor) -> Tensor:
        """`[size, ...]`: the tensor of each process, without gradients."""
        parts = [torch.empty_like(values) for _ in range(self.size)] if self.size > 1 else [values]
        if self.size > 1:
            with _lost_process_as_error():
                distributed.all_gather(parts, values)
        return torch.stack(parts)

    def total(self, values: Tensor) -> Tensor:
        """Sum a tensor over the processes; gradients flow back to all of them."""
        return values if self.size == 1 else _Total.apply(values)


def cluster() -> ClusterEnvironment:
    """The environment that started this process: torchrun, SLURM's srun, or a user.

    Under SLURM, only a task started by srun is one of several processes. A batch script or an interactive shell that
    runs `train.py` is a single process, whatever the job's number of tasks.

    Raises:
        ConfigError: when SLURM gives no number of tasks per node.
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
        return SLURMEnvironment(auto_requeue=False)  # a training resumes from `last.ckpt`
    except RuntimeError:
        raise ConfigError(
            f"SLURM starts {os.environ['SLURM_NTASKS']} tasks and does not say how many a node. Give --ntasks-per-node "
            "in place of --ntasks."
        ) from None


def is_lost(error: BaseException) -> bool:
    """Whether an error of torch means that another process is gone."""
    return isinstance(error, RuntimeError) and bool(_GONE.search(str(error)))


@contextmanager
def _lost_process_as_error() -> Iterator[None]:
    """Raise `TrainingError` when torch reports that another process is gone."""
    try:
        yield
    except RuntimeError as error:
        if not is_lost(error):
            raise
        raise TrainingError(LOST) from error


def _leave_process_group() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


class _Total(Function):
    """Sum over the processes; the gradient is that of the sum of all processes' losses."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ANN401
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        return _summed(gradient)


def _summed(values: Tensor) -> Tensor:
    total = values.clone(memory_format=torch.contiguous_format)
    with _lost_process_as_error():
        distributed.all_reduce(total)
    return total


def share_batch_statistics(model: nn.Module, world: World) -> None:
    """Make batch norm use the statistics of all processes' batches, in place; weights and their names do not change.

    torch's SyncBatchNorm, which timm's `convert_sync_batchnorm` uses, refuses tensors on the CPU.
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
    # timm's BatchNormAct2d also applies dropout and an activation.
    for name in ("drop", "act"):
        if hasattr(module, name):
            y = getattr(module, name)(y)
    return y


class _Normalize(Function):
    """Batch normalisation (Ioffe and Szegedy 2015) over `[N, C, ...]` of every process, in float32 or float64.

    One message per layer and direction: mean, variance and count of each process forward, two sums backward.
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
        """Return the output, and mean `[C]`, biased variance `[C]` and values per channel of the whole batch."""
        count = weight.new_full((1,), x.numel() / x.shape[1])
        means, variances = torch.batch_norm_update_stats(_wide(x), None, None, 0.0)
        parts = world.gather(torch.cat([means, variances, count]))
        counts, total = parts[:, -1:], parts[:, -1].sum()
        means, variances = parts[:, :-1].chunk(2, dim=1)
        mean = (means * counts).sum(dim=0) / total
        # Chan et al., "Algorithms for Computing the Sample Variance" (1983): summing squares would lose digits.
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
        # The gradient for constant mean and variance, then the gradient through them.
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


def wait_for_scores(world: World, summary: T) -> T:
    """Wait until the first process has scored, and return its summary in every process.

    While it scores, the first process answers through `keep_waiting`, so that the wait does not time out.
    """
    (done,) = world.any_rank(world.first)
    while not done:
        (done,) = world.any_rank(False)
    return world.broadcast(summary)


def keep_waiting(
    world: World, progress: Callable[[int, int], None], interval: float = 60.0
) -> Callable[[int, int], None]:
    """A progress callback of (done, total) that also sends a message to the waiting processes every `interval` seconds.

    Without messages, the processes in `wait_for_scores` would time out after 30 minutes.
    """
    last = time.monotonic()

    def update(done: int, total: int) -> None:
        nonlocal last
        progress(done, total)
        if time.monotonic() - last > interval:
            last = time.monotonic()
            with suppress(TrainingError):  # the other processes are gone; the scores are still needed
                world.any_rank(False)

    return update
