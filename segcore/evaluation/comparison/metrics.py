"""Every number that runs are compared by: scores of an evaluation, and costs of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from segcore.errors import RunError
from segcore.metrics import HELP, Calibration, scores
from segcore.runs import Evaluation, RunRecord, files, void_ids
from segcore.runs.evaluation import mean_of
from segcore.runs.profile import Latency, Profile

NAN = float("nan")


@dataclass(frozen=True)
class Metric:
    """A score of one evaluation.

    Args:
        key: As tables, links and files call it.
        title: As people call it.
        help: One sentence.
        value: Its value, NaN where the evaluation can't tell.
        statistic: Its name in `segcore.metrics.STATISTICS`, which can score any draw of the images.
        without_void: Void pixels are left out, where void is one of the classes.
        file: Of the evaluation that it is read from, where older evaluations lack that.
        higher_is_better: Of two runs the one with the higher value is better; None where neither is.
    """

    key: str
    title: str
    help: str
    value: Callable[[Evaluation], float]
    statistic: str
    without_void: bool = False
    file: str = ""
    higher_is_better: bool | None = True


def _of_split(key: str, title: str) -> Metric:
    return Metric(key, title, HELP[key], lambda evaluation: float(getattr(evaluation.scores, key)), key)


def _without_void(key: str, title: str) -> Metric:
    name = key.removesuffix("_without_void")

    def value(evaluation: Evaluation) -> float:
        void = void_ids(evaluation.labels)
        return float(getattr(scores(evaluation.total, without=void), name)) if void else NAN

    return Metric(key, title, HELP[key], value, name, without_void=True)


def _of_images(column: str) -> Callable[[Evaluation], float]:
    return lambda evaluation: mean_of(evaluation.of_images(column))


def _of_borders(key: str, title: str) -> Metric:
    def value(evaluation: Evaluation) -> float:
        found = evaluation.boundary
        return NAN if found is None else float(getattr(found, key))

    return Metric(key, title, HELP[key], value, key, file=files.BOUNDARY)


def _calibrated(value: Callable[[Calibration], float | None]) -> Callable[[Evaluation], float]:
    def found(evaluation: Evaluation) -> float:
        calibration = evaluation.calibration
        number = None if calibration is None else value(calibration)
        return NAN if number is None else float(number)

    return found


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        _of_split("miou", "mIoU"),
        Metric(
            "image_miou",
            "mIoU by image",
            HELP["image_miou"],
            _of_images("miou"),
            "image_miou",
        ),
        _of_split("pixel_accuracy", "pixel accuracy"),
        _of_split("mean_accuracy", "mean accuracy"),
        _of_split("mean_dice", "Dice"),
        _of_split("frequency_weighted_iou", "fwIoU"),
        _without_void("miou_without_void", "mIoU, no void"),
        _without_void("pixel_accuracy_without_void", "pixel accuracy, no void"),
        _of_borders("boundary_iou", "boundary IoU"),
        _of_borders("boundary_iou_3px", "boundary IoU, 3 px"),
        _of_borders("boundary_f1", "boundary F1"),
        Metric(
            "ece",
            "ECE",
            HELP["ece"],
            _calibrated(lambda found: found.before.ece),
            "ece",
            file=files.CALIBRATION,
            higher_is_better=False,
        ),
        Metric(
            "ece_scaled",
            "ECE, scaled",
            HELP["ece_scaled"],
            _calibrated(lambda found: None if found.after is None else found.after.ece),
            "ece_scaled",
            file=files.CALIBRATION,
            higher_is_better=False,
        ),
        Metric("entropy", "entropy", HELP["entropy"], _of_images("entropy"), "entropy", higher_is_better=None),
    )
}


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
    value: Callable[[RunRecord], float | None]
    digits: int = 1


def _profiled(key: str, title: str, help_: str, value: Callable[[Profile], float], digits: int = 1) -> Cost:
    def found(run: RunRecord) -> float | None:
        profile = run.profile
        return None if profile is None else value(profile)

    return Cost(key, title, help_, found, digits)


COSTS: dict[str, Cost] = {
    cost.key: cost
    for cost in (
        Cost("parameters", "parameters, M", "Millions of parameters.", lambda run: run.summary.parameters / 1e6),
        _profiled("macs", "MACs, G", "Billions of multiply-adds for one image.", lambda found: found.macs / 1e9),
        _profiled("model_mb", "model, MB", "Size of the stored weights.", lambda found: found.model_mb),
        Cost(
            "minutes",
            "training, min",
            "Minutes of training, without evaluation.",
            lambda run: run.summary.train_seconds / 60,
        ),
        Cost(
            "peak_memory_mb",
            "peak memory, MB",
            "Most memory that the training process held.",
            lambda run: run.summary.peak_memory_mb,
            0,
        ),
    )
}


def costs(runs: Sequence[RunRecord]) -> dict[str, Cost]:
    """`COSTS`, and a median and a 95th percentile of latency by backend and precision, as far as any run tells.

    Latencies of different machines, or of images of different sizes, don't rank models: those of the machine and the
    size that most of these runs were timed with are taken, and the help names both. Times taken while other programs
    kept the machine busy are too long, and left out.
    """
    known = {key: cost for key, cost in COSTS.items() if any(_or_none(cost.value, run) is not None for run in runs)}
    by_run = [_latencies(run) for run in runs]
    timed = [each for found in by_run for each in found]
    if not timed:
        return known
    many = Counter(place for found in by_run for place in set(map(_place, found)))
    entries = Counter(map(_place, timed))  # decides between two that as many runs were timed with
    place = max(entries, key=lambda each: (many[each], entries[each]))
    for backend, precision in dict.fromkeys((each.backend, each.precision) for each in timed):
        for part, short in (("median_ms", "median"), ("p95_ms", "p95")):
            cost = _latency(backend, precision, place, part, short)
            if any(cost.value(run) is not None for run in runs):
                known[cost.key] = cost
    return known


def _place(latency: Latency) -> tuple[str, int, int]:
    """What makes two latencies comparable: the machine, and height and width of the images."""
    return latency.machine, latency.height, latency.width


def _latency(backend: str, precision: str, place: tuple[str, int, int], part: str, short: str) -> Cost:
    def value(run: RunRecord) -> float | None:
        # One entry at most: a profile keeps one of a backend, precision, machine and size.
        wanted = (each for each in _latencies(run) if each.key == (backend, precision, *place))
        found = next(wanted, None)
        return None if found is None else float(getattr(found, part))

    machine, height, width = place

    title = f"{backend} {precision}, ms" + ("" if short == "median" else " p95")
    share = "Half" if short == "median" else "95 of 100"
    text = (
        f"{share} of the images took less, one at a time at {height}x{width} through {backend} in {precision}, on "
        f"{machine}."
    )
    return Cost(f"{backend}_{precision}_{short}", title, text, value)


def _latencies(run: RunRecord) -> tuple[Latency, ...]:
    """Those of a run that can be relied on."""
    try:
        profile = run.profile
    except (RunError, OSError):  # `segcore profile` says what is wrong with it
        return ()
    return () if profile is None else tuple(each for each in profile.latencies if not each.busy)


def costs_of(run: RunRecord, known: Mapping[str, Cost]) -> dict[str, float]:
    """What a run costs, by key; what was not measured is left out."""
    found = {key: _or_none(cost.value, run) for key, cost in known.items()}
    return {key: float(value) for key, value in found.items() if value is not None}


def _or_none(value: Callable[[RunRecord], float | None], run: RunRecord) -> float | None:
    try:
        return value(run)
    except (RunError, OSError):
        return None


def metrics_of(evaluations: Sequence[Evaluation]) -> dict[str, Metric]:
    """The metrics that any of these evaluations can tell, without computing those of optional files."""
    return {key: metric for key, metric in METRICS.items() if any(_known(metric, each) for each in evaluations)}


def _known(metric: Metric, evaluation: Evaluation) -> bool:
    if metric.file:
        return (evaluation.path / metric.file).is_file()
    if metric.without_void:
        return bool(void_ids(evaluation.labels))
    value = metric.value(evaluation)
    return value == value


class RowScores(Mapping[str, float]):
    """Means over evaluations by the keys of `METRICS`, NaN where it can't be told; each is computed when asked for.

    Args:
        evaluations: Of the runs of a row.
    """

    def __init__(self, evaluations: Sequence[Evaluation]) -> None:
        self._evaluations = tuple(evaluations)
        self._found: dict[str, float] = {}

    def __getitem__(self, key: str) -> float:
        if key not in self._found:
            values = self.each(key)
            self._found[key] = sum(values) / len(values) if values else NAN
        return self._found[key]

    def each(self, key: str) -> list[float]:
        """Of every evaluation."""
        return [_value(METRICS[key], evaluation) for evaluation in self._evaluations]

    def __iter__(self) -> Iterator[str]:
        return iter(METRICS)

    def __len__(self) -> int:
        return len(METRICS)


def _value(metric: Metric, evaluation: Evaluation) -> float:
    try:
        return metric.value(evaluation)
    except RunError:  # an optional file that is cut off
        return NAN
