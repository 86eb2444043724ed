"""Whether the thousandth prediction costs what the first did: memory and open files, through each backend in fp32.

    python benchmarks/predict_steady.py [--run checkpoints/drive-pspnet] [--times 1000]

Pictures of three sizes in turn, each another one. Prints a line for every tenth of the predictions.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from steady import now

from segcore.evaluation import Predictor
from segcore.evaluation.backends import available

SIZES = ((224, 320), (360, 480), (480, 640))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="checkpoints/drive-pspnet")
    parser.add_argument("--times", type=int, default=1000)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        for backend in available():
            predictor = Predictor(arguments.run, backend=backend)
            print(backend)
            began = time.monotonic()
            for number in range(1, arguments.times + 1):
                height, width = SIZES[number % len(SIZES)]
                predictor(rng.integers(0, 256, (height, width, 3), np.uint8))
                if number % (arguments.times // 10) == 0 or number == len(SIZES):
                    files, temporary = len(list(Path("/proc/self/fd").iterdir())), len(list(Path(folder).iterdir()))
                    held = f"{now()[1]:6.0f} MB, {files} open files, {temporary} temporary"
                    print(f"  {number:5}  {time.monotonic() - began:5.0f} s  {held}", flush=True)


if __name__ == "__main__":
    main()
