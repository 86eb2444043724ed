"""Fetching against a server on this machine that drops connections, ignores ranges or sends the wrong bytes."""

import hashlib
import io
import re
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fixtures import layouts

from segcore.data import fetch, open_dataset
from segcore.data.download import CHUNK, DOWNLOADS, Download, RemoteFile
from segcore.errors import FetchError


class Server:
    """Serves `files` by name; `log` holds the Range header of every request."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.log: list[str | None] = []
        self.breaks = 0  # this many answers end half way
        self.ranges = True
        self.url = ""


@contextmanager
def _serving():
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            server.log.append(wanted)
            body = server.files.get(self.path.strip("/"))
            if body is None:
                self.send_error(404)
                return
            start = int(wanted.split("=")[1].rstrip("-")) if wanted and server.ranges else 0
            if start and start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            rest = body[start:]
            if server.breaks:
                server.breaks -= 1
                rest = rest[: len(rest) // 2]
            self.wfile.write(rest)

        def log_message(self, *_arguments):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield server
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server with a clip and the two halves of CamVid, and `DOWNLOADS` pointing at it."""
    with _serving() as running:
        clip = layouts.zipped(layouts.camseq01(tmp_path / "clip"), tmp_path / "clip.zip")
        with zipfile.ZipFile(clip, "a") as archive:
            archive.writestr(".padding", bytes(200_000))  # so that a break is worth resuming
        running.files["CamSeq01.zip"] = clip.read_bytes()
        root = layouts.original(tmp_path / "camvid")
        for half in ("701_StillsRaw_full", "LabeledApproved_full"):
            packed = layouts.zipped(root / half, tmp_path / f"{half}.zip", prefix="", junk=False)
            running.files[f"{half}.zip"] = packed.read_bytes()
        layouts.fastai(tmp_path / "fastai" / "camvid")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            archive.add(tmp_path / "fastai" / "camvid", "camvid")
        running.files["camvid.tgz"] = buffer.getvalue()
        for name, download in list(DOWNLOADS.items()):
            files = tuple(
                RemoteFile(
                    f"{running.url}/{file.name}",
                    file.name,
                    file.checksum and "md5:" + hashlib.md5(running.files[file.name]).hexdigest(),
                    file.folder,
                )
                for file in download.files
            )
            monkeypatch.setitem(DOWNLOADS, name, Download(download.summary, files, download.opens))
        yield running


@pytest.mark.parametrize(
    ("name", "samples"), [("camseq01", {"train": 15, "test": 2}), ("camvid", None), ("camvid-fastai", None)]
)
def test_what_is_fetched_opens_and_is_fetched_once(server, tmp_path, name, samples):
    out = tmp_path / "out"
    path = fetch(name, out, progress=False)
    dataset = open_dataset(path)
    expected = {"camvid": {"train": 4, "val": 2, "test": 3}, "camvid-fastai": {"train": 7, "val": 2}}.get(name, samples)
    assert {split: len(ids) for split, ids in dataset.splits.items()} == expected
    requests = len(server.log)
    assert fetch(name, out, progress=False) == path
    assert len(server.log) == requests
    assert not [result for result in out.rglob("*") if result.suffix in {".part", ".unpacking", ".tgz"}]


def test_a_broken_transfer_goes_on_where_it_broke(server, tmp_path):
    server.breaks = 2
    path = fetch("camseq01", tmp_path / "out", progress=False)
    assert path.read_bytes() == server.files["CamSeq01.zip"]
    size = len(server.files["CamSeq01.zip"])
    first = size // 2 // CHUNK * CHUNK
    second = first + (size - first) // 2 // CHUNK * CHUNK
    assert server.log == [None, f"bytes={first}-", f"bytes={second}-"]


