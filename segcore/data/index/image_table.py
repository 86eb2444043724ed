"""The facts of many images as one table, and what is asked of it: counts, sizes, and where classes lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I32, I64, U8, Bool
from segcore.data.dataset import Record, Stamp
from segcore.data.index.image_facts import CELLS, ImageFacts, stamp_of
from segcore.labels import IGNORE_INDEX

STAMP = ("image_bytes", "image_version", "mask_bytes", "mask_version")
_CHUNK = 8192  # images that are looked at at once


@dataclass(frozen=True, eq=False)
class ImageTable:
    """Facts of N images; read-only.

    Args:
        table: pyarrow table with the columns of `COLUMNS` but `cells`.
        load_cells: Reads that column; it is as large as all others together, and seldom needed.
    """

    table: Any
    load_cells: Callable[[], Any]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids, `[N]`."""
        return tuple(self.table.column("id").to_pylist())

    @cached_property
    def row(self) -> dict[str, int]:
        """Id -> row."""
        return {sample_id: row for row, sample_id in enumerate(self.ids)}

    def rows(self, ids: Iterable[str]) -> I64:
        """The rows of ids, which must all be known."""
        return np.fromiter(map(self.row.__getitem__, ids), np.int64)

    @cached_property
    def stamps(self) -> I64:
        """`[N, 4]` stamps of the files when they were read."""
        return np.stack([self._numbers(name) for name in STAMP], axis=1)

    @cached_property
    def copies(self) -> I64:
        """`[N]` 0 for frames, and the number of augmented copies."""
        return self._numbers("copy")

    @cached_property
    def sizes(self) -> I64:
        """`[N, 2]` (height, width) of the images in px; 0 where that can't be read."""
        return np.stack([self._numbers("height"), self._numbers("width")], axis=1)

    @cached_property
    def counted(self) -> Bool:
        """`[N]` whether the mask could be read."""
        return np.diff(self.starts) > 0

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """`[N]` why a sample can't be used; empty where it can."""
        return tuple(self.table.column("problem").to_pylist())

    @cached_property
    def starts(self) -> I64:
        """`[N + 1]` where the counts of each image begin in `classes` and `pixels`."""
        return self._list("classes").offsets.to_numpy().astype(np.int64)

    @cached_property
    def classes(self) -> U8:
        """`[M]` class ids of all images, one after the other."""
        return self._list("classes").values.to_numpy()

    @cached_property
    def pixels(self) -> npt.NDArray[np.uint32]:
        """`[M]` their pixels."""
        return self._list("pixels").values.to_numpy()

    @cached_property
    def image(self) -> I32:
        """`[M]` the image that each count belongs to."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.starts))

    def class_pixels(self, class_id: int) -> I64:
        """`[N]` pixels of one class in each image."""
        here = self.classes == class_id
        result = np.zeros(len(self), np.int64)
        result[self.image[here]] = self.pixels[here]
        return result

    @cached_property
    def scored(self) -> I64:
        """`[N]` scored pixels of each image."""
        kept = self.classes != IGNORE_INDEX
        return np.bincount(self.image[kept], self.pixels[kept], len(self)).astype(np.int64)

    @cached_property
    def classes_scored(self) -> I64:
        """`[N]` number of scored classes in each image."""
        return np.bincount(self.image[self.classes != IGNORE_INDEX], minlength=len(self))

    def totals(self, rows: I64) -> tuple[I64, I64]:
        """`[256]` pixels and images of each class, over some images; 255 are pixels that are never scored."""
        times = np.bincount(rows, minlength=len(self))[self.image]
        pixels = np.zeros(256, np.int64)
        np.add.at(pixels, self.classes, self.pixels * times)  # `bincount` would add in float64
        images = np.zeros(256, np.int64)
        np.add.at(images, self.classes, times)
        return pixels, images

    def co_occurrence(self, rows: I64, classes: int) -> I64:
        """`[C, C]` images that hold both classes; on the diagonal those that hold the one."""
        total = np.zeros((classes, classes))
        for start in range(0, len(rows), _CHUNK):
            chosen = np.full(len(self), -1)
            part = rows[start : start + _CHUNK]
            chosen[part] = np.arange(len(part))
            kept = (chosen[self.image] >= 0) & (self.classes < classes)
            present = np.zeros((len(part), classes), np.float32)
            present[chosen[self.image[kept]], self.classes[kept]] = 1
            total += present.T @ present  # whole numbers below 2^24: exact
        return total.astype(np.int64)

    def places(self, rows: I64, classes: int) -> F64:
        """`[C, CELLS, CELLS]` share of the images that hold the class at that place of the frame."""
        counted = rows[self.counted[rows]]
        counts = np.zeros((CELLS * CELLS, 256), np.int64)
        cells = self.load_cells()
        for start in range(0, len(counted), _CHUNK):
            chunk = cells.take(counted[start : start + _CHUNK]).to_pylist()
            ids = np.frombuffer(b"".join(chunk), np.uint8).reshape(-1, CELLS * CELLS)
            codes = ids.astype(np.int64) + 256 * np.arange(CELLS * CELLS)
            counts += np.bincount(codes.ravel(), minlength=counts.size).reshape(counts.shape)
        return counts.T[:classes].reshape(classes, CELLS, CELLS) / max(1, len(counted))

    @cached_property
    def repeated(self) -> Bool:
        """`[N]` whether the file of the image has the same bytes as that of another image."""
        first = np.array([checksum.partition(" ")[0] for checksum in self.table.column("checksum").to_pylist()])
        _, inverse, counts = np.unique(first, return_inverse=True, return_counts=True)
        return (counts[inverse] > 1) & (first != "")

    def facts(self, row: int) -> ImageFacts:
        """What is known of one image, without its cells."""
        part = slice(int(self.starts[row]), int(self.starts[row + 1]))
        return ImageFacts(
            self.stamp(row),
            self.table.column("checksum")[row].as_py(),
            int(self.sizes[row, 0]),
            int(self.sizes[row, 1]),
            self.classes[part].tobytes(),
            tuple(self.pixels[part].tolist()),
            b"",
            self.problems[row],
        )

    def stamp(self, row: int) -> Stamp:
        """The stamp of one image when it was read."""
        one, two, three, four = self.stamps[row].tolist()
        return one, two, three, four

    def unchanged(self, records: Iterable[Record]) -> Bool:
        """`[N]` whether the files of an image are as they were; False where no record has its id."""
        now = np.full((len(self), 4), -1, np.int64)
        known = [record for record in records if record.id in self.row]
        for start in range(0, len(known), _CHUNK):
            part = known[start : start + _CHUNK]
            now[self.rows(record.id for record in part)] = [stamp_of(record) for record in part]
        return (now == self.stamps).all(axis=1) & (now[:, 0] >= 0)

    def checksums(self, records: Sequence[Record]) -> Mapping[str, str]:
        """Id -> checksum of those images whose files are as they were when they were read."""
        same = self.unchanged(records).tolist()
        texts = self.table.column("checksum").to_pylist()
        return {sample_id: text for sample_id, text, kept in zip(self.ids, texts, same, strict=True) if kept}

    def _numbers(self, name: str) -> I64:
        return self.table.column(name).to_numpy().astype(np.int64)

    def _list(self, name: str) -> Any:  # noqa: ANN401 - a pyarrow array
        return self.table.column(name).combine_chunks()


def schema() -> Any:  # noqa: ANN401 - pyarrow's
    """The columns of the table, and of its file."""
    import pyarrow as pa

    return pa.schema(
        [
            ("id", pa.string()),
            ("split", pa.string()),
            ("group", pa.string()),
            ("image", pa.string()),
            ("mask", pa.string()),
            ("origin", pa.string()),
            ("copy", pa.int32()),
            *((name, pa.int64()) for name in STAMP),
            ("checksum", pa.string()),
            ("height", pa.int32()),
            ("width", pa.int32()),
            ("classes", pa.list_(pa.uint8())),
            ("pixels", pa.list_(pa.uint32())),
            ("problem", pa.string()),
            ("cells", pa.binary()),
        ]
    )


def make_table(records: Sequence[Record], facts: Sequence[ImageFacts]) -> Any:  # noqa: ANN401 - a pyarrow table
    """The table of samples and what was read of them, `cells` among its columns."""
    import pyarrow as pa

    masks = [getattr(record, "stored_mask", None) for record in records]
    columns: dict[str, Any] = {
        "id": [record.id for record in records],
        "split": [record.split for record in records],
        "group": [record.group for record in records],
        "image": [getattr(record, "image_path", None) for record in records],
        "mask": [mask if isinstance(mask, str) else None for mask in masks],
        "origin": [record.origin if record.origin != record.id else None for record in records],
        "copy": [record.copy for record in records],
        **{name: [one.stamp[place] for one in facts] for place, name in enumerate(STAMP)},
        "checksum": [one.checksum for one in facts],
        "height": [one.height for one in facts],
        "width": [one.width for one in facts],
        "classes": [list(one.classes) for one in facts],
        "pixels": [one.pixels for one in facts],
        "problem": [one.problem for one in facts],
        "cells": [one.cells for one in facts],
    }
    return pa.table(columns, schema())


def in_memory(table: Any) -> ImageTable:  # noqa: ANN401
    """An `ImageTable` of a table that has its cells."""
    return ImageTable(table.drop_columns("cells"), lambda: table.column("cells").combine_chunks())
