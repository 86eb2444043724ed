"""Stores and finds the index of a dataset: beside the data where that can be written, else in the user's cache.

An index is one Parquet file: a row an image, and in the metadata of the file, as JSON, how the dataset was opened. It
is never taken on trust: `FolderStamps` tells files that were added or removed, stamps of files tell those that changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from segcore.atomic_files import replacing
from segcore.data.file_source import is_hidden, list_files
from segcore.data.index.image_table import ImageTable, schema
from segcore.errors import DatasetError
from segcore.paths import cache_folder, local_path
from segcore.reading import parse_json

VERSION = 1  # raised when older indexes can't be read
OWN_FILES = frozenset({"leaks.json"})  # files that Segcore itself writes into a dataset
_RACY = 2 * 10**9  # ns: a folder that changed so shortly ago may change again within the same tick of its clock
_METADATA = b"segcore"


class IndexFile(NamedTuple):
    """An index that was found.

    Args:
        path: Its file.
        facts: How the dataset was opened; see `reopening.describe`.
        table: The images.
    """

    path: Path
    facts: dict[str, Any]
    table: ImageTable


def places(source: str | Path, options: Mapping[str, object]) -> Iterator[Path]:
    """Files that the index of a dataset may be in, the preferred one first.

    Args:
        source: Path of the dataset.
        options: `Dataset.opened_with`; another way of opening has another index.
    """
    path = local_path(source).absolute()
    key = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode()).hexdigest()[:8]
    if path.is_dir():
        yield path / f".segcore-index-{key}.parquet"  # hidden: a table beside images looks like data
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    yield cache_folder() / "index" / f"{name}-{key}.parquet"


def find_index(source: str | Path, options: Mapping[str, object]) -> IndexFile | None:
    """The newest index of a dataset as it is opened; None without one that this version can read."""
    stored = [path for path in places(source, options) if path.is_file()]
    stored.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return next(filter(None, map(_read, stored)), None)


def _read(path: Path) -> IndexFile | None:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import parquet

    wanted = schema()
    try:
        file = parquet.ParquetFile(path)
        facts = parse_json((file.schema_arrow.metadata or {}).get(_METADATA, b"null"))
        if not isinstance(facts, dict) or facts.get("version") != VERSION or not file.schema_arrow.equals(wanted):
            return None
        table = file.read([name for name in wanted.names if name != "cells"], use_threads=False)
        table.validate(full=True)  # texts may be no UTF-8, which would be found when they are used
        pa.default_memory_pool().release_unused()  # what decoding took stays taken otherwise
        for name in ("image", "mask"):  # the index may come with the data, from anywhere
            outside = pc.match_substring_regex(table.column(name), r"^/|^\w:|\\|(^|/)\.\.(/|$)")
            if pc.any(outside).as_py():
                return None
    except (pa.ArrowException, OSError, ValueError):
        return None

    def load_cells() -> Any:  # noqa: ANN401 - a pyarrow array
        try:
            column = parquet.read_table(path, columns=["cells"]).column("cells").combine_chunks()
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(f"{path}: can't be read any more ({error}). Make the index again.") from None
        if len(column) != table.num_rows:
            raise DatasetError(f"{path}: was made again meanwhile. Open the dataset again.")
        return column

    return IndexFile(path, facts, ImageTable(table, load_cells))


def store_index(
    source: str | Path,
    options: Mapping[str, object],
    table: Any,  # noqa: ANN401 - pyarrow's
    facts: Mapping[str, Any],
    *,
    beside: bool = True,
) -> Path | None:
    """Write an index in place of the one before.

    Args:
        source: Path of the dataset.
        options: `Dataset.opened_with`.
        table: pyarrow table with the columns of `schema`.
        facts: What `find_index` returns beside it.
        beside: Try the folder of the data first, not only the user's cache.

    Returns:
        Its file; None where none can be written.
    """
    from pyarrow import parquet

    metadata = {_METADATA: json.dumps({**facts, "version": VERSION}).encode()}
    for path in list(places(source, options))[0 if beside else -1 :]:
        try:
            with replacing(path) as temporary:
                parquet.write_table(table.replace_schema_metadata(metadata), temporary, compression="zstd")
        except OSError:  # a read-only folder
            continue
        return path
    return None


class FolderStamps(NamedTuple):
    """What tells that a dataset holds the same files as before.

    Args:
        folders: Folder of the dataset -> (time of its last change in ns, checksum of the names in it); 0 for a time
            that can't be relied on.
        files: Path of a zip, or of a file that is no sample and may decide how samples are read -> [bytes, time].
    """

    folders: dict[str, tuple[int, int]]
    files: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, source: str | Path, outside: Collection[str] = ()) -> FolderStamps:
        """Those of a dataset as it is now, without its other files: `with_files` adds them.

        Args:
            source: A folder or zip.
            outside: Paths of files elsewhere that decide how it is read: a list of classes.
        """
        root = local_path(source).absolute()
        files = {str(path): _file_stamp(path) for path in (*([] if root.is_dir() else [root]), *map(Path, outside))}
        folders = {}
        if root.is_dir():
            now = time.time_ns()
            for folder in ("", *sorted(list_files(root).folders)):
                changed = _changed(root / folder)  # before the names are listed
                folders[folder] = (changed if now - changed > _RACY else 0, _names(root / folder))
        return cls(folders, files)

    def with_files(self, source: str | Path, samples: Collection[str]) -> FolderStamps:
        """With the files of the folder that belong to no sample."""
        if not self.folders:
            return self
        root, used = local_path(source).absolute(), set(samples)
        others = [file for file in list_files(root).files if file not in used and file not in OWN_FILES]
        return self._replace(files={**self.files, **{file: _file_stamp(root / file) for file in others}})

    def hold(self, source: str | Path) -> bool:
        """Whether the dataset holds the same files now; files of samples may have changed in themselves."""
        root = local_path(source).absolute()
        return all(_file_stamp(root / path) == tuple(stamp) for path, stamp in self.files.items()) and all(
            (changed and _changed(root / folder) == changed) or _names(root / folder) == names
            for folder, (changed, names) in self.folders.items()
        )


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _names(folder: Path) -> int:
    """A checksum of the names in a folder but hidden ones and those that Segcore writes; -1 where it is missing."""
    try:
        listed = os.listdir(folder)  # noqa: PTH208 - a Path for each of a hundred thousand names takes a second
    except OSError:
        return -1
    names = sorted(name for name in listed if not is_hidden(name) and name not in OWN_FILES)
    return zlib.crc32("\n".join(names).encode("utf-8", "surrogateescape"))


def _file_stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns
