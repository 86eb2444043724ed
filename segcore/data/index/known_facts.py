"""What is known of a dataset's images: from its index, and read since; several threads read nothing twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from segcore.arrays import I64
from segcore.data.dataset import Dataset
from segcore.data.index.image_facts import UNKNOWN, ImageFacts, read_facts, stamp_of
from segcore.data.index.image_table import ImageTable, in_memory, make_table

THREADS = 4  # decoding releases the interpreter lock
_BATCH = 16  # images that one thread of the caller reads while others wait

Progress = Callable[[int, int], None]  # (done, total)


class KnownFacts:
    """The facts of a dataset's images.

    Facts of the index are believed until `check_files` finds that a file has changed. It may be used from several
    threads: while one reads images, others wait for them and then know them.

    Args:
        dataset: The dataset, with its index where it has one.
        before: What was known when it was opened before, and is still true; in place of the index.
    """

    def __init__(self, dataset: Dataset, before: KnownFacts | None = None) -> None:
        self.dataset = dataset
        ids = {record.id for record in dataset.records}
        self._stored: ImageTable | None = before._stored if before else dataset.index
        valid: Collection[str] = before._valid if before else self._stored.row if self._stored else ()
        self._valid: set[str] = ids.intersection(valid)
        read = list(before._read.items()) if before else []  # others may read meanwhile
        self._read: dict[str, ImageFacts] = {name: facts for name, facts in read if name in ids}
        self._reading = threading.Lock()
        self._forgotten = 0  # times that files had changed
        self._stamps: I64 | None = None  # [N, 4] of all files, at the last look at them
        self._table: tuple[tuple[int, int], ImageTable] | None = None
        if self._stored is not None:
            self._valid -= _uncounted(self._stored)  # they may be mended

    def missing(self, ids: Iterable[str]) -> list[str]:
        """Those of `ids` that were not read yet."""
        if self.known >= len(self.dataset):
            return []
        return [sample_id for sample_id in ids if sample_id not in self._valid and sample_id not in self._read]

    def read(self, ids: Sequence[str], progress: Progress | None = None) -> None:
        """Read what is not known of these images.

        Args:
            ids: Ids of images.
            progress: Called with (done, total) as images become known.
        """
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            if self.missing(batch):
                self._read_batch(batch, start, len(ids), progress)
            elif progress:
                progress(start + len(batch), len(ids))

    def _read_batch(self, batch: Sequence[str], start: int, total: int, progress: Progress | None) -> None:
        with self._reading, ThreadPoolExecutor(THREADS) as pool:
            missing = self.missing(batch)  # another thread may have read them meanwhile
            done = start + len(batch) - len(missing)
            for sample_id, facts in zip(missing, pool.map(read_facts, map(self.dataset.record, missing)), strict=True):
                self._read[sample_id] = facts
                done += 1
                if progress:
                    progress(done, total)

    def add(self, ids: Sequence[str], facts: Sequence[ImageFacts]) -> None:
        """Take over what was read elsewhere, in worker processes."""
        self._read.update(zip(ids, facts, strict=True))

    def facts(self, sample_id: str) -> ImageFacts:
        """What is known of one image, which is read where nothing is."""
        if sample_id not in self._read and sample_id in self._valid:
            assert self._stored is not None
            return self._stored.facts(self._stored.row[sample_id])
        self.read([sample_id])
        return self._read[sample_id]

    def size(self, sample_id: str) -> tuple[int, int]:
        """(height, width) of an image, whose header alone is read where it is not known."""
        if sample_id in self._valid:
            assert self._stored is not None
            height, width = self._stored.sizes[self._stored.row[sample_id]].tolist()
            if height:
                return height, width
        return self.dataset.size(sample_id)

    @property
    def known(self) -> int:
        """How many images are known."""
        return len(self._valid) + len(self._read)

    @property
    def version(self) -> tuple[int, int]:
        """Changes whenever more is known, or something was forgotten."""
        return self.known, self._forgotten

    def check_files(self) -> list[str]:
        """Forget the images whose files have changed or vanished since they were read.

        Returns:
            Their ids, and those of other images whose files have changed since this was last called.
        """
        ids = [record.id for record in self.dataset.records]
        now = np.array([stamp_of(record) for record in self.dataset.records], np.int64).reshape(len(ids), len(UNKNOWN))
        changed = set() if self._stamps is None else {ids[row] for row in np.flatnonzero((now != self._stamps).any(1))}
        self._stamps = now
        place = {sample_id: row for row, sample_id in enumerate(ids)}
        if self._stored is not None and self._valid:
            valid = list(self._valid)
            stale = self._stored.stamps[self._stored.rows(valid)] != now[[place[sample_id] for sample_id in valid]]
            changed.update(valid[row] for row in np.flatnonzero(stale.any(1)))
        for sample_id, facts in list(self._read.items()):
            if facts.stamp not in (UNKNOWN, tuple(now[place[sample_id]].tolist())):
                changed.add(sample_id)
        if changed:
            self._valid = self._valid - changed
            for sample_id in changed:
                self._read.pop(sample_id, None)
            self._forgotten += 1
        return sorted(changed)

    def table(self) -> ImageTable:
        """The known images in the dataset's order; a new one after more were read."""
        version = self.version
        if self._table is None or self._table[0] != version:
            self._table = version, self._merged()
        return self._table[1]

    def _merged(self) -> ImageTable:
        import pyarrow as pa

        read, stored = dict(self._read), self._stored
        if stored is not None and not read and len(self._valid) == len(stored) == len(self.dataset):
            return stored
        fresh = make_table([self.dataset.record(sample_id) for sample_id in read], list(read.values()))
        parts, names = [fresh], list(read)
        kept = [sample_id for sample_id in stored.ids if sample_id in self._valid - read.keys()] if stored else []
        if stored is not None and kept:
            whole = stored.table.append_column("cells", stored.load_cells())
            parts.append(whole.select(fresh.column_names).take(stored.rows(kept)))
            names += kept
        place = {sample_id: row for row, sample_id in enumerate(names)}
        order = [place[record.id] for record in self.dataset.records if record.id in place]
        return in_memory(pa.concat_tables(parts).take(pa.array(order, pa.int64())).combine_chunks())

    def settle(self) -> None:
        """Hold what was read as a table, which takes a fifth of the memory."""
        with self._reading:
            table = self.table()
            kept = {sample_id: self._read[sample_id] for sample_id in _uncounted(table) if sample_id in self._read}
            self._stored, self._valid = table, table.row.keys() - kept.keys()
            self._read = kept

    def of(self, ids: Collection[str]) -> ImageTable:
        """The table after these images were read, for questions about them."""
        self.read(list(ids))
        return self.table()


def _uncounted(table: ImageTable) -> set[str]:
    """Ids of the images whose masks could not be read."""
    return {table.ids[row] for row in np.flatnonzero(~table.counted)}
