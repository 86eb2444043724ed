"""How fast `segcore predict` goes through a video, decoding and encoding included, and whether its memory stays flat.

    python benchmarks/video.py --backend openvino

Draws a video of the drive (frames moved sideways), predicts it by the command in a process of its own, and reads that
process's memory twice a second. Needs Linux.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from segcore.data import open_dataset
from segcore.data.video_file import Video, VideoWriter

RATE = 30.0


def draw(path: Path, seconds: float, height: int, width: int) -> None:
    """Write a video of the drive's test frames, each shown for a second and moved by a pixel a frame."""
    dataset = open_dataset("drive")
    images = [dataset[sample].image for sample in dataset.splits["test"]]
    images = [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in images]
    writer = VideoWriter(path, height, width, RATE)
    for index in range(round(seconds * RATE)):
        image = images[int(index / RATE) % len(images)]
        writer.write(np.ascontiguousarray(np.roll(image, index % width, axis=1)))
    writer.close()


def resident_mb(pid: int) -> float:
    """MB of memory that a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS")), 0.0)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="checkpoints/drive-deeplabv3plus")
    parser.add_argument("--backend", default="openvino")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--size", default="480x640", help="height x width")
    arguments = parser.parse_args()
    height, width = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        video, out = Path(folder) / "ride.mp4", Path(folder) / "out"
        draw(video, arguments.seconds, height, width)
        frames = Video.open(video).stated
        words = ["predict", arguments.run, str(video), "--out", str(out)]
        words += ["--backend", arguments.backend, "--precision", arguments.precision]
        print(f"segcore {' '.join(words)}\n{frames} frames of {arguments.size}", flush=True)
        start, held = time.monotonic(), []
        process = subprocess.Popen([sys.executable, "-m", "segcore.cli", *words])
        while process.poll() is None:
            held.append(resident_mb(process.pid))
            time.sleep(0.5)
        taken = time.monotonic() - start
        if process.returncode:
            sys.exit(process.returncode)
        whole = Video.open(out / "ride-overlay.mp4")
    first, last = max(held[len(held) // 4 : len(held) // 2]), max(held[len(held) // 2 :])
    print(f"{whole.stated} frames written; {frames / taken:.1f} frames/s with the start of the command, {taken:.1f} s")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = 1000 * (used.ru_utime + used.ru_stime) / whole.stated
    print(f"{cost:.0f} ms of processor time a frame, the start included")
    print(f"memory: {first:.0f} MB at most in the second quarter, {last:.0f} MB in the second half")


if __name__ == "__main__":
    main()
