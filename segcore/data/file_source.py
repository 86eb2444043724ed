"""The files of a folder or of a zip, listed and read in the same way."""

from __future__ import annotations

import codecs
import io
import os
import zipfile
import zlib
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import IO, Any, NamedTuple, Protocol

from segcore.errors import DatasetError, nearest
from segcore.paths import local_path, path_exists
from segcore.reading import DECODER_ERRORS, LARGEST_FILE, check_kind, open_file, read_bytes


class FileSource(Protocol):
    """A folder or a zip. Paths are relative, with `/`. Picklable: a loader worker opens it again for itself."""

    @property
    def root(self) -> str:
        """Path of the folder or zip."""
        ...

    def read(self, path: str) -> bytes:
        """The bytes of one file."""
        ...

    def open(self, path: str) -> IO[bytes]:
        """One file as a stream, for reading its header alone."""
        ...

    def size(self, path: str) -> int:
        """Number of bytes of one file."""
        ...

    def checksum(self, path: str) -> str:
        """`size-crc32` of the stored bytes: the same in a folder and in a zip."""
        ...

    def stamp(self, path: str) -> tuple[int, int]:
        """(bytes, a number that changes with them): the time of the last change in ns, or in a zip the CRC-32."""
        ...


@dataclass(frozen=True)
class Folder:
    """The files under a folder."""

    root: str

    def read(self, path: str) -> bytes:
        """The bytes of one file.

        Raises:
            DatasetError: when it can't be read.
        """
        try:
            return read_bytes(f"{self.root}/{path}")
        except OSError as error:
            raise DatasetError(f"{self.root}/{path}: can't be read ({error.strerror or error}).") from None

    def open(self, path: str) -> IO[bytes]:
        """One file as a binary stream.

        Raises:
            DatasetError: when it can't be read.
        """
        try:
            return open_file(f"{self.root}/{path}")
        except OSError as error:
            raise DatasetError(f"{self.root}/{path}: can't be read ({error.strerror or error}).") from None

    def size(self, path: str) -> int:
        return self._stat(path).st_size

    def checksum(self, path: str) -> str:
        stat = self._stat(path)
        try:
            return _file_checksum(f"{self.root}/{path}", stat.st_mtime_ns, stat.st_size)
        except OSError as error:
            raise DatasetError(f"{self.root}/{path}: can't be read ({error.strerror or error}).") from None

    def stamp(self, path: str) -> tuple[int, int]:
        stat = self._stat(path)
        return stat.st_size, stat.st_mtime_ns

    def _stat(self, path: str) -> os.stat_result:
        try:
            stat = os.stat(f"{self.root}/{path}")  # noqa: PTH116 - making a Path takes longer than reading the size
            check_kind(stat, path)
            return stat
        except OSError as error:  # a link to a missing file, or a file removed since it was listed
            raise DatasetError(f"{self.root}/{path}: can't be read ({error.strerror or error}).") from None


@dataclass(frozen=True)
class Archive:
    """The files in a zip, read without unpacking it."""

    root: str

    def read(self, path: str) -> bytes:
        """The bytes of one file.

        Raises:
            DatasetError: when its bytes are damaged.
        """
        try:
            archive, entries = _archive(self.root)
            if entries[path].file_size > LARGEST_FILE:
                raise ValueError(f"it has {entries[path].file_size:,} bytes; at most {LARGEST_FILE:,} are read")
            return archive.read(entries[path])
        except DECODER_ERRORS as error:
            raise self._damaged(path, error) from None

    def open(self, path: str) -> IO[bytes]:
        """One file as a binary stream.

        Raises:
            DatasetError: when its header is damaged.
        """
        try:
            archive, entries = _archive(self.root)
            return io.BufferedReader(_ArchiveStream(archive.open(entries[path]), partial(self._damaged, path)))
        except DECODER_ERRORS as error:
            raise self._damaged(path, error) from None

    def _damaged(self, path: str, error: Exception) -> DatasetError:
        return DatasetError(f"{self.root}: {path} is damaged ({error}). Copy or download the zip again.")

    def size(self, path: str) -> int:
        return _archive(self.root).entries[path].file_size

    def checksum(self, path: str) -> str:
        entry = _archive(self.root).entries[path]
        return f"{entry.file_size}-{entry.CRC:08x}"

    def stamp(self, path: str) -> tuple[int, int]:
        entry = _archive(self.root).entries[path]
        return entry.file_size, entry.CRC


