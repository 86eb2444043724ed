"""Every score that runs are compared by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from segcore.errors import RunError
from segcore.metrics import HELP, Calibration, scores
from segcore.runs import Evaluation, run_files, void_ids
from segcore.runs.evaluation import mean_of

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

    return Metric(key, title, HELP[key], value, key, file=run_files.BOUNDARY)


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
            file=run_files.CALIBRATION,
            higher_is_better=False,
        ),
        Metric(
            "ece_scaled",
            "ECE, scaled",
            HELP["ece_scaled"],
            _calibrated(lambda found: None if found.after is None else found.after.ece),
            "ece_scaled",
            file=run_files.CALIBRATION,
            higher_is_better=False,
        ),
        Metric("entropy", "entropy", HELP["entropy"], _of_images("entropy"), "entropy", higher_is_better=None),
    )
}


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
