"""Opening a large dataset, before and after a change: both commits in this run, in processes of their own.

A folder of small PNGs is written, with images and masks in `train/` and `val/` and a classes.csv. Each commit opens it,
reads its fingerprint, and reads the masks of a sample; the fastest of the rounds counts, which take turns. Processor
time says more than wall time where other work shares the cores.

Usage: python benchmarks/opening.py [--samples 100000] [--before COMMIT]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
BEFORE = "b132f757"  # the last commit whose only layouts were CamVid's and the plain folder
WANTED = 7.0  # seconds to open 100,000 images and their masks on two cores
KINDS = 8  # different pictures, so that checksums differ
MEASURE = """
import json, sys, time
from segcore.data import open_dataset
steps, source, read = {}, sys.argv[1], int(sys.argv[2])
def step(name, call):
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    steps[name] = [time.perf_counter() - wall, time.process_time() - cpu]
    return result
dataset = step("open", lambda: open_dataset(source))
fingerprint = step("fingerprint", lambda: dataset.fingerprint)
ids = dataset.ids[:: max(1, len(dataset) // read)][:read]
step("masks", lambda: [dataset.mask(name) for name in ids])
print(json.dumps({"steps": steps, "fingerprint": fingerprint, "samples": len(dataset)}))
"""


def write_dataset(root: Path, samples: int) -> None:
    """Write a folder of 90 % training and 10 % validation samples, 32x32."""
    rng = np.random.default_rng(0)
    pictures: dict[str, list[bytes]] = {"images": [], "masks": []}
    for _ in range(KINDS):
        for kind, array in (("images", rng.integers(0, 256, (32, 32, 3))), ("masks", rng.integers(0, 3, (32, 32)))):
            file = root / "picture.png"
            Image.fromarray(array.astype(np.uint8)).save(file)
            pictures[kind].append(file.read_bytes())
    (root / "picture.png").unlink()
    (root / "classes.csv").write_text("name\nsky\nroad\ncar\n")
    for split in ("train", "val"):
        for kind in pictures:
            (root / split / kind).mkdir(parents=True)
    for index in range(samples):
        folder = root / ("val" if index % 10 == 9 else "train")
        for kind, files in pictures.items():
            (folder / kind / f"scene_{index * 7:07d}.png").write_bytes(files[index % KINDS])


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """The files of a commit, in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", str(ROOT)]
        subprocess.run([*git, "worktree", "add", "--quiet", "--detach", folder, commit], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", folder], check=True)


def measure(code: Path, data: Path, masks: int) -> dict[str, Any]:
    """Seconds (wall, processor) of each step, with the code of one commit."""
    command = [sys.executable, "-c", MEASURE, str(data), str(masks)]
    result = subprocess.run(
        command, cwd=code, env={**os.environ, "PYTHONPATH": str(code)}, stdout=subprocess.PIPE, check=True
    )
    return dict(json.loads(result.stdout))


def main() -> None:
    """Write the data, measure both commits in turns, and print the fastest of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000, help="images, each with a mask")
    parser.add_argument("--masks", type=int, default=2000, help="masks that are read")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", default=BEFORE, help="the commit to compare with")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, checkout(args.before) as old:
        write_dataset(Path(folder), args.samples)
        rounds = [
            {name: measure(code, Path(folder), args.masks) for name, code in {"before": old, "now": ROOT}.items()}
            for _ in range(args.rounds)
        ]
    assert len({side[key] for sides in rounds for side in sides.values() for key in ("fingerprint",)}) == 1
    print(f"{args.samples:,} images and masks; open at most {WANTED:.0f} s wanted; seconds, in brackets processor time")
    for step in rounds[0]["now"]["steps"]:
        best = {
            name: [min(times) for times in zip(*(sides[name]["steps"][step] for sides in rounds), strict=True)]
            for name in ("before", "now")
        }
        texts = [f"{name} {wall:6.2f} ({cpu:.2f})" for name, (wall, cpu) in best.items()]
        print(f"{step:12s} " + "   ".join(texts) + f"   {best['now'][1] / best['before'][1]:.2f} of the processor time")


if __name__ == "__main__":
    main()
