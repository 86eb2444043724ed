"""Pictures in the rows of Parquet and Arrow files, read as if each were a file of its own."""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import IO, Any

from segcore.data.file_source import Archive, FileSource, Folder
from segcore.errors import DatasetError, one_line

TABLE_SUFFIXES = (".parquet", ".arrow")
IMAGES, MASKS = "images", "masks"  # folders of the virtual files
OPEN_TABLES = 64  # files that are kept open
KEPT_GROUPS = 4  # row groups of a Parquet file and column that are kept, about 100 pictures each
_PICTURE = re.compile(rf"(?P<split>\w+)/(?P<kind>{IMAGES}|{MASKS})/(?P<row>\d+)[^/]*")


@dataclass(frozen=True, eq=False)
class Table:
    """A Parquet or Arrow file, whose rows are read in groups when they are asked for.

    Args:
        where: Full path, for messages.
        schema: pyarrow's schema.
        starts: First row of each group, and last the number of rows.
        load: (group, column) -> pyarrow array of its values; of `COLUMN.path`, where a column has it, the paths alone.
        nulls: (group, column) -> how many of its pictures are missing.
        copy: The unpacked file of one that lies in a zip; it is removed with the table.
    """

    where: str
    schema: Any
    starts: tuple[int, ...]
    load: Callable[[int, str], Any]
    nulls: Callable[[int, str], int]
    copy: IO[bytes] | None = None

    def picture(self, row: int, column: str) -> bytes:
        """The bytes of a picture.

        Raises:
            DatasetError: when the row holds none, or can't be read.
        """
        group = bisect_right(self.starts, row) - 1
        with _readable(self.where):
            data = _field(self.load(group, column)[row - self.starts[group]], "bytes")
        if data is None:
            raise DatasetError(
                f"{self.where}: row {row} has no bytes in column {column!r}, at most the path of a file elsewhere. "
                "Save the data with the pictures in it, as `save_to_disk` and `push_to_hub` of `datasets` do."
            )
        return data

    def present(self, column: str) -> Iterator[bool]:
        """Whether there is a picture, for each row."""
        with _readable(self.where):
            for group, (start, end) in enumerate(zip(self.starts, self.starts[1:], strict=False)):
                missing = self.nulls(group, column)
                if missing in (0, end - start):
                    yield from [not missing] * (end - start)
                else:
                    yield from (_field(value, "bytes") is not None for value in self.load(group, column))

    def names(self, column: str) -> Iterator[str]:
        """The name of each row's picture, without folder and suffix; empty where it has none."""
        kind = self.schema.field(column).type
        if not any(field.name == "path" for field in (kind if hasattr(kind, "get_field_index") else ())):
            yield from [""] * self.starts[-1]
            return
        with _readable(self.where):
            for group in range(len(self.starts) - 1):
                for value in self.load(group, f"{column}.path"):
                    path = _field(value, "path")
                    yield PurePosixPath(path.replace("\\", "/")).stem if isinstance(path, str) else ""


@dataclass(frozen=True)
class TableSource:
    """A folder or zip with tables, in which a row is two files: `train/images/000012_NAME.jpg train/masks/...png`.

    Args:
        files: The folder or zip itself, whose other files are read as ever.
        columns: `images` and `masks` -> their column.
        shards: Split -> its tables, each with the number of rows of the split before it.
        base: Folder of the dataset inside of `files`.
    """

    files: FileSource
    columns: Mapping[str, str]
    shards: Mapping[str, tuple[tuple[str, int], ...]]
    base: str = ""

    @property
    def root(self) -> str:
        return self.files.root

    def read(self, path: str) -> bytes:
        """The bytes of one file or picture.

        Raises:
            DatasetError: when it can't be read.
        """
        place = self._place(path)
        if place is None:
            return self.files.read(path)
        file, row, column = place
        return open_table(self.files, file).picture(row, column)

    def open(self, path: str) -> IO[bytes]:
        return self.files.open(path) if self._place(path) is None else io.BytesIO(self.read(path))

    def size(self, path: str) -> int:
        """Number of bytes of one file; 1 for a picture in a table, whose length is not known before it is read."""
        return self.files.size(path) if self._place(path) is None else 1

    def checksum(self, path: str) -> str:
        if self._place(path) is None:
            return self.files.checksum(path)
        data = self.read(path)
        return f"{len(data)}-{zlib.crc32(data):08x}"

    def stamp(self, path: str) -> tuple[int, int]:
        """As of any file; a picture in a table has the stamp of the table."""
        place = self._place(path)
        return self.files.stamp(path if place is None else place[0])

    def _place(self, path: str) -> tuple[str, int, str] | None:
        """(table, row in it, column) of a picture; None for a file."""
        match = _PICTURE.fullmatch(path[len(self.base) + bool(self.base) :])
        shards = self.shards.get(match["split"]) if match else None
        if match is None or not shards:
            return None
        row = int(match["row"])
        file, first = shards[bisect_right(shards, row, key=itemgetter(1)) - 1]
        return file, row - first, self.columns[match["kind"]]


