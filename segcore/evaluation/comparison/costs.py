"""Costs that runs are compared by: training time, size, latency and memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from segcore.errors import RunError
from segcore.evaluation.processor import processor_name
from segcore.runs import RunRecord
from segcore.runs.profile import Latency, Profile
from segcore.runs.split_variant import SplitVariant
from segcore.runs.summary import over

_Place = TypeVar("_Place", bound=tuple[Any, ...])  # its first part is the machine


class ProfiledRun(NamedTuple):
    """A run and its profile, read once for all of its costs.

    Args:
        run: The run.
        profile: Its profile; None where it was not measured, or can't be read.
    """

    run: RunRecord
    profile: Profile | None

    @classmethod
    def of(cls, run: RunRecord) -> ProfiledRun:
        """Read the profile of a run."""
        try:
            return cls(run, run.profile)
        except (RunError, OSError):  # `segcore profile` says what is wrong with it
            return cls(run, None)

    def is_fed(self, latency: Latency) -> bool:
        """Whether a time is of images of the size that the run is fed; of any, where it takes them as they are."""
        fed = self.run.summary.input
        return fed.height is None or (fed.height, fed.width) == (latency.height, latency.width)

    @property
    def latencies(self) -> tuple[Latency, ...]:
        """The latencies measured while the machine was otherwise idle, and those of this machine in any case."""
        entries = () if self.profile is None else self.profile.latencies
        return tuple(entry for entry in entries if not entry.busy or _is_here(entry.machine))


@dataclass(frozen=True)
class Cost:
    """A cost of a run.

    Args:
        key: Its name in tables, links and files.
        title: Its name for people, with the unit.
        help: One sentence.
        value: Computes it in that unit; None where it was not measured.
        digits: Digits shown after the decimal point.
        higher_is_better: Whether more of it is better, as of a speed.
        machine: Where it was measured, as `Latency.machine`; empty where that makes no difference.
        busy: Whether other programs used that machine meanwhile, so that true speeds are rather higher.
    """

    key: str
    title: str
    help: str
    value: Callable[[ProfiledRun], float | None]
    digits: int = 1
    higher_is_better: bool = False
    machine: str = ""
    busy: bool = False


def _profiled(key: str, title: str, help_: str, value: Callable[[Profile], float | None]) -> Cost:
    return Cost(key, title, help_, lambda run: None if run.profile is None else value(run.profile))


FPS = "fps"  # key of the cost that is a speed

COSTS: dict[str, Cost] = {
    cost.key: cost
    for cost in (
        Cost(
            "parameters",
            "parameters, M",
            "Millions of parameters.",
            lambda run: over(run.run.summary.parameters, 1e6),
            digits=2,
        ),
        _profiled(
            "macs", "MACs, G", "Billions of multiply-adds for one image.", lambda profile: over(profile.macs, 1e9)
        ),
        _profiled("model_mb", "model, MB", "Size of the stored model.", lambda profile: profile.model_mb),
        Cost(
            "minutes",
            "training, min",
            "Minutes of training, without evaluation; not known of a model that went on from another (--init).",
            lambda run: over(run.run.summary.whole_train_seconds, 60),
        ),
        Cost(
            "peak_memory_mb",
            "training, peak MB",
            "Most memory that the training process held.",
            lambda run: run.run.summary.peak_memory_mb,
            0,
        ),
    )
}


def costs(runs: Sequence[ProfiledRun], split: str = "test") -> dict[str, Cost]:
    """The known costs: `COSTS`, frames a second, and two latencies and memory for each backend and precision.

    Latencies on different machines, or for images of different sizes, can't rank models. So this machine is taken where
    any run was timed on it, else the one that most of these runs were timed with, with the size of most (of several,
    those timed last), and the help names both. Times measured while other programs kept another machine busy are too
    long, and are left out; of this machine they are all there is, and `speed_note` says so.

    Args:
        runs: The runs.
        split: The evaluation that they are compared on; its variant decides which backends may give the frames a
            second, because another precision or test-time augmentation would have other scores.
    """
    known = {key: cost for key, cost in COSTS.items() if any(cost.value(run) is not None for run in runs)}
    by_run = [run.latencies for run in runs]
    timed = [entry for latencies in by_run for entry in latencies]
    if not timed:
        return known
    if rate := _rate(runs, SplitVariant.parse(split)):
        known[FPS] = rate
    setting = _most_timed([[(_setting(entry), entry.measured) for entry in latencies] for latencies in by_run])
    for backend, precision in dict.fromkeys((entry.backend, entry.precision) for entry in timed):
        for cost in _of_backend(backend, precision, setting):
            if any(cost.value(run) is not None for run in runs):
                known[cost.key] = cost
    return known


def _most_timed(by_run: Iterable[Sequence[tuple[_Place, str]]]) -> _Place:
    """This machine, else the place of most runs; of several, the one measured last.

    Args:
        by_run: For every run, the place and the ISO 8601 time of its measurements; one at least.
    """
    runs_at: Counter[_Place] = Counter()
    last: dict[_Place, str] = {}
    for entries in by_run:
        runs_at.update({place for place, _ in entries})
        for place, measured in entries:
            last[place] = max(measured, last.get(place, ""))
    return max(last, key=lambda place: (_is_here(place[0]), runs_at[place], last[place]))


def _is_here(machine: str) -> bool:
    """Whether times were measured on a processor like this machine's.

    Whether a graphics card is this machine's is not known without torch, and is not asked.
    """
    return machine.startswith(f"{processor_name()}, ")


def _setting(latency: Latency) -> tuple[str, int, int]:
    """Machine, height and width: latencies with the same ones can be compared."""
    return latency.machine, latency.height, latency.width


def has_speed(variant: SplitVariant) -> bool:
    """Whether the speed of a prediction is measured: not where several predictions decide a picture."""
    return not (variant.tta or variant.window or variant.unknown)


def _rate(runs: Sequence[ProfiledRun], variant: SplitVariant) -> Cost | None:
    """Frames a second through the fastest backend that has the scores of a variant; None where that was not measured.

    All exact backends give the same classes, so the plain prediction may be made by any of them. Times with another
    size fed than the run was scored with don't count.
    """
    if not has_speed(variant):
        return None
    plain = not variant.suffix

    def fitting(run: ProfiledRun) -> list[Latency]:
        exact = (one for one in run.latencies if one.precision == variant.precision and run.is_fed(one))
        return [one for one in exact if plain or one.backend == variant.backend]

    by_run = [fitting(run) for run in runs]
    places = [
        [((one.machine, size), one.measured) for one in latencies for size in one.picture_sizes] for latencies in by_run
    ]
    if not any(places):
        return None
    machine, size = _most_timed(places)

    def value(run: ProfiledRun) -> float | None:
        times = [one.picture_ms(size) for one in fitting(run) if one.machine == machine]
        return max((1000 / milliseconds for milliseconds in times if milliseconds), default=None)

    through = "the fastest exact backend" if plain else f"{variant.backend} in {variant.precision}"
    how = f"one at a time, from picture to mask through {through}, on {machine}."
    what = f"Pictures of {size[0]}x{size[1]} predicted a second, {how}"
    used = [one for latencies in by_run for one in latencies if one.machine == machine]
    busy = any(one.busy for one in used if size in one.picture_sizes)
    return Cost(FPS, "frames/s", what, value, higher_is_better=True, machine=machine, busy=busy)


def speed_note(cost: Cost) -> str:
    """A sentence where speeds are those of another processor than this machine's, or of a busy one; else empty."""
    if cost.machine.endswith(" threads") and not _is_here(cost.machine):
        return "These speeds are not this machine's: segcore profile RUN measures here."
    if cost.busy:
        return (
            "Some were measured while other programs used this machine, so they are rather faster; profile them again."
        )
    return ""


def _of_backend(backend: str, precision: str, setting: tuple[str, int, int]) -> tuple[Cost, Cost, Cost]:
    """Two latencies and the memory of one backend and precision."""
    machine, height, width = setting

    def part(name: str) -> Callable[[ProfiledRun], float | None]:
        def value(run: ProfiledRun) -> float | None:
            # One entry at most: a profile keeps one for each backend, precision, machine and size.
            entries = (entry for entry in run.latencies if entry.key == (backend, precision, *setting))
            latency = next(entries, None)
            return None if latency is None else getattr(latency, name)

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
    """Key -> cost of a run; what was not measured is left out."""
    values = {key: cost.value(run) for key, cost in known.items()}
    return {key: float(value) for key, value in values.items() if value is not None}
