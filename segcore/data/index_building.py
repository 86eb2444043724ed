"""Builds the index of a dataset: reads every image once, and later only those whose files changed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from segcore.data.background import overlapped
from segcore.data.dataset import Dataset, Record
from segcore.data.index.image_facts import ImageFacts, read_many
from segcore.data.index.image_table import schema
from segcore.data.index.index_files import FolderStamps, store_index
from segcore.data.index.known_facts import THREADS, KnownFacts, Progress
from segcore.data.index.reopening import describe
from segcore.data.open_options import OpenOptions
from segcore.errors import DatasetError

FEW = 1000  # images that threads read before worker processes have started
BATCH = 64  # images that a worker reads at once


@dataclass(frozen=True)
class BuiltIndex:
    """What building an index did.

    Args:
        path: Its file; None where none can be written.
        dataset: The dataset.
        known: What is known of its images now.
        read: Number of images that were read.
        changed: Number of those that the index knew and whose files had changed.
    """

    path: Path | None
    dataset: Dataset
    known: KnownFacts
    read: int
    changed: int


def build_index(
    source: str | Path,
    options: OpenOptions | None = None,
    progress: Progress | None = None,
    *,
    processes: int = 0,
) -> BuiltIndex:
    """Build the index of a dataset, or bring it up to date. What was read before an interruption is kept.

    Args:
        source: Path of a folder or zip.
        options: How it is opened; each way has an index of its own.
        progress: Called with (done, total) as images are read.
        processes: Worker processes, for many images; 0 for threads. Processes need a main module that may be imported.

    Raises:
        DatasetError: when it can't be opened, or is the drive.
    """
    options = options or OpenOptions()
    if str(source) == "drive":
        raise DatasetError("The drive is drawn, 101 frames of it: it needs no index. Give the path of a dataset.")
    outside = [path for path in (options.classes, options.map) if path]
    stamps = FolderStamps.of(source, outside)
    dataset = options.open(source)
    known = KnownFacts(dataset)
    changed = known.check_files()
    missing = known.missing(dataset.ids)
    try:
        for done, (ids, facts) in enumerate(_read_all(dataset, missing, processes), 1):
            known.add(ids, facts)
            if progress:
                progress(min(done * BATCH, len(missing)), len(missing))
    finally:  # whatever ends it: the next time goes on from here
        path = save(known, stamps)
    return BuiltIndex(path, dataset, known, len(missing), len(set(missing) & set(changed)))


def save(known: KnownFacts, stamps: FolderStamps | None = None, *, beside: bool = True) -> Path | None:
    """Store what is known of a dataset.

    Args:
        known: The facts.
        stamps: Its folders and files, taken before it was opened; None for an index that only counts.
        beside: Try the folder of the data first, not only the user's cache.

    Returns:
        The file; None where none can be written.
    """
    table, dataset = known.table(), known.dataset
    whole = table.table.append_column("cells", table.load_cells()).select(schema().names)
    return store_index(dataset.source, dict(dataset.opened_with), whole, describe(dataset, stamps), beside=beside)


def _read_all(
    dataset: Dataset, ids: Sequence[str], processes: int
) -> Iterator[tuple[Sequence[str], Sequence[ImageFacts]]]:
    """(ids, their facts) of one batch after the other."""
    batches = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]

    def records(batch: Sequence[str]) -> list[Record]:
        return [dataset.record(sample_id) for sample_id in batch]

    if not processes or len(ids) < FEW:
        work = overlapped(lambda batch: read_many(records(batch)), batches, THREADS)
        yield from zip(batches, work, strict=True)
        return
    with suppress(DatasetError):  # each mask then says what is wrong with it
        _ = dataset.mask_rule  # decided once here, and not once in each batch
    # Spawned: a fork of a process that runs threads may hang.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        try:
            waiting = [pool.submit(read_many, records(batch)) for batch in batches[: 2 * processes]]
            for place, batch in enumerate(batches):
                facts = waiting.pop(0).result()
                if place + 2 * processes < len(batches):
                    waiting.append(pool.submit(read_many, records(batches[place + 2 * processes])))
                yield batch, facts
        finally:
            pool.shutdown(cancel_futures=True)