def picture_columns(table: Table) -> list[str]:
    """The columns that hold pictures: bytes, alone or in a struct with their path, as `datasets.Image` stores them."""
    import pyarrow as pa

    def holds(kind: Any) -> bool:  # noqa: ANN401 - a pyarrow type
        return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

    def is_picture(kind: Any) -> bool:  # noqa: ANN401
        return holds(kind) or (pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0)

    return [field.name for field in table.schema if is_picture(field.type)]


def open_table(files: FileSource, file: str) -> Table:
    """A Parquet or Arrow file of a folder or zip.

    Raises:
        DatasetError: when it can't be read.
    """
    stored = Path(files.root) / file if isinstance(files, Folder) else Path(files.root)
    try:
        stamp = stored.stat().st_mtime_ns
    except OSError as error:
        raise DatasetError(f"{stored}: can't be read ({error.strerror or error}).") from None
    return _open_table(os.getpid(), files.root, isinstance(files, Folder), file, stamp)


@lru_cache(maxsize=OPEN_TABLES)
def _open_table(_process: int, root: str, in_folder: bool, file: str, _mtime: int) -> Table:
    where = f"{root}/{file}"
    copy = None
    if not in_folder:  # tables are read from any place, which a zip is not good for
        copy = tempfile.TemporaryFile()  # without a name, so that nothing stays of it after a kill
        with Archive(root).open(file) as stream:
            shutil.copyfileobj(stream, copy)
        copy.flush()
    with _readable(where):
        return (_parquet if file.endswith(".parquet") else _arrow)(
            where, f"/dev/fd/{copy.fileno()}" if copy else where, copy
        )


def _parquet(where: str, path: str, copy: IO[bytes] | None) -> Table:
    import pyarrow.parquet as pq

    opened = pq.ParquetFile(path, memory_map=True)
    facts = opened.metadata
    groups = [facts.row_group(group) for group in range(facts.num_row_groups)]
    lock = Lock()

    @lru_cache(maxsize=KEPT_GROUPS)
    def load(group: int, column: str) -> Any:  # noqa: ANN401 - a pyarrow array
        with lock:
            return opened.read_row_group(group, columns=[column]).column(0)

    def nulls(group: int, column: str) -> int:
        chunks = map(groups[group].column, range(groups[group].num_columns))
        kept = (chunk.statistics for chunk in chunks if chunk.path_in_schema in (column, f"{column}.bytes"))
        return next((stats.null_count for stats in kept if stats and stats.has_null_count), 0)

    return Table(where, opened.schema_arrow, _starts(group.num_rows for group in groups), load, nulls, copy)


def _arrow(where: str, path: str, copy: IO[bytes] | None) -> Table:
    import pyarrow as pa

    with pa.ipc.open_stream(pa.memory_map(path)) as stream:
        batches = list(stream)  # maps the file: its bytes are read when a row is

    def load(group: int, column: str) -> Any:  # noqa: ANN401 - a pyarrow array
        return batches[group].column(column.removesuffix(".path"))

    starts = _starts(batch.num_rows for batch in batches)
    return Table(where, stream.schema, starts, load, lambda group, column: load(group, column).null_count, copy)


def _starts(counts: Iterable[int]) -> tuple[int, ...]:
    starts = [0]
    for count in counts:
        starts.append(starts[-1] + count)
    return tuple(starts)


def _field(value: Any, name: str) -> Any:  # noqa: ANN401 - a pyarrow scalar, of a struct or of bytes alone
    """A field of a picture; the others are not read. None where it is missing."""
    import pyarrow as pa

    if not isinstance(value, pa.StructScalar):
        return value.as_py() if name == "bytes" else None
    return value[name].as_py() if value.is_valid and name in value else None


@contextmanager
def _readable(where: str) -> Iterator[None]:
    """Turn what pyarrow raises on damaged files into a `DatasetError`."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{where}: not a readable table ({one_line(error)[:200]}). Copy or download it again; a file of Git LFS is "
            "fetched by `git lfs pull`."
        ) from None
