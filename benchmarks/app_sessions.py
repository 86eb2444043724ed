"""Several people at once: sessions that click through all pages of one server, as fast as it answers and they read.

Run it: `python benchmarks/app_sessions.py [--sessions 20] [--seconds 180] [--data drive] [--runs checkpoints]`. The
sessions speak Streamlit's own protocol over websockets, without browsers, which would cost the server's cores. A page
run is timed from the request to the script's end. While a session reads a page, it asks again for the parts that
refresh themselves, as a browser does. Each hides a class of its own; a page that answers with another one is an error.
Beside it, in the same run: the first session alone, before the others come.

A traceback in the server's log is an error too. What the server holds (memory, open files, threads, temporary files) is
printed up to 20 times; long use is `--sessions 1 --seconds 3600`. With `--uploads bad` each visit to Try it uploads a
damaged picture (`tests/fixtures/damage`) or one that is small as a file and huge as a picture, with `--uploads photos`
an image of the data in a random size and format. A thousand uploads:
`--sessions 3 --pages try_it --uploads photos --number 1000 --seconds 3000`.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import parse_qs, urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener
from uuid import uuid4

import websockets
from app_layout_shift import PAGES
from app_pages import ROOT, server
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

sys.path.insert(0, str(ROOT / "tests"))
from fixtures.damage.damages import damage
from fixtures.damage.readers import READERS

from segcore.data import Dataset, open_dataset
from segcore.data.decode import IMAGE_SUFFIXES

P50, P95, GROWTH = 1.0, 3.0, 50.0  # s, s, MB
READING = (1.0, 4.0)  # s between two clicks
KEPT = 130  # s that Streamlit keeps a session whose browser has gone
Upload = tuple[str, bytes]  # name, content
BOMBS = (("GIF", "L", 7000), ("PNG", "I;16", 6900), ("TIFF", "CMYK", 2200), ("PNG", "1", 9000))  # format, mode, side


class Limits(NamedTuple):
    """When sessions end: at a time (`time.monotonic`), or after so many uploads of all."""

    deadline: float
    uploads: int = sys.maxsize


@dataclass
class Results:
    """What all sessions have met."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    uploads: int = 0

    def table(self) -> str:
        """p50, p95 and number of runs by page."""
        every = [each for row in self.seconds.values() for each in row]
        rows = [(name, row) for name, row in [*self.seconds.items(), ("all", every)] if row]
        return "\n".join(
            f"{name or 'home':12} {quantile(row, 50):7.2f} s {quantile(row, 95):7.2f} s {len(row):6}"
            for name, row in rows
        )


