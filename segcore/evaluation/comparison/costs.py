"""Every cost that runs are compared by: what a model takes to train, to keep and to use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from segcore.errors import RunError
from segcore.runs import RunRecord
from segcore.runs.profile import Latency, Profile


class ProfiledRun(NamedTuple):
    """A run and what was measured of it, read once for all of its costs.

    Args:
        run: It.
        profile: None where it was not measured, or can't be read.
    """

    run: RunRecord
    profile: Profile | None

    @classmethod
    def of(cls, run: RunRecord) -> ProfiledRun:
        """Read its profile."""
        try:
            return cls(run, run.profile)
        except (RunError, OSError):  # `segcore profile` says what is wrong with it
            return cls(run, None)

    @property
    def latencies(self) -> tuple[Latency, ...]:
        """Those that can be relied on."""
        return () if self.profile is None else tuple(each for each in self.profile.latencies if not each.busy)


@dataclass(frozen=True)
class Cost:
    """What a run costs.

    Args:
        key: As tables, links and files call it.
        title: As people call it, with its unit.
        help: One sentence.
        value: Its value in that unit, None where it was not measured.
        digits: After the point.
    """

    key: str
    title: str
    help: str
    value: Callable[[ProfiledRun], float | None]
    digits: int = 1


def _profiled(key: str, title: str, help_: str, value: Callable[[Profile], float]) -> Cost:
    return Cost(key, title, help_, lambda priced: None if priced.profile is None else value(priced.profile))


COSTS: dict[str, Cost] = {
    cost.key: cost
    for cost in (
        Cost(
            "parameters", "parameters, M", "Millions of parameters.", lambda found: found.run.summary.parameters / 1e6
        ),
        _profiled("macs", "MACs, G", "Billions of multiply-adds for one image.", lambda found: found.macs / 1e9),
        _profiled("model_mb", "model, MB", "Size of the stored weights.", lambda found: found.model_mb),
        Cost(
            "minutes",
            "training, min",
            "Minutes of training, without evaluation.",
            lambda found: found.run.summary.train_seconds / 60,
        ),
        Cost(
            "peak_memory_mb",
            "training, peak MB",
            "Most memory that the training process held.",
            lambda found: found.run.summary.peak_memory_mb,
            0,
        ),
    )
}


def costs(runs: Sequence[ProfiledRun]) -> dict[str, Cost]:
    """`COSTS`, and by backend and precision two latencies (median, 95th percentile) and the memory, as far as known.

    Latencies of different machines, or of images of different sizes, don't rank models: those of the machine and the
    size that most of these runs were timed with are taken, and the help names both. Times taken while other programs
    kept the machine busy are too long, and left out.
    """
    known = {key: cost for key, cost in COSTS.items() if any(cost.value(run) is not None for run in runs)}
    by_run = [run.latencies for run in runs]
    timed = [each for found in by_run for each in found]
    if not timed:
        return known
    many = Counter(place for found in by_run for place in set(map(_place, found)))
    entries = Counter(map(_place, timed))  # decides between two that as many runs were timed with
    place = max(entries, key=lambda each: (many[each], entries[each]))
    for backend, precision in dict.fromkeys((each.backend, each.precision) for each in timed):
        for cost in _of_backend(backend, precision, place):
            if any(cost.value(run) is not None for run in runs):
                known[cost.key] = cost
    return known


def _place(latency: Latency) -> tuple[str, int, int]:
    """What makes two latencies comparable: the machine, and height and width of the images."""
    return latency.machine, latency.height, latency.width


def _of_backend(backend: str, precision: str, place: tuple[str, int, int]) -> tuple[Cost, Cost, Cost]:
    """Two latencies and the memory."""
    machine, height, width = place

    def part(name: str) -> Callable[[ProfiledRun], float | None]:
        def value(run: ProfiledRun) -> float | None:
            # One entry at most: a profile keeps one of a backend, precision, machine and size.
            wanted = (each for each in run.latencies if each.key == (backend, precision, *place))
            found = next(wanted, None)
            return None if found is None else getattr(found, name)

        return value

    how = f"one at a time at {height}x{width} through {backend} in {precision}, on {machine}."
    key, title = f"{backend}_{precision}", f"{backend} {precision}"
    return (
        Cost(f"{key}_median", f"{title}, ms", f"Half of the images took less, {how}", part("median_ms")),
        Cost(f"{key}_p95", f"{title}, ms p95", f"95 of 100 of the images took less, {how}", part("p95_ms")),
        Cost(
            f"{key}_memory",
            f"{title}, peak MB",
            f"Most memory that a process held, libraries included, which did nothing but predict images, {how}",
            part("peak_memory_mb"),
            0,
        ),
    )


def costs_of(run: ProfiledRun, known: Mapping[str, Cost]) -> dict[str, float]:
    """What a run costs, by key; what was not measured is left out."""
    found = {key: cost.value(run) for key, cost in known.items()}
    return {key: float(value) for key, value in found.items() if value is not None}
