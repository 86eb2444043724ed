"""Whether a training step costs the same after an hour, in time and in memory.

    nice -n 19 python benchmarks/steady.py --data ../shared/data/camvid --minutes 60

Small pictures, so that an hour holds many steps, and one thread. Processor time is counted, not the clock's: other
programs on the machine don't matter. Prints a line for every tenth of the time, and the last tenth's step against
the first's.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from segcore.runs import RunWriter
from segcore.training.config import build
from segcore.training.console import Reporter
from segcore.training.session import Session

PAGE = os.sysconf("SC_PAGE_SIZE")


def now() -> tuple[float, float]:
    """(processor seconds of this process, MB of memory that it holds)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    held = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    return used.ru_utime + used.ru_stime, held / 1e6


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float, default=60.0)
    arguments = parser.parse_args()
    task = build(
        {
            "data": arguments.data, "labels": "camvid11", "models": ["fpn"], "image_size": "96x128", "batch_size": 4,
            "epochs": 5000, "ema": 0.99, "schedule": "constant", "lr": 1e-4, "augment": "driving",
        }
    ).tasks()[0]  # fmt: skip
    began, marks = time.monotonic(), []

    def on_epoch(row: Mapping[str, Any]) -> bool:
        marks.append((time.monotonic() - began, row["step"], *now()))
        return time.monotonic() - began < 60 * arguments.minutes

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fpn"
        path.mkdir()
        session = Session(Reporter(silent=True))
        with session.working():
            session.run(task, RunWriter(path), on_epoch=on_epoch, splits=())
    costs = []
    marks = marks[1:]  # the first epoch pays for what is made once
    for tenth in range(10):
        first, last = marks[tenth * (len(marks) - 1) // 10], marks[(tenth + 1) * (len(marks) - 1) // 10]
        costs.append(1000 * (last[2] - first[2]) / (last[1] - first[1]))
        print(f"{last[0] / 60:5.1f} min  step {last[1]:>7}  {costs[-1]:6.2f} ms of processor a step  {last[3]:7.1f} MB")
    print(f"last tenth / first tenth: time {costs[-1] / costs[0]:.3f}, memory {marks[-1][3] / marks[0][3]:.3f}")


if __name__ == "__main__":
    main()