def test_a_later_run_resumes(server, tmp_path):
    server.breaks = 3
    with pytest.raises(FetchError, match=r"can't be downloaded \(no connection, or it broke off\)"):
        fetch("camseq01", tmp_path / "out", progress=False)
    assert not (tmp_path / "out" / "CamSeq01.zip").exists()
    had = (tmp_path / "out" / "CamSeq01.zip.part").stat().st_size
    assert had > 0
    path = fetch("camseq01", tmp_path / "out", progress=False)
    assert server.log[-1] == f"bytes={had}-"
    assert path.read_bytes() == server.files["CamSeq01.zip"]


def test_a_server_without_ranges_starts_over(server, tmp_path):
    server.breaks, server.ranges = 1, False
    path = fetch("camseq01", tmp_path / "out", progress=False)
    assert path.read_bytes() == server.files["CamSeq01.zip"]


def test_a_complete_part_and_one_that_is_too_long(server, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "CamSeq01.zip.part").write_bytes(server.files["CamSeq01.zip"])
    assert fetch("camseq01", out, progress=False).read_bytes() == server.files["CamSeq01.zip"]
    (out / "CamSeq01.zip").unlink()
    (out / "CamSeq01.zip.part").write_bytes(server.files["CamSeq01.zip"] + b"more")
    assert fetch("camseq01", out, progress=False).read_bytes() == server.files["CamSeq01.zip"]


def test_wrong_checksum(server, tmp_path):
    server.files["camvid.tgz"] = b"something else"
    message = f"camvid-fastai: {server.url}/camvid.tgz has not the checksum md5:"
    with pytest.raises(FetchError, match=re.escape(message)):
        fetch("camvid-fastai", tmp_path / "out", progress=False)
    assert list((tmp_path / "out").iterdir()) == []


def test_no_usable_zip(server, tmp_path):
    server.files["CamSeq01.zip"] = b"<html>moved</html>"
    with pytest.raises(FetchError, match=r"CamSeq01\.zip gave no usable zip and is not kept: .*not a zip, or one that"):
        fetch("camseq01", tmp_path / "out", progress=False)
    assert list((tmp_path / "out").iterdir()) == []


def test_missing_on_the_server(server, tmp_path):
    del server.files["CamSeq01.zip"]
    with pytest.raises(FetchError, match=r"can't be downloaded \(the server answers 404\)\. By hand: download "):
        fetch("camseq01", tmp_path / "out", progress=False)


def test_no_network_says_what_to_do_by_hand(tmp_path, monkeypatch):
    gone = RemoteFile("http://127.0.0.1:9/CamSeq01.zip", "CamSeq01.zip")
    monkeypatch.setitem(DOWNLOADS, "camseq01", Download("", (gone,), "CamSeq01.zip"))
    message = (
        "camseq01: http://127.0.0.1:9/CamSeq01.zip can't be downloaded (no connection, or it broke off). "
        f"By hand: download http://127.0.0.1:9/CamSeq01.zip with a browser, save it as {tmp_path}/CamSeq01.zip, "
        f"and run again: segcore data fetch camseq01 --out {tmp_path}"
    )
    with pytest.raises(FetchError, match=re.escape(message)):
        fetch("camseq01", tmp_path, progress=False)


def test_a_file_saved_by_hand_is_taken(tmp_path, monkeypatch):
    layouts.zipped(layouts.camseq01(tmp_path / "clip"), tmp_path / "CamSeq01.zip")
    monkeypatch.setitem(
        DOWNLOADS, "camseq01", Download("", (RemoteFile("http://127.0.0.1:9/x", "CamSeq01.zip"),), "CamSeq01.zip")
    )
    assert len(open_dataset(fetch("camseq01", tmp_path, progress=False))) == 17


def test_unknown_name():
    with pytest.raises(FetchError, match=r"No download 'camseq1'\. Did you mean 'camseq01'\? Choose one of camseq01, "):
        fetch("camseq1")


def test_progress_goes_to_standard_error(server, tmp_path, capsys):
    fetch("camseq01", tmp_path / "out")
    captured = capsys.readouterr()
    assert captured.out == "" and "CamSeq01.zip" in captured.err
