"""Ray: reaching or starting it, what a piece of work gets of it, and many pieces run to their end, whatever dies.

Needs no torch, and imports ray only where it is used: it is an optional package.
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

ADDRESS = "RAY_ADDRESS"  # of a cluster; without it a Ray of this machine's own is started, and ended
THREADS = "OMP_NUM_THREADS"
DEATHS = 4  # in a row with nothing gained: then the work itself is what kills its workers
_POLL_SECONDS = 0.5
_TOLD = "^(A worker died|Raylet is terminated|The node with node id)"  # what Ray says at length, and we in our words
_ANSWER_SECONDS = 10.0
_OBJECT_STORE = 100_000_000  # bytes of shared memory; settings go through it, and pictures never

T = TypeVar("T")
Seen = TypeVar("Seen", contravariant=True)


def check_ray() -> None:
    """Refuse where ray is not installed, and to be one of several processes; imports nothing.

    Raises:
        ConfigError: with the way out.
    """
    spec = find_spec("ray")
    if spec is None or spec.origin is None:  # of no file: a mere folder of this name
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
class Share:
    """What one training gets of the cluster.

    Args:
        cpus: Cores, and threads.
        gpus: 0 or 1.
        at_once: Trainings that the cluster has room for.
        machines: That they run on.
    """

    cpus: int
    gpus: int
    at_once: int
    machines: int

    def __str__(self) -> str:
        each = number(self.cpus, "CPU") + (f" and {number(self.gpus, 'GPU')}" if self.gpus else "")
        return f"{number(self.machines, 'machine')}, {number(self.at_once, 'training')} at a time, {each} each"


def share(machines: Sequence[Mapping[str, float]], trainings: int, device: str, threads: str | None = None) -> Share:
    """Divide a cluster among trainings.

    With GPUs, one a training, and its part of the cores. Without, the most cores with which all trainings run at once,
    and one where there are more trainings than cores: several small trainings get more done than a wide one.

    Args:
        machines: Resources of each, as Ray names them: `CPU`, `GPU`.
        trainings: How many there are.
        device: `cpu`, `cuda`, or `auto`: GPUs where there are any.
        threads: OMP_NUM_THREADS, which decides the cores of a training where it is set, as it does without Ray.

    Raises:
        ConfigError: when no machine can train.
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
    return Share(cpus, gpus, total(cpus), sum(room(machine, cpus) > 0 for machine in usable))


def shared(folder: Path, each: Share) -> tuple[str, ...]:
    """What the user is told where workers are on several machines."""
    return (f"Runs go to {folder}: every machine must see it under this path.",) if each.machines > 1 else ()


@contextmanager
def connected(cpus: int | None = None) -> Iterator[str]:
    """Ray is there inside the block: the cluster at RAY_ADDRESS, or one of this machine, which ends with the block.

    A Ray that the program has connected to before is used as it is. Yields where it is, for people.

    Args:
        cpus: Of a Ray that is started here; None is all.

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
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else a warning about what is to change in Ray
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", _TOLD)
    import ray

    if ray.is_initialized():
        yield "Ray"
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        quiet |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE, "num_cpus": cpus}
        if sys.platform == "linux":
            # Ray takes 127.0.0.1 for the address of the network card, which a laptop may lose in the middle.
            quiet["_node_ip_address"] = "127.0.0.2"
    try:
        if address not in ("local", "auto"):
            _knock(address)
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


def _knock(address: str) -> None:
    """Ray itself would go on trying for many minutes.

    Raises:
        OSError: where nobody listens.
        ValueError: where it is no address.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("expected HOST:PORT, or auto")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS):
        pass


def machines() -> list[dict[str, float]]:
    """Resources of each machine of the Ray that is connected to."""
    import ray

    return [dict(node["Resources"]) for node in ray.nodes() if node["Alive"]]


class Watcher(Protocol[Seen]):
    """Sees what becomes of the pieces of work, by their number."""

    def tick(self) -> None:
        """Called twice a second."""

    def gained(self, index: int) -> Hashable:
        """How far a piece has come, as its files tell: what differs is a gain."""

    def ended(self, index: int, result: Seen) -> bool:
        """Its function returned; False where it is not done, since its machine told it to stop."""

    def failed(self, index: int, reason: str) -> None:
        """Its function raised, which it would again; or its workers died again and again."""

    def died(self, index: int, reason: str) -> None:
        """Its worker died, and another one takes it over."""

    def stopped(self, index: int) -> None:
        """It was interrupted, or never begun."""


@dataclass
class Work(Generic[T]):
    """Many calls of one function, each in a process of its own.

    Ray's own retries are not used: it does not tell of them, and repeats without end what was killed for its memory.

    Args:
        function: Of a module that needs no torch, so that a worker can set its threads first.
        arguments: Of each call.
        names: Of each, for `ps` and `top`.
        share: What each gets.
    """

    function: Callable[..., T]
    arguments: Sequence[tuple[Any, ...]]
    names: Sequence[str]
    share: Share
    _pending: dict[Any, int] = field(default_factory=dict)

    def run(self, watcher: Watcher[T], interrupts: Interrupts) -> None:
        """Run all of it to its end.

        Raises:
            KeyboardInterrupt: on the third Ctrl-C; whatever still ran is killed.
        """
        import ray
        from ray.exceptions import RayError, RayTaskError, TaskCancelledError

        # A process a call: memory, of GPUs as well, is given back, and each sets threads of its own.
        remote = ray.remote(max_calls=1, max_retries=0)(self.function)

        def submit(index: int) -> None:
            named = remote.options(num_cpus=self.share.cpus, num_gpus=self.share.gpus, name=self.names[index])
            self._pending[named.remote(*self.arguments[index])] = index

        deaths: dict[int, tuple[int, Hashable]] = {}
        heard = 0

        def again(index: int, reason: str) -> None:
            gained = watcher.gained(index)
            before, there = deaths.get(index, (0, None))
            count = before + 1 if gained == there else 1
            deaths[index] = count, gained
            if heard:
                watcher.stopped(index)
            elif count == DEATHS:
                watcher.failed(index, f"{reason}, {count} times in a row with nothing gained")
            else:
                watcher.died(index, reason)
                submit(index)

        try:
            for index in range(len(self.arguments)):
                submit(index)
            while self._pending:
                if interrupts.times > heard:
                    heard = interrupts.times
                    for ref in self._pending:
                        ray.cancel(ref)  # as Ctrl-C in the worker; what waits never begins
                ready, _ = ray.wait(list(self._pending), timeout=_POLL_SECONDS)
                for ref in ready:
                    index = self._pending.pop(ref)
                    try:
                        result = ray.get(ref)
                    except TaskCancelledError:
                        again(index, "Its process was told to stop")
                    except RayTaskError as error:
                        watcher.failed(index, typed_line(error.cause))
                    except RayError as error:
                        again(index, _death(error))
                    else:
                        if not watcher.ended(index, result):
                            again(index, "Its process was told to stop")
                watcher.tick()
        finally:
            for ref in self._pending:
                ray.cancel(ref, force=True)


def _death(error: Exception) -> str:
    from ray import exceptions

    if isinstance(error, exceptions.OutOfMemoryError):
        return "Its process was killed: the memory of its machine was nearly full"
    if isinstance(error, (exceptions.NodeDiedError, exceptions.LocalRayletDiedError)):
        return "Its machine was lost"
    if isinstance(error, exceptions.WorkerCrashedError):
        return "Its process was killed"
    return typed_line(error)
