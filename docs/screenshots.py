"""Pictures of the app for the documentation: `python docs/screenshots.py [--runs checkpoints] [--out docs/images]`.

Serves the app over the embedded drive (real frames are never published) and writes one small PNG a page and theme.
Needs Chromium.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[1]
PAGES = {
    "home": "",
    "dataset": "dataset",
    "augment": "augment",
    "curves": "curves",
    "compare": "compare",
    "errors": "errors",
    "predictions": "predictions",
    "try_it": "try_it",
}
WIDTH, TALLEST = 1440, 1500  # px
LARGEST = 400_000  # bytes
IDLE = """() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'
  && !document.querySelector('[data-testid=stProgress]')"""


def main() -> None:
    """Serve, visit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", default="checkpoints")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--pages", default=",".join(PAGES))
    parser.add_argument("--themes", default="light,dark")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("No chromium on this machine.")
    options.out.mkdir(parents=True, exist_ok=True)

    from playwright.sync_api import sync_playwright

    process, address = _serve(options.runs)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for theme in options.themes.split(","):
                page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, color_scheme=theme)
                for name in options.pages.split(","):
                    path = options.out / f"{name}-{theme}.png"
                    size = _write(path, _shoot(page, f"{address}/{PAGES[name]}"))
                    print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}  {size // 1000} kB")
            browser.close()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _serve(runs: str) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", port]
    options = ["--server.headless", "true", "--server.address", "127.0.0.1", "--", "--data", "drive", "--runs", runs]
    process = subprocess.Popen(
        [*command, *options], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                return process, address
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise SystemExit("The app did not start within a minute.")


def _shoot(page: Any, url: str) -> bytes:  # noqa: ANN401 - playwright is imported where it is used
    """PNG of a whole page, once nothing runs any more."""
    page.set_viewport_size({"width": WIDTH, "height": 1000})
    page.goto(url)
    page.wait_for_selector('[data-testid="stSidebar"] [role=toolbar]', timeout=60_000)
    for _ in range(3):  # fragments that draw a few pictures at a time start again and again
        page.wait_for_function(IDLE, timeout=120_000)
        page.wait_for_timeout(900)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": WIDTH, "height": min(max(height, 700), TALLEST)})
    page.wait_for_timeout(900)
    shot: bytes = page.screenshot()
    return shot


def _write(path: Path, shot: bytes) -> int:
    """Write as a palette PNG, made narrower until it is small enough; returns its size in bytes."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    while True:
        buffer = io.BytesIO()
        # Maximum coverage keeps the few pixels of a rare class in their own colour; dithering keeps the sky smooth.
        palette = picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2)
        picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(buffer, "PNG", optimize=True)
        if buffer.tell() <= LARGEST or picture.width < 600:
            path.write_bytes(buffer.getvalue())
            return buffer.tell()
        picture = picture.resize((round(picture.width * 0.88), round(picture.height * 0.88)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
