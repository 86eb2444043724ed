"""A hundred thousand images: how fast they are indexed, and how long a person waits for the app with and without it.

Run it: `python benchmarks/app_dataset.py [--images 100000] [--repeat 3]`. The data are frames of the drive at 64x48,
hard-linked under many names in the layout of SegNet. A hello-world app is started and opened in the same browser right
before each server, and the app on the drive beside it, so that the numbers of a busy machine can be read: what the data
cost is the difference to the drive. Processor time says more than seconds where other work shares the cores. Needs
Chromium.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from app_pages import HELLO, ROOT, chromium, painted, server
from PIL import Image

RATE = 2000  # images a second
FIRST_PAGE = 1.5  # s after hello-world
DATASET_PAGE = 1.0  # s after the click
MEMORY = 400  # MB
SIZE = (64, 48)
PICTURE = ".viewer img:not([hidden])"


def write_dataset(root: Path, images: int) -> None:
    """80 % training, 10 % validation and 10 % test samples in the folders of SegNet, with a list of classes."""
    from segcore.data import open_dataset

    drive = open_dataset("drive", labels="camvid11")
    pool = root / ".pool"
    pool.mkdir(parents=True)
    for number, sample_id in enumerate(drive.ids):
        sample = drive[sample_id]
        Image.fromarray(sample.image).resize(SIZE).save(pool / f"image{number}.png")
        mask = Image.fromarray(sample.mask).resize(SIZE, Image.Resampling.NEAREST)
        mask.point([*range(255), drive.labels.classes]).save(pool / f"mask{number}.png")
    rows = [f"{name},{','.join(map(str, color))}" for name, color in drive.labels.entries]
    (root / "classes.csv").write_text("\n".join(["name,r,g,b", *rows]) + "\n")
    for split in ("train", "val", "test"):
        (root / split).mkdir()
        (root / f"{split}annot").mkdir()
    for index in range(images):
        split = {8: "val", 9: "test"}.get(index % 10, "train")
        name = f"photo_{index * 7919 % images:06d}_{index % 97:02d}.png"
        os.link(pool / f"image{index % len(drive)}.png", root / split / name)
        os.link(pool / f"mask{index % len(drive)}.png", root / f"{split}annot" / name)


def index(root: Path) -> tuple[float, float]:
    """(seconds, processor seconds) of `segcore data index`, start of the process and opening included."""
    began, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-m", "segcore.cli", "data", "index", str(root)], cwd=ROOT, check=True)
    after = os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - began, processor


def used(address: str) -> tuple[float, float]:
    """(MB resident, processor seconds so far) of a server."""
    port = f"--server.port\0{address.rsplit(':', 1)[1]}\0"
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if port in (folder / "cmdline").read_text():
                lines = (folder / "status").read_text().splitlines()
                resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
                ticks = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
                return resident, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        except OSError:
            continue
    return float("nan"), float("nan")


def page_change(browser: Any, address: str, times: int = 2) -> list[float]:  # noqa: ANN401 - playwright has no light types
    """Seconds from the click on Dataset to its picture, in a session that is on the first page: first, and again."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address)
    page.wait_for_selector(PICTURE, timeout=60_000)
    page.wait_for_timeout(3000)
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        page.get_by_role("link", name="Dataset").first.click()
        page.wait_for_selector(".sc-sheet", timeout=60_000)
        page.wait_for_selector(PICTURE, timeout=60_000)
        seconds.append(time.perf_counter() - began)
        page.wait_for_timeout(2000)
        page.get_by_role("link", name="Segcore").first.click()
        page.wait_for_selector(".sc-sheet", state="detached", timeout=60_000)
        page.wait_for_timeout(2000)
    page.close()
    return seconds


def main() -> None:
    """Write the data, measure, and print medians with the limits beside."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--skip-unindexed", action="store_true", help="leave out the app without an index, which is slow"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        data, hello = Path(folder) / "data", Path(folder) / "hello.py"
        os.environ["SEGCORE_CACHE"] = str(Path(folder) / "cache")
        hello.write_text(HELLO)
        write_dataset(data, options.images)
        seconds: dict[tuple[str, str], list[float]] = defaultdict(list)

        def measure(name: str, source: str) -> None:
            with server(ROOT / "app.py", "--data", source, "--runs", "checkpoints") as (address, _):
                seconds[name, "first page"].append(painted(browser, address, PICTURE))
                seconds[name, "its processor time"].append(used(address)[1])
                for key, value in zip(("dataset page", "again"), page_change(browser, address), strict=True):
                    seconds[name, key].append(value)
                seconds[name, "MB"].append(used(address)[0])

        if not options.skip_unindexed:
            measure("without index", str(data))
        indexed = []
        for _ in range(options.repeat):
            for file in data.glob(".segcore-index*"):
                file.unlink()
            indexed.append(index(data))
            print(f"load {os.getloadavg()[0]:.1f}", flush=True)
        for _ in range(options.repeat):
            with server(hello) as (address, _):
                seconds["hello", "first page"].append(painted(browser, address, "h1"))
                seconds["hello", "its processor time"].append(used(address)[1])
            measure("drive, 101 frames", "drive")
            measure("with index", str(data))
            print(f"load {os.getloadavg()[0]:.1f}", flush=True)
    middle = {key: statistics.median(values) for key, values in seconds.items()}
    print(f"{options.images:,} images, medians of {options.repeat}")
    wall, processor = (statistics.median(column) for column in zip(*indexed, strict=True))
    cores = len(os.sched_getaffinity(0))
    print(
        f"indexed in {wall:.0f} s, {options.images / wall:,.0f} images/s (limit {RATE:,}); processor time "
        f"{processor:.0f} s, that is {cores * options.images / processor:,.0f} images/s on {cores} free cores"
    )
    for (name, what), value in middle.items():
        beyond = f"  {value - middle['hello', 'first page']:5.2f} s after hello-world" if what == "first page" else ""
        print(f"{name:20} {what:14} {value:7.2f}{beyond}")
    print(f"limits with index: {FIRST_PAGE} s after hello-world, dataset page {DATASET_PAGE} s, {MEMORY} MB")


if __name__ == "__main__":
    main()