class _ArchiveStream(io.RawIOBase):
    """A file in a zip as a stream; damage that shows while it is read is a `DatasetError`."""

    def __init__(self, stream: IO[bytes], damaged: Callable[[Exception], DatasetError]) -> None:
        self._stream, self._damaged = stream, damaged

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        try:
            data = self._stream.read(len(buffer))
        except DECODER_ERRORS as error:
            raise self._damaged(error) from None
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._stream.seek(offset, whence)
        except DECODER_ERRORS as error:
            raise self._damaged(error) from None

    def close(self) -> None:
        self._stream.close()
        super().close()


@dataclass(frozen=True)
class Listing:
    """The files and folders below one folder of a file source; hidden files and `__MACOSX` are left out.

    Args:
        file_source: The folder or zip that the files are read from.
        files: Paths relative to `base`, sorted.
        folders: Every folder below `base`, also empty ones.
        base: Folder inside the file source, `""` for its root.
        class_list: Absolute path of a list of classes that beats those among the files; None without one.
    """

    file_source: FileSource
    files: tuple[str, ...]
    folders: frozenset[str]
    base: str = ""
    class_list: str | None = None
    _below: dict[str, Listing] = field(default_factory=dict, init=False, repr=False, compare=False)

    def path(self, file: str) -> str:
        """Path inside the file source of a file of this listing."""
        return f"{self.base}/{file}" if self.base else file

    def where(self, file: str = "") -> str:
        """Full path of a file, or of the folder itself, for messages."""
        return "/".join(part for part in (self.file_source.root, self.base, file) if part)

    def below(self, folder: str) -> Listing:
        """The listing of a sub-folder."""
        if folder not in self._below:
            self._below[folder] = self._part(folder)
        return self._below[folder]

    def _part(self, folder: str) -> Listing:
        prefix = f"{folder}/"
        first, end = (bisect_left(self.files, text) for text in (prefix, f"{folder}0"))  # "0" comes after "/"
        return Listing(
            self.file_source,
            tuple(file[len(prefix) :] for file in self.files[first:end]),
            frozenset(name.removeprefix(prefix) for name in self.folders if name.startswith(prefix)),
            self.path(folder),
            self.class_list,
        )

    def text(self, file: str) -> str:
        """The text of a file, as `decode_text` reads it."""
        return decode_text(self.file_source.read(self.path(file)), self.where(file))


def decode_text(data: bytes, where: str) -> str:
    """Text in UTF-8, or in UTF-16 where its first bytes are those of UTF-16, without byte-order mark.

    Other 8-bit encodings can't be told apart, and a wrong guess would garble names: they are refused.

    Raises:
        DatasetError: naming the file and the line, and how the line reads as Latin-1.
    """
    marked = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    wide = {b"\0": "utf-16-le"}.get(data[1:2], {b"\0": "utf-16-be"}.get(data[:1]))  # Latin letters have a zero byte
    encoding = "utf-16" if marked else wide or "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig" or b"\0" in data:
            raise DatasetError(f"{where}: not UTF-8 text, nor whole UTF-16. Save it as UTF-8.") from None
        line = data.count(b"\n", 0, error.start)
        shown = data.split(b"\n")[line].strip()[:80].decode("latin-1")
        old, new = quote(where), quote(f"{where}.utf8")
        way = "Save it as UTF-8 in an editor"
        if path_exists(where):  # not inside of a zip
            way += f"; or, if that is right: iconv -f LATIN1 -t UTF-8 {old} > {new} && mv {new} {old}"
        raise DatasetError(f"{where}:{line + 1}: not UTF-8 text; as Latin-1 the line reads {shown!r}. {way}") from None


def list_files(source: str | Path) -> Listing:
    """Every file and folder in a folder or zip.

    Args:
        source: Its path; `~` is expanded.

    Raises:
        DatasetError: when the path is missing, is neither folder nor zip, or the zip is unsafe or damaged.
    """
    path = local_path(source, DatasetError)
    return _list_folder(path.resolve()) if is_folder(path) else _list_archive(path.resolve())


