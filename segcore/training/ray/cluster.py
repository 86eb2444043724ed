"""Connects to or starts Ray, assigns resources, and retries tasks whose worker died.

Needs no torch, and imports ray only inside functions, because it is an optional package.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from segcore.errors import ConfigError, first_line, number, typed_line
from segcore.training.signals import Interrupts

ADDRESS = "RAY_ADDRESS"  # address of a cluster; without it, Ray is started on this machine and ended afterwards
THREADS = "OMP_NUM_THREADS"
MAX_DEATHS = 4  # worker deaths in a row without progress, after which the task itself is the likely cause
_POLL_SECONDS = 0.5
_OWN_MESSAGES = "^(A worker died|Raylet is terminated|The node with node id)"  # Ray's logs of what we report ourselves
_CONNECT_SECONDS = 10.0
_OBJECT_STORE = 100_000_000  # bytes of shared memory; only settings pass through it, no images

T = TypeVar("T")
Returned = TypeVar("Returned", contravariant=True)


def check_ray() -> None:
    """Check that ray is installed and that this is a single process; imports nothing.

    Raises:
        ConfigError: when ray is missing, or torchrun or srun started several processes.
    """
    spec = find_spec("ray")
    if spec is None or spec.origin is None:  # a folder of this name without a package
        raise ConfigError(
            "--launcher ray: the package ray is not installed. pip install 'segcore[ray]', or leave --launcher out."
        )
    several = "WORLD_SIZE" if "TORCHELASTIC_RUN_ID" in os.environ else "SLURM_STEP_NUM_TASKS"
    if os.environ.get(several, "1") != "1":  # each would train everything
        raise ConfigError(
            "--launcher ray is for one process, which gives each training to a worker of Ray; torchrun or srun started "
            "several. Start the command itself, once."
        )


@dataclass(frozen=True)
class Allocation:
    """The resources of one training, and how many trainings run at the same time.

    Args:
        cpus: Cores, and so threads, of one training.
        gpus: GPUs of one training, 0 or 1.
        at_once: Trainings that fit on the cluster at the same time.
        machines: Machines that they run on.
    """

    cpus: int
    gpus: int
    at_once: int
    machines: int

    def __str__(self) -> str:
        resources = number(self.cpus, "CPU") + (f" and {number(self.gpus, 'GPU')}" if self.gpus else "")
        return f"{number(self.machines, 'machine')}, {number(self.at_once, 'training')} at a time, {resources} each"


def allocate(
    machines: Sequence[Mapping[str, float]], trainings: int, device: str, threads: str | None = None
) -> Allocation:
    """Divide a cluster's resources among trainings.

    With GPUs, each training gets one GPU and its part of the cores. Without GPUs, each gets as many cores as still let
    all trainings run at the same time, at least one: several small trainings are faster than one wide training.

    >>> allocate([{"CPU": 8}], trainings=3, device="cpu")
    Allocation(cpus=2, gpus=0, at_once=4, machines=1)

    Args:
        machines: Resources of each machine by Ray's names, `CPU` and `GPU`.
        trainings: Number of trainings.
        device: `cpu`, `cuda`, or `auto`, which uses GPUs if there are any.
        threads: Value of OMP_NUM_THREADS; if set, it decides the cores of a training, as it does without Ray.

    Raises:
        ConfigError: when no machine has the resources of one training.
    """
    gpus = (
        1 if device == "cuda" or (device == "auto" and any(machine.get("GPU", 0) >= 1 for machine in machines)) else 0
    )
    usable = [machine for machine in machines if machine.get("CPU", 0) >= 1 and machine.get("GPU", 0) >= gpus]
    if not usable:
        missing = "a GPU and a CPU to spare. Leave --device out" if gpus else "a CPU to spare"
        raise ConfigError(f"--launcher ray: Ray has {number(len(machines), 'machine')}, and none with {missing}.")

    def room(machine: Mapping[str, float], cpus: int) -> int:
        fit = int(machine["CPU"]) // cpus
        return min(fit, int(machine["GPU"])) if gpus else fit

    def total(cpus: int) -> int:
        return sum(room(machine, cpus) for machine in usable)

    most = int(max(machine["CPU"] for machine in usable))
    if threads:
        first = threads.split(",")[0].strip()
        if not first.isdecimal() or not 1 <= int(first) <= most:
            raise ConfigError(
                f"{THREADS} is {threads!r}, and is what a training gets of the CPUs of a machine; the largest of this "
                f"Ray has {most}. Set it to 1 to {most}, or leave it out."
            )
        cpus = int(first)
    elif gpus:
        cpus = max(1, int(min(machine["CPU"] // int(machine["GPU"]) for machine in usable)))
    else:
        cpus = next((count for count in range(most, 0, -1) if total(count) >= trainings), 1)
    return Allocation(cpus, gpus, total(cpus), sum(room(machine, cpus) > 0 for machine in usable))


def allocate_cluster(trainings: int, device: str) -> Allocation:
    """Divide the resources of the connected cluster among trainings, as `allocate` does."""
    import ray

    machines = [dict(node["Resources"]) for node in ray.nodes() if node["Alive"]]
    return allocate(machines, trainings, device, os.environ.get(THREADS))


def shared_folder_notes(folder: Path, allocation: Allocation) -> tuple[str, ...]:
    """A note that every machine must see the folder; empty when there is one machine."""
    return (f"Runs go to {folder}: every machine must see it under this path.",) if allocation.machines > 1 else ()


@contextmanager
def connected(cpus: int | None = None) -> Iterator[str]:
    """Connect to the cluster at RAY_ADDRESS, or start Ray on this machine; disconnect when the block ends.

    If the program is already connected to Ray, that connection is used and kept. Yields a description for people.

    Args:
        cpus: Cores of a Ray started here; None uses all.

    Raises:
        ConfigError: when ray is not installed, no cluster answers, or none can be started.
    """
    check_ray()
    address = os.environ.get(ADDRESS, "local")
    if address.startswith("ray://"):
        raise ConfigError(
            f"{ADDRESS} is {address}, which is Ray Client: a program outside of the cluster. Run the command on a "
            f"machine of the cluster, with {ADDRESS}=auto."
        )
    if address == "local":
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else Ray warns of a change in a later version
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", _OWN_MESSAGES)
    import ray

    if ray.is_initialized():
        yield "Ray"
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        quiet |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE, "num_cpus": cpus}
        if sys.platform == "linux":
            # Ray would replace 127.0.0.1 with the network card's address, which a laptop may lose during the training.
            quiet["_node_ip_address"] = "127.0.0.2"
    try:
        if address not in ("local", "auto"):
            _check_reachable(address)
        ray.init(address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        reason = first_line(error).rstrip(".")
        if address == "local":
            raise ConfigError(f"--launcher ray: Ray does not start here: {reason}.") from error
        raise ConfigError(
            f"--launcher ray: no Ray to be used at {ADDRESS}={address}: {reason}. Start one (ray start --head), set "
            f"RAY_AUTH_MODE=token where it asks for a token, or unset {ADDRESS} for a Ray of this machine's own."
        ) from error
    try:
        yield "Ray on this machine" if address == "local" else f"Ray at {address}"
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Check that something listens at an address; Ray itself would try for many minutes.

    Raises:
        OSError: when nothing listens there.
        ValueError: when it is not HOST:PORT.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("expected HOST:PORT, or auto")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS):
        pass


class Watcher(Protocol[Returned]):
    """Receives what happens to each task, by the task's index."""

    def tick(self) -> None:
        """Called twice a second while tasks run."""

    def progress(self, index: int) -> Hashable:
        """A value that changes whenever the task has made progress, read from its files."""

    def ended(self, index: int, result: Returned) -> bool:
        """The function returned. Returns False when its process was stopped before the task was done."""

    def failed(self, index: int, reason: str) -> None:
        """The function raised an error, or its workers died repeatedly without progress; it is not retried."""

    def died(self, index: int, reason: str) -> None:
        """Its worker died, and another worker continues the task."""

    def stopped(self, index: int) -> None:
        """The task was interrupted, or never started."""


