"""How long a person waits for the app: server start, first paint, another page, another image.

Run it: `python benchmarks/app_pages.py [--data drive] [--runs checkpoints]`. A hello-world app is started and opened
in the same browser right before, so that the numbers of a busy machine can be read. Needs Chromium.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HELLO = "import streamlit as st\nst.navigation([st.Page(lambda: st.title('Hello'), title='Hello')]).run()\n"
NAMES = ("Segcore", "Dataset", "Augment", "Curves", "Search", "Compare", "Errors", "Predictions", "Try it")
PAINTED = 3.0  # s after the server answers
CHANGED = 300.0  # ms of server time


@contextmanager
def server(script: Path, *arguments: str, log: Path = Path(os.devnull)) -> Iterator[tuple[str, float]]:
    """Start an app that writes to a log; yields its address and the seconds until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    options = ["--server.headless", "true", "--server.fileWatcherType", "none", "--server.address", "127.0.0.1"]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", address.rsplit(":", 1)[1]]
    began = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, *options, "--", *arguments],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while True:
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                    break
            except OSError:
                if process.poll() is not None or time.perf_counter() - began > 60:
                    raise SystemExit(f"{script} did not start.") from None
                time.sleep(0.02)
        yield address, time.perf_counter() - began
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium, that of the machine."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise SystemExit("No chromium on this machine.")

    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def painted(browser: Any, url: str, selector: str) -> float:  # noqa: ANN401 - playwright has no light types
    """Seconds from asking for a page until `selector` is on it, in a new browser context (nothing cached)."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector(selector, timeout=60_000)
    page.wait_for_function(
        "[...document.querySelectorAll('img')].every(one => !one.getAttribute('src') || one.complete)"
    )
    seconds = time.perf_counter() - began
    context.close()
    return seconds


def clicked(page: Any, element: str, done: str) -> float:  # noqa: ANN401
    """Milliseconds from a click until something holds, measured in the page itself: a driver's own click takes longer.

    Args:
        page: The page.
        element: JavaScript of what is clicked.
        done: JavaScript that is true at the end.
    """
    milliseconds: float = page.evaluate(
        f"""new Promise(end => {{
          const began = performance.now();
          const look = () => ({done}) ? end(performance.now() - began) : requestAnimationFrame(look);
          ({element}).click();
          look();
        }})"""
    )
    return milliseconds


def next_image(browser: Any, url: str, times: int) -> list[float]:  # noqa: ANN401
    """Milliseconds from the driver's click on "next" until the new picture is there."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    page.wait_for_selector(".viewer img.layer:not([hidden])", timeout=60_000)
    page.wait_for_timeout(1500)
    found = []
    for _ in range(times):
        before = page.locator(".viewer figcaption b").first.inner_text()
        began = time.perf_counter()
        page.locator("[data-testid=stButton] button:visible", has_text="chevron_right").click()
        page.locator(".viewer figcaption b", has_text=before).first.wait_for(state="detached")
        found.append(1000 * (time.perf_counter() - began))
        page.wait_for_timeout(400)
    page.close()
    return found


def page_changes(browser: Any, url: str, rounds: int) -> tuple[list[float], list[float]]:  # noqa: ANN401
    """Milliseconds from a click in the menu until the page's heading is there, and until all of it is.

    Pages come in a random order, each once a round; the first round, in which elements load their code, is not counted.
    """
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    page.wait_for_selector(".viewer img:not([hidden])", timeout=60_000)
    page.wait_for_timeout(4000)
    headings, wholes = [], []
    for number in range(rounds + 1):
        for name in random.Random(number).sample(NAMES, len(NAMES)):
            heading = f"[...document.querySelectorAll('h1, h2')].some(h => h.innerText.trim() === {name!r})"
            if page.evaluate(heading):
                continue
            link = f"[...document.querySelectorAll('a')].find(a => a.innerText.trim() === {name!r})"
            began = time.perf_counter()
            heading_after = clicked(page, link, heading)
            page.wait_for_selector("[data-test-script-state=notRunning]", state="attached", timeout=60_000)
            if number:
                headings.append(heading_after)
                wholes.append(1000 * (time.perf_counter() - began))
            page.wait_for_timeout(1000)
    page.close()
    return headings, wholes


def server_time(data: str, runs: str) -> tuple[list[float], list[float]]:
    """Milliseconds of server time for another image: never shown before, and shown before."""
    from streamlit.testing.v1 import AppTest

    from segcore.data import open_dataset

    sys.argv = ["app.py", "--data", data, "--runs", runs]
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.switch_page("pages/predictions.py").run()
    if app.exception:
        raise SystemExit(f"The predictions page fails: {app.exception[0].message}")
    first, *others = app.main.selectbox[0].options
    dataset = open_dataset(data)
    for each in (first, *others):  # frames of the drive are drawn once in a machine's life; that is not timed here
        dataset.image(each)
    cold, warm = [], []
    for found in (cold, warm):
        for each in [*others, first]:
            began = time.perf_counter()
            app.main.selectbox[0].set_value(each).run()
            found.append(1000 * (time.perf_counter() - began))
    return cold, warm


def main() -> None:
    """Measure and print, with the limits beside."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="drive")
    parser.add_argument("--runs", default="checkpoints")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    arguments = ("--data", options.data, "--runs", options.runs)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        hello = Path(folder) / "hello.py"
        hello.write_text(HELLO)
        rows = []
        for _ in range(options.repeat):
            with server(hello) as (address, started):
                row = [started, painted(browser, address, "h1")]
            with server(ROOT / "app.py", *arguments) as (address, started):
                row += [started, painted(browser, address, ".viewer img:not([hidden])")]
                row += [painted(browser, f"{address}/compare", "canvas, .vega-embed")]
            rows.append(row)
        middle = [statistics.median(column) for column in zip(*rows, strict=True)]
        print(f"median of {options.repeat}             hello world   Segcore   ratio   limit")
        print(f"server answers           {middle[0]:8.2f} s {middle[2]:8.2f} s {middle[2] / middle[0]:7.2f}")
        print(
            f"first page painted after {middle[1]:8.2f} s {middle[3]:8.2f} s {middle[3] / middle[1]:7.2f}   {PAINTED} s"
        )
        print(f"compare painted, warm             {middle[4]:8.2f} s")
        with server(ROOT / "app.py", *arguments) as (address, _):
            changes = page_changes(browser, address, 3)
            clicks = next_image(browser, f"{address}/predictions", 20)
        browser_rows = {"heading of another page": changes[0], "all of another page": changes[1], "next image": clicks}
        for name, found in browser_rows.items():
            worst = statistics.quantiles(found, n=20, method="inclusive")[-1]
            print(f"{name + ', in the browser':33} {statistics.median(found):8.0f} ms (p95 {worst:.0f})")
    cold, warm = server_time(options.data, options.runs)
    for name, found in (("first time", cold), ("again", warm)):
        print(f"{f'another image, server, {name}':33} {statistics.median(found):8.0f} ms", end=" ")
        print(f"(worst {max(found):.0f}; limit {CHANGED:.0f} ms)")


if __name__ == "__main__":
    main()