def is_folder(source: str | Path) -> bool:
    """Whether a path is a folder; False for a file.

    Raises:
        DatasetError: when nothing exists at this path.
    """
    path = local_path(source, DatasetError)
    try:
        folder, exists = path.is_dir(), path.exists()
    except OSError as error:  # no permission to look
        raise DatasetError(f"{str(path)[:80]!r}: no usable path ({error.args[-1]}).") from None
    if not exists:
        siblings = [sibling.name for sibling in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DatasetError(
            f"{path}: no such file or folder.{nearest(path.name, siblings)} "
            "Give a folder, a zip, or 'drive' for the embedded data."
        )
    return folder


def _list_folder(root: Path) -> Listing:
    files: list[str] = []
    folders: set[str] = set()
    visited: set[Path] = set()  # links to folders are followed, but not in circles
    for current, names, file_names in os.walk(root, followlinks=True):
        here = Path(current)
        real = here.resolve()
        if real in visited:
            names.clear()
            continue
        visited.add(real)
        names[:] = sorted(name for name in names if not is_hidden(name))
        relative = here.relative_to(root).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        folders.update(prefix + name for name in names)
        files.extend(prefix + name for name in file_names if not is_hidden(name))
    return Listing(Folder(str(root)), tuple(sorted(files)), frozenset(folders))


def _list_archive(path: Path) -> Listing:
    files: set[str] = set()
    folders: set[str] = set()
    for name, entry in _archive(str(path)).entries.items():
        parts = PurePosixPath(name).parts
        if parts[:1] == ("/",) or ".." in parts or any(part.endswith(":") for part in parts[:1]):
            raise DatasetError(
                f"{path}: entry {entry.filename!r} points outside of the zip. Don't trust this file; "
                "get it again from its source."
            )
        if any(is_hidden(part) for part in parts):
            continue
        if entry.flag_bits & 1:
            raise DatasetError(
                f"{path}: entry {entry.filename!r} is encrypted. Unpack it with its password and open the folder."
            )
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
        if name.endswith("/"):
            folders.add("/".join(parts))
        else:
            files.add(name)
    return Listing(Archive(str(path)), tuple(sorted(files)), frozenset(folders))


def is_archive(path: str) -> bool:
    """Whether a file has the suffix of an archive.

    >>> is_archive("Cam101.ZIP"), is_archive("camvid.tar.gz"), is_archive("a.png")
    (True, True, False)
    """
    return path.lower().endswith((".zip", ".tgz", ".gz", ".tar", ".rar", ".7z", ".bz2", ".xz"))


def is_hidden(name: str) -> bool:
    """Whether a file or folder is no part of any dataset, judged by its name."""
    return name.startswith(".") or name in {"__MACOSX", "Thumbs.db", "desktop.ini"}


class _OpenArchive(NamedTuple):
    """An open zip, and its entries by path; .NET and old Windows tools write paths with backslashes."""

    archive: zipfile.ZipFile
    entries: dict[str, zipfile.ZipInfo]


def _archive(path: str) -> _OpenArchive:
    try:
        stat = os.stat(path)  # noqa: PTH116 - asked for every entry, and a Path takes most of the time
    except OSError:
        raise DatasetError(f"{path}: no such file. It was there when the dataset was opened.") from None
    return _open_archive(os.getpid(), path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _open_archive(_process: int, path: str, _mtime: int, _size: int) -> _OpenArchive:
    """One handle a process, since a fork would share its file position; `ZipFile` itself locks out other threads."""
    if is_archive(path) and not path.lower().endswith(".zip"):
        raise DatasetError(f"{path}: only zip archives are read in place. Unpack it and open the folder.")
    try:
        open_file(path).close()  # no pipe or device
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise DatasetError(f"{path}: can't be opened ({error.strerror or error}).") from None
    except DECODER_ERRORS:
        raise DatasetError(
            f"{path}: not a zip, or one that is cut off ({_size} bytes). Copy or download it again."
            if is_archive(path)
            else f"{path}: neither a folder nor a zip. Give the folder of the dataset, which holds images and masks."
        ) from None
    return _OpenArchive(archive, {entry.filename.replace("\\", "/"): entry for entry in archive.infolist()})


@lru_cache(maxsize=1 << 17)
def _file_checksum(path: str, _mtime: int, size: int) -> str:
    return f"{size}-{zlib.crc32(read_bytes(path)):08x}"