@dataclass
class TaskPool(Generic[T]):
    """Many calls of one function, each in its own process; a task whose worker died is submitted again.

    Ray's own retries are not used: they are not reported, and a task killed for lack of memory is retried forever.

    Args:
        function: A function of a module that needs no torch, so that the worker can set its threads first.
        arguments: The arguments of each call.
        names: A name for each task, shown by `ps` and `top`.
        allocation: The resources of each task.
    """

    function: Callable[..., T]
    arguments: Sequence[tuple[Any, ...]]
    names: Sequence[str]
    allocation: Allocation
    _pending: dict[Any, int] = field(default_factory=dict)

    def run(self, watcher: Watcher[T], interrupts: Interrupts) -> None:
        """Run all tasks to their end.

        Args:
            watcher: Is notified of each task's end or death.
            interrupts: Counts Ctrl-C; each one cancels the tasks that still run.

        Raises:
            KeyboardInterrupt: on the third Ctrl-C; tasks that still run are killed.
        """
        import ray
        from ray.exceptions import RayError, RayTaskError, TaskCancelledError

        # One process per call: its memory and GPU memory are freed, and it sets its own number of threads.
        remote = ray.remote(max_calls=1, max_retries=0)(self.function)

        def submit(index: int) -> None:
            configured = remote.options(
                num_cpus=self.allocation.cpus, num_gpus=self.allocation.gpus, name=self.names[index]
            )
            self._pending[configured.remote(*self.arguments[index])] = index

        deaths: dict[int, tuple[int, Hashable]] = {}
        handled = 0  # interrupts

        def retry(index: int, reason: str) -> None:
            progress = watcher.progress(index)
            previous, last_progress = deaths.get(index, (0, None))
            count = previous + 1 if progress == last_progress else 1
            deaths[index] = count, progress
            if handled:
                watcher.stopped(index)
            elif count == MAX_DEATHS:
                watcher.failed(index, f"{reason}, {count} times in a row without progress")
            else:
                watcher.died(index, reason)
                submit(index)

        try:
            for index in range(len(self.arguments)):
                submit(index)
            while self._pending:
                if interrupts.count > handled:
                    handled = interrupts.count
                    for ref in self._pending:
                        ray.cancel(ref)  # raises KeyboardInterrupt in the worker; a waiting task never starts
                ready, _ = ray.wait(list(self._pending), timeout=_POLL_SECONDS)
                for ref in ready:
                    index = self._pending.pop(ref)
                    try:
                        result = ray.get(ref)
                    except TaskCancelledError:
                        retry(index, "Its process was stopped")
                    except RayTaskError as error:
                        watcher.failed(index, typed_line(error.cause))
                    except RayError as error:
                        retry(index, _death_reason(error))
                    else:
                        if not watcher.ended(index, result):
                            retry(index, "Its process was stopped")
                watcher.tick()
        finally:
            for ref in self._pending:
                ray.cancel(ref, force=True)


def _death_reason(error: Exception) -> str:
    """Why a worker died, in words."""
    from ray import exceptions

    if isinstance(error, exceptions.OutOfMemoryError):
        return "Its process was killed: the memory of its machine was nearly full"
    if isinstance(error, (exceptions.NodeDiedError, exceptions.LocalRayletDiedError)):
        return "Its machine was lost"
    if isinstance(error, exceptions.WorkerCrashedError):
        return "Its process was killed"
    return typed_line(error)