def quantile(values: list[float], percent: int) -> float:
    """A percentile; the only value where there is one."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else values[0]


class Visitor:
    """One session.

    Args:
        socket: Its websocket.
        hidden: The class that it hides, which must stand in the link of every page.
        results: Where its times and errors go.
    """

    def __init__(self, socket: Any, hidden: str, results: Results) -> None:  # noqa: ANN401 - websockets' own
        self.socket, self.hidden, self.results = socket, hidden, results
        self.timers: dict[str, float] = {}  # fragment -> interval in s
        self.uploader = ""  # the id of the first one on the page

    async def open(self, name: str, query: str = "") -> None:
        """Open a page, and time it."""
        self.timers, self.uploader, began = {}, "", time.perf_counter()
        link = await self._run(query or "", name)
        self.results.seconds[name].append(time.perf_counter() - began)
        if parse_qs(link).get("hide") != [self.hidden]:
            self.results.errors[f"{name}: the link is {link!r}, without hide={self.hidden}"] += 1

    async def read(self, seconds: float) -> None:
        """Look at the page for a while; its parts refresh themselves meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            interval = min(self.timers.values(), default=left)
            await asyncio.sleep(min(left, interval))
            for fragment in list(self.timers):
                if fragment not in self.timers:
                    break  # the one before has drawn the page again
                await self._run(f"hide={self.hidden}", "", fragment)

    async def upload(self, address: str, name: str, data: bytes, page: str) -> None:
        """Upload a file to the page's uploader, and time the run that reads it."""
        if not self.uploader:
            self.results.errors[f"{page}: no uploader"] += 1
            return
        asked = BackMsg()
        asked.file_urls_request.request_id = str(uuid4())
        asked.file_urls_request.file_names.append(name)
        await self.socket.send(asked.SerializeToString())
        while (message := await self._next()).WhichOneof("type") != "file_urls_response":
            pass
        (place,) = message.file_urls_response.file_urls
        await asyncio.to_thread(put, address, place.upload_url, name, data)
        state = BackMsg()
        widget = state.rerun_script.widget_states.widgets.add(id=self.uploader)
        info = widget.file_uploader_state_value.uploaded_file_info.add(name=name, size=len(data))
        info.file_id = place.file_id
        info.file_urls.CopyFrom(place)
        began = time.perf_counter()
        await self._run(urlencode({"hide": self.hidden}), page, state=state)
        self.results.seconds["upload"].append(time.perf_counter() - began)
        self.results.uploads += 1

    async def _next(self) -> ForwardMsg:
        return ForwardMsg.FromString(await asyncio.wait_for(self.socket.recv(), 120))

    async def _run(self, query: str, page: str, fragment: str = "", state: BackMsg | None = None) -> str:
        """Ask for a run and wait for its end, and for those that it starts itself; returns the link it wrote last."""
        asked = state or BackMsg()
        asked.rerun_script.query_string = query
        asked.rerun_script.page_name = page
        if fragment:
            asked.rerun_script.fragment_id, asked.rerun_script.is_auto_rerun = fragment, True
        await self.socket.send(asked.SerializeToString())
        link, begun = query, False
        while True:
            message = await self._next()
            kind = message.WhichOneof("type")
            if kind == "new_session":
                if begun or not fragment:  # a run of the whole page, perhaps asked for by the fragment
                    self.timers = {}
                begun = True
            elif kind == "page_info_changed":
                link = message.page_info_changed.query_string
            elif kind == "auto_rerun":
                self.timers[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "stop_auto_rerun":
                for stopped in message.stop_auto_rerun.fragment_ids:
                    self.timers.pop(stopped, None)
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
                self.results.errors[f"{page}: {message.delta.new_element.exception.message[:200]}"] += 1
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "file_uploader":
                self.uploader = self.uploader or message.delta.new_element.file_uploader.id
            elif kind == "script_finished" and begun and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return link


def put(address: str, url: str, name: str, data: bytes) -> None:
    """Send an uploaded file as a browser does, with the cookie against requests from other sites."""
    cookies = CookieJar()
    opener = build_opener(HTTPCookieProcessor(cookies))
    opener.open(f"{address}/_stcore/health").close()
    mark = uuid4().hex
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    headers["X-Xsrftoken"] = next((cookie.value or "" for cookie in cookies if "xsrf" in cookie.name), "")
    body = head.encode() + data + f"\r\n--{mark}--\r\n".encode()
    opener.open(Request(f"{address}/{url.lstrip('/')}", body, headers, method="PUT")).close()


def bad_picture(rng: random.Random) -> tuple[str, bytes]:
    """(name, content) of a picture that is damaged or far too large."""
    if rng.random() < 0.1:
        kind, mode, side = rng.choice(BOMBS)
        file = io.BytesIO()
        Image.new(mode, (side, side)).save(file, kind, **({"compression": "tiff_lzw"} if kind == "TIFF" else {}))
        return f"bomb.{kind.lower()}", file.getvalue()
    uploads = READERS["uploads"]
    while True:
        with tempfile.TemporaryDirectory() as folder:
            uploads.make(Path(folder), rng.randrange(uploads.variants))
            damage(next(Path(folder).iterdir()), rng)
            files = [path for path in Path(folder).iterdir() if path.is_file() and not path.is_symlink()]
            if files and files[0].name.isascii():
                name = files[0].name
                # A browser sends no other names; Streamlit refuses them with an exception in the sender's session.
                return name if name.endswith(IMAGE_SUFFIXES) else f"{name}.png", files[0].read_bytes()


def photo(rng: random.Random, dataset: Dataset) -> tuple[str, bytes]:
    """(name, content) of an image of the data in a random size and format."""
    image = Image.fromarray(dataset.image(rng.choice(dataset.split("test").ids)))
    file, kind = io.BytesIO(), rng.choice(("jpeg", "png", "webp"))
    width = rng.randrange(200, 1400)
    image.resize((width, round(width * image.height / image.width))).save(file, kind)
    return f"photo.{kind}", file.getvalue()


async def visit(
    address: str,
    hidden: str,
    results: Results,
    limits: Limits,
    pages: list[str],
    make_picture: Callable[[], Upload] | None,
) -> None:
    """One session: the pages in its own order, again and again, until the end; with `make_picture` it uploads."""
    url = address.replace("http", "ws") + "/_stcore/stream"
    async with websockets.connect(url, subprotocols=["streamlit"], max_size=None) as socket:
        visitor, query = Visitor(socket, hidden, results), urlencode({"hide": hidden})
        while True:
            for name in pages:
                await visitor.open(name, query)
                query = ""
                if make_picture and name == "try_it":
                    await visitor.upload(address, *await asyncio.to_thread(make_picture), name)
                if time.monotonic() > limits.deadline or results.uploads >= limits.uploads:
                    return
                await visitor.read(random.uniform(*READING))


async def watch(pid: int, every: float) -> None:
    """Print what a process holds, and held at most since the last look, every so many seconds."""
    while True:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted from here
        await asyncio.sleep(every)
        print(f"  {held(pid)}; at most {memory(pid, 'VmHWM'):.0f} MB", flush=True)


def held(pid: int) -> str:
    """What a process holds."""
    files, threads = (len(list(Path(f"/proc/{pid}/{what}").iterdir())) for what in ("fd", "task"))
    temporary = sum(path.is_file() for path in Path(os.environ["TMPDIR"]).rglob("*"))
    return f"{memory(pid):.0f} MB, {files} open files, {threads} threads, {temporary} temporary files"


async def many(
    address: str,
    sessions: int,
    limits: Limits,
    hidden: list[str],
    pages: Sequence[str],
    *,
    make_picture: Callable[[random.Random], Upload] | None = None,
    pid: int = 0,
) -> Results:
    """Several sessions at once, which upload pictures or none; one that fails is an error, and the others go on."""
    results = Results()
    rngs = [random.Random(seed) for seed in range(sessions)]
    visits = (
        visit(
            address,
            hidden[at % len(hidden)],
            results,
            limits,
            rng.sample(pages, len(pages)),
            partial(make_picture, rng) if make_picture else None,
        )
        for at, rng in enumerate(rngs)
    )
    watching = asyncio.create_task(watch(pid, (limits.deadline - time.monotonic()) / 20)) if pid else None
    for end in await asyncio.gather(*visits, return_exceptions=True):
        if isinstance(end, BaseException):
            results.errors[f"{type(end).__name__}: {end}"] += 1
    if watching:
        watching.cancel()
    return results


def memory(pid: int, what: str = "VmRSS") -> float:
    """MB that a process holds; with `VmHWM` the most that it held."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def server_process() -> int:
    """The server that this process started."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return int(children[-1])


def main() -> None:
    """Measure and print, with the limits beside."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--data", default="drive")
    parser.add_argument("--runs", default="checkpoints")
    parser.add_argument("--leave", type=float, default=KEPT, help="seconds to wait for memory after they left")
    parser.add_argument(
        "--pages", nargs="+", choices=PAGES, default=PAGES, metavar="PAGE", help="pages that are visited"
    )
    parser.add_argument("--uploads", choices=("bad", "photos"), help="what is uploaded on each visit to Try it")
    parser.add_argument("--number", type=int, default=sys.maxsize, help="end after so many uploads")
    options = parser.parse_args()
    if options.number != sys.maxsize and not options.uploads:
        parser.error("--number counts uploads: say which, --uploads photos or --uploads bad.")
    if options.uploads and "try_it" not in options.pages:
        parser.error("--uploads are made on Try it: add try_it to --pages.")

    dataset = open_dataset(options.data)
    hidden = list(dataset.labels.names)
    pictures = {None: None, "bad": bad_picture, "photos": partial(photo, dataset=dataset)}
    with tempfile.NamedTemporaryFile(suffix=".log", delete=False) as file:
        log = Path(file.name)
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, TMPDIR=folder),  # of the server: this process has asked for its own before
        server(ROOT / "app.py", "--data", options.data, "--runs", options.runs, log=log) as (address, _),
    ):
        pid = server_process()
        print(f"load {os.getloadavg()[0]:.1f} before")
        alone = asyncio.run(many(address, 1, Limits(time.monotonic() + 9 * 4), hidden, options.pages))
        warm = memory(pid)
        print(f"one session alone, on a fresh server; {held(pid)} after it\n{alone.table()}", flush=True)
        began = time.perf_counter()
        limits = Limits(time.monotonic() + options.seconds, options.number)
        make_picture = pictures[options.uploads]
        together = asyncio.run(
            many(address, options.sessions, limits, hidden, options.pages, make_picture=make_picture, pid=pid)
        )
        took, at_end = time.perf_counter() - began, memory(pid)
        print(f"{options.sessions} sessions for {took:.0f} s, load {os.getloadavg()[0]:.1f}\n{together.table()}")
        with suppress(KeyboardInterrupt):
            time.sleep(options.leave)
        print(f"{together.uploads} uploads; {held(pid)}")
        print(f"memory: {warm:.0f} MB warm, {at_end:.0f} MB with all sessions, {memory(pid):.0f} MB after they left")
    if tracebacks := log.read_text(errors="replace").count("Traceback"):
        together.errors[f"traceback in {log}"] += tracebacks
    else:
        log.unlink()
    for text, times in (alone.errors + together.errors).most_common(10):
        print(f"ERROR {times}x {text}")
    every = [each for row in together.seconds.values() for each in row]
    print(f"limits: p50 {P50} s, p95 {P95} s, growth {GROWTH:.0f} MB")
    sys.exit(bool(together.errors) or quantile(every, 50) > P50 or quantile(every, 95) > P95)


if __name__ == "__main__":
    main()
