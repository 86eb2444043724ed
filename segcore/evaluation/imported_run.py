"""Scores predictions that were made elsewhere, and stores them as a run without a model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from segcore.arrays import U8Mask
from segcore.data.background import usable_cores
from segcore.data.dataset import Dataset
from segcore.data.decode import MaskPixels
from segcore.data.predictions.classes import PredictionClasses
from segcore.data.predictions.reading import logits_of
from segcore.data.resizing import resize_ids
from segcore.errors import EvaluationError, RunError
from segcore.evaluation.accumulator import Accumulator
from segcore.paths import local_path
from segcore.runs import RunRecord, RunWriter, ScoreInfo, load_run, run_files
from segcore.runs.imported import imported_summary
from segcore.runs.probability_files import encode_probabilities
from segcore.runs.run_lock import writing
from segcore.runs.run_store import new_run
from segcore.runs.run_writer import Predicted
from segcore.runs.summary import Imported
from segcore.runs.temperature import VALIDATION, fitted_temperature

Progress = Callable[[int, int], object]
Stored = MaskPixels | npt.NDArray[np.floating]  # the pixels of a mask, or probabilities
Load = Callable[[], Stored]
MOST_DIFFERENT = 0.01  # share of pixels in which a mask may differ from its probabilities, by rounding
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Prediction:
    """The stored prediction of one image, which is read when it is scored.

    Args:
        id: The image's id.
        load: Reads its mask, or its probabilities.
        scores: Reads the probabilities that belong to its mask; None without them.
    """

    id: str
    load: Load
    scores: Load | None = None


@dataclass(frozen=True)
class ImportedRun:
    """A run that holds predictions which were made elsewhere.

    Args:
        path: Its folder.
        name: The model's name, as people know it.
        dataset: The dataset that was predicted.
        split: The split that was predicted.
        source: Where the predictions come from, for people.
        resized: The (height, width) of all predictions, where it is not that of their ground truth.
        before: The run that the split is added to; None for a new run.
    """

    path: Path
    name: str
    dataset: Dataset
    split: str
    source: str
    resized: tuple[int, int] | None = None
    before: RunRecord | None = None

    @classmethod
    def plan(
        cls,
        name: str,
        dataset: Dataset,
        split: str,
        source: str,
        *,
        out: str | Path = "checkpoints",
        resize: tuple[int, int] | None = None,
        add: bool = False,
        replace: bool = False,
    ) -> ImportedRun:
        """Check that a run can be made, before anything is read.

        Args:
            name: The model's name.
            dataset: The dataset that was predicted.
            split: The split that was predicted.
            source: Where the predictions come from, for people.
            out: Folder of runs.
            resize: (height, width) of the predictions, where it is not that of the ground truth.
            add: Add the split to the imported run of that name.
            replace: The same, also where that split was imported before.

        Raises:
            RunError: when there is a run of that name and nothing is to be added, or the run there is another one or
                has that split and is not to lose it.
            DatasetError: when the dataset has no such split.
        """
        dataset.split(split)  # raises
        path = run_files.folder_of(local_path(out, RunError), name, "run")
        if not path.exists():
            return cls(path, name, dataset, split, source, resize)
        if not (add or replace):
            raise RunError(
                f"There is a run called {path.name!r} already: {path}. Choose another --name, or remove that folder; "
                "another split of the same imported model is added with --add, the same one replaced with --replace."
            )
        before = load_run(path)
        _check_same(before, dataset, resize)
        if split in before.splits and not replace:
            raise RunError(
                f"Run {before.id!r} has predictions of {split} already; nothing was changed. Choose another --name, or "
                "give --replace in place of --add."
            )
        return cls(path, name, dataset, split, source, resize, before)

    def write(
        self, predictions: Iterable[Prediction], classes: PredictionClasses, progress: Progress | None = None
    ) -> RunRecord:
        """Score the prediction of each image of the split, in any order, and write the run, whole or not at all.

        Args:
            predictions: One for each image.
            classes: What their pixels mean.
            progress: Called with (done, total) after each image.

        Raises:
            SegcoreError: when a prediction can't be read, has another size, or doesn't fit the ground truth.
        """
        ids = self.dataset.split(self.split).ids
        fits = self.split == VALIDATION
        temperature = fitted_temperature(self.before, VALIDATION) if self.before and not fits else None
        counted = Accumulator.empty(len(ids), self.dataset.labels.classes, temperature, fits)
        scorer = _Scorer(self, classes, counted, {sample_id: index for index, sample_id in enumerate(ids)})

        def scored() -> Iterator[Predicted]:
            for done, predicted in enumerate(_in_threads(scorer, predictions), 1):
                yield predicted
                if progress is not None:
                    progress(done, len(ids))
            counted.fit()

        if self.before is not None:
            with writing(self.path, f"adds {self.split} to it"):
                return self._store(RunWriter(self.path), ids, scored(), counted, classes)
        with new_run(self.path) as writer:
            self._store(writer, ids, scored(), counted, classes)
        return load_run(self.path)

    def _store(
        self,
        writer: RunWriter,
        ids: Sequence[str],
        scored: Iterator[Predicted],
        counted: Accumulator,
        classes: PredictionClasses,
    ) -> RunRecord:
        labels = self.dataset.labels
        first = next(scored)
        sure = len(first) > 2

        def all_alike() -> Iterator[Predicted]:
            yield first
            for one in scored:
                if (len(one) > 2) != sure:
                    raise EvaluationError(
                        f"Only some predictions have probabilities: {first[0]!r} and {one[0]!r} differ. Give them for "
                        "all images or for none."
                    )
                yield one

        extras: dict[str, Any] = {"entropy": counted.entropy, "calibration": counted.calibration} if sure else {}
        evaluation = writer.write_evaluation(
            self.split, ids, counted.confusion, all_alike(), labels, boundary=counted.boundary, **extras
        )
        scores = ScoreInfo.from_counts(evaluation.total, labels)
        if self.before is None:
            rule = classes.coding.rule
            imported = Imported(
                source=self.source, rule=str(rule) if rule else "classes in order", resized=self.resized
            )
            summary, config = imported_summary(self.path, self.name, self.dataset, imported)
            writer.write_config(config)
        else:
            summary = writer.record().summary  # as it is now: another split may have been added meanwhile
        update = {self.split: scores} if self.split in ("val", "test") else {}
        writer.write_summary(summary.model_copy(update=update))
        return writer.record()


@dataclass(frozen=True)
class _Scorer:
    """Scores one prediction; threads call it at the same time."""

    run: ImportedRun
    classes: PredictionClasses
    counted: Accumulator
    places: dict[str, int]

    def __call__(self, prediction: Prediction) -> Predicted:
        try:
            return self._scored(prediction)
        except EvaluationError as error:
            raise EvaluationError(f"Prediction of {prediction.id!r}: {error}") from None

    def _scored(self, prediction: Prediction) -> Predicted:
        index, truth = self.places[prediction.id], self.run.dataset.mask(prediction.id)
        stored, mask = prediction.load(), None
        if isinstance(stored, MaskPixels):
            mask = self._fitted(self.classes.decode(stored), prediction.id, truth.shape)
            if prediction.scores is None:
                self.counted.count_mask(index, mask, truth)
                return prediction.id, mask
            stored = prediction.scores()
        if isinstance(stored, MaskPixels):
            raise EvaluationError(f"{stored.where} is a mask; expected probabilities [C, H, W] beside the mask.")
        return self._count(index, stored, prediction.id, truth, mask)

    def _fitted(self, mask: U8Mask, sample_id: str, size: tuple[int, ...]) -> U8Mask:
        """The mask at the size of the ground truth."""
        expected = self.run.resized or size
        if mask.shape != expected:
            raise EvaluationError(_wrong_size(mask.shape, expected, self.run.resized is not None))
        return resize_ids(mask, size[0], size[1])

    def _count(
        self, index: int, values: npt.NDArray[np.floating], sample_id: str, truth: U8Mask, mask: U8Mask | None
    ) -> Predicted:
        import torch

        channels = self.classes.channels
        size = self.run.resized or (truth.shape[0], truth.shape[1])
        logits = logits_of(values, sample_id, len(channels), size)[np.argsort(channels)]
        parts = [(slice(0, truth.shape[0]), torch.from_numpy(np.ascontiguousarray(logits)))]
        answer = self.counted.count(index, parts, truth, mask)
        if mask is not None:
            best = logits.argmax(axis=0)
            fitted = self._fitted(best.astype(np.uint8), sample_id, truth.shape)
            share = float((fitted != mask).mean())
            if share > MOST_DIFFERENT and self.run.resized is None:
                raise EvaluationError(
                    f"the mask differs from the best of its probabilities in {share:.0%} of the pixels, so they are "
                    "not of one prediction, or their classes are in another order. Give the probabilities alone."
                )
        return sample_id, answer.mask, answer.confidence, encode_probabilities(logits)


def _wrong_size(got: tuple[int, ...], expected: tuple[int, ...], stated: bool) -> str:
    sizes = ["x".join(map(str, size)) for size in (got, expected)]
    if stated:
        return f"it is {sizes[0]}, and --resize says {sizes[1]}. All predictions need that size."
    return (
        f"it is {sizes[0]}, the ground truth {sizes[1]}. Predict at the size of the ground truth, or state that all "
        f"predictions are of this size and to be resized: --resize {sizes[0]}."
    )


def _check_same(before: RunRecord, dataset: Dataset, resize: tuple[int, int] | None) -> None:
    imported = before.summary.imported
    if imported is None or imported.file is not None:
        raise RunError(
            f"Run {before.id!r} at {before.path} holds no imported predictions, so no split is added. Choose --name."
        )
    for what, old, new in (
        ("fingerprint of the data", before.summary.dataset.fingerprint, dataset.fingerprint),
        ("size of the predictions", imported.resized, resize),
    ):
        if old != new:
            raise RunError(f"Run {before.id!r} has another {what}: {old}, this is {new}. Choose another --name.")


def _in_threads(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """The results in order; as many items at a time as there are processors are in work, and few are waiting."""
    count = usable_cores()
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(count) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def progress_bar(progress: Progress | bool, what: str) -> Iterator[Progress | None]:
    """A bar on the terminal for True, nothing for False, else what is given."""
    if not isinstance(progress, bool):
        yield progress
    elif not progress:
        yield None
    else:
        from rich.progress import Progress as Bar

        from segcore.text_console import TextConsole

        with Bar(console=TextConsole(stderr=True), transient=True) as bar:
            task = bar.add_task(what)
            yield lambda done, total: bar.update(task, completed=done, total=total)
