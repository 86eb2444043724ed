"""Downloads the original CamVid and CamSeq01 data."""

from __future__ import annotations

import logging
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from segcore.atomic_files import replacing_folder
from segcore.data.file_source import list_files
from segcore.errors import DatasetError, FetchError, unknown
from segcore.paths import local_path

if TYPE_CHECKING:
    import requests

ATTEMPTS = 3  # a download is resumed after a dropped connection
CHUNK = 1 << 14  # bytes written at once; the most that a dropped connection loses
_TIMEOUT = (10, 60)  # seconds to connect, seconds between two chunks


@dataclass(frozen=True)
class RemoteFile:
    """One file of a download.

    Args:
        url: Its address.
        name: Its file name on this machine.
        checksum: `algorithm:hex` as pooch takes it; None where none is published.
        folder: Folder it is unpacked into; None leaves it packed.
    """

    url: str
    name: str
    checksum: str | None = None
    folder: str | None = None


@dataclass(frozen=True)
class Download:
    """A dataset that `fetch` downloads.

    Args:
        summary: Its description, for people.
        files: Files to download.
        opens: Path below the destination that `open_dataset` takes.
    """

    summary: str
    files: tuple[RemoteFile, ...]
    opens: str


_UCL = "http://web4.cs.ucl.ac.uk/staff/g.brostow/MotionSegRecData"
DOWNLOADS: dict[str, Download] = {
    "camseq01": Download(
        "101 frames of one drive, 960x720, 32 colours (about 90 MB)",
        (RemoteFile("http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamSeq01/CamSeq01.zip", "CamSeq01.zip"),),
        "CamSeq01.zip",
    ),
    "camvid": Download(
        "701 frames of four drives, 960x720, 32 colours (about 600 MB)",
        (
            RemoteFile(f"{_UCL}/files/701_StillsRaw_full.zip", "701_StillsRaw_full.zip", folder="701_StillsRaw_full"),
            RemoteFile(
                f"{_UCL}/data/LabeledApproved_full.zip", "LabeledApproved_full.zip", folder="LabeledApproved_full"
            ),
        ),
        "",
    ),
    "camvid-fastai": Download(
        "the same 701 frames as fast.ai packs them, train and val only (600 MB)",
        (
            RemoteFile(
                "https://s3.amazonaws.com/fast-ai-imagelocal/camvid.tgz",
                "camvid.tgz",
                "md5:648371e4f3a833682afb39b08a3ce2aa",
                folder="camvid",
            ),
        ),
        "camvid",
    ),
}


def fetch(name: str, destination: str | Path | None = None, *, progress: bool = True) -> Path:
    """Download a dataset; files that exist already are not downloaded again.

    Args:
        name: One of `DOWNLOADS`.
        destination: Folder to put it in; None for the user's data folder.
        progress: Show a progress bar on standard error.

    Returns:
        The path that `open_dataset` takes.

    Raises:
        FetchError: on an unknown name, no network, a wrong checksum or a damaged archive; says what to do by hand.
    """
    if name not in DOWNLOADS:
        raise FetchError(unknown("download", name, DOWNLOADS))
    download = DOWNLOADS[name]
    folder = (local_path(destination, FetchError) if destination else default_folder() / name).absolute()
    for file in download.files:
        if file.folder is not None and (folder / file.folder).is_dir():
            continue
        archive = _download(name, file, folder, progress)
        if file.folder is not None:
            _unpack(archive, folder / file.folder)
    return folder / download.opens


def default_folder() -> Path:
    """The folder for downloads when no destination is given."""
    from platformdirs import user_data_path

    return user_data_path("segcore") / "datasets"


def _download(name: str, file: RemoteFile, folder: Path, progress: bool) -> Path:
    import pooch
    import requests

    logging.getLogger("pooch").setLevel(logging.WARNING)
    target = folder / file.name
    by_hand = (
        f"By hand: download {file.url} with a browser, save it as {target}, and run again: "
        f"segcore data fetch {name} --out {quote(str(folder))}"
    )
    try:
        pooch.retrieve(
            file.url, file.checksum, fname=file.name, path=folder, downloader=_Resuming(target, progress=progress)
        )
    except requests.RequestException as error:
        raise FetchError(f"{name}: {file.url} can't be downloaded ({_reason(error)}). {by_hand}") from None
    except ValueError:  # raised by pooch when the checksum differs
        raise FetchError(
            f"{name}: {file.url} has not the checksum {file.checksum}; the file was changed or damaged on its way and "
            f"is not kept. {by_hand}"
        ) from None
    except OSError as error:
        raise FetchError(f"{name}: {target} can't be written ({error.strerror or error}).") from None
    if target.suffix == ".zip":
        try:
            list_files(target)
        except DatasetError as error:
            target.unlink()
            raise FetchError(f"{name}: {file.url} gave no usable zip and is not kept: {error} {by_hand}") from None
    return target


def _reason(error: requests.RequestException) -> str:
    import requests

    if error.response is not None:
        return f"the server answers {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "the server does not answer"
    return "no connection, or it broke off"


class _Resuming:
    """A pooch downloader that resumes an earlier download, also one of an earlier run.

    Bytes are collected in `NAME.part` beside the target; that file stays when the connection breaks.
    """

    def __init__(self, target: Path, *, progress: bool) -> None:
        self.part = target.with_name(target.name + ".part")
        self.progress = progress

    def __call__(self, url: str, output_file: str | Path, _pooch: object) -> None:
        import requests

        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._transfer(url)
                break
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                if attempt == ATTEMPTS:
                    raise
        shutil.move(self.part, output_file)

    def _transfer(self, url: str) -> None:
        import requests

        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                if response.headers.get("Content-Range") == f"bytes */{have}":
                    return  # everything was there already
                self.part.unlink()
                raise requests.ConnectionError("the partial file does not fit the server's")
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                have = 0  # the server starts over
            left = int(response.headers.get("Content-Length", 0))
            with self.part.open("ab" if have else "wb") as stream, self._bar(have, have + left) as advance:
                for chunk in response.iter_content(CHUNK):
                    stream.write(chunk)
                    advance(len(chunk))
            if left and self.part.stat().st_size != have + left:
                raise requests.ConnectionError("the connection closed early")

    @contextmanager
    def _bar(self, done: int, total: int) -> Iterator[Callable[[int], None]]:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        from segcore.text_console import TextConsole

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=TextConsole(stderr=True), disable=not self.progress) as bar:
            task = bar.add_task(self.part.stem, completed=done, total=total or None)
            yield lambda count: bar.advance(task, count)


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack the archive and remove it."""
    try:
        with replacing_folder(folder, over=False) as partial:  # half a folder would look like a dataset
            if archive.suffix == ".zip":
                with zipfile.ZipFile(archive) as packed:
                    packed.extractall(partial)
            else:
                with tarfile.open(archive) as packed_tar:
                    packed_tar.extractall(partial, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        archive.unlink()
        raise FetchError(f"{archive}: damaged and not kept ({error}). Run the same command again.") from None
    except OSError as error:
        raise FetchError(f"{archive}: can't be unpacked into {folder} ({error.strerror or error}).") from None
    archive.unlink()
