"""Damages the files of every reader and counts what it says. Run: python tools/fuzz_readers.py --inputs 50000 --seed 1.

Each input is a valid set of files with one or two of them damaged (`tests/fixtures/damage`). A reader may succeed or
raise a `SegcoreError`. Anything else is printed with the seed that makes it again, and the exit code is 1: another
exception, more than 5 s of processor time, more than 500 MB of memory, a crash, a wait without end. Linux only.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SECONDS, MEGABYTES = 5.0, 500  # of processor time and of memory that an input may take
WAITING = 10.0  # seconds without an answer after which a reader is looked at
IDLE = 0.2  # seconds of processor time in these, below which it waits for ever
MOST_MEMORY = 4 << 30  # bytes that the process may hold, so that a bomb harms no other program
RIGHT, REFUSED, WRONG = "read", "refused", "wrong"
SHOWN = 60  # wrong inputs that are printed


class TooSlow(BaseException):
    """Raised inside a reader that takes too much processor time."""


def _too_slow(*_: object) -> None:
    raise TooSlow


def serve(connection: Connection, folder: str) -> None:
    """Answer (reader, variant, seed) with (ending, text) until told to stop."""
    from fixtures.damage.damages import damage
    from fixtures.damage.readers import READERS, files_of

    from segcore.errors import SegcoreError

    signal.signal(signal.SIGPROF, _too_slow)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    root = Path(folder)
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123 - for the life of this process
    while (asked := connection.recv()) is not None:
        name, variant, seed = asked
        reader, rng = READERS[name], random.Random(f"{name} {variant} {seed}")
        place = root / name.replace(" ", "-") / str(variant)
        if not (place / "valid").exists():
            made = place / "made"
            made.mkdir(parents=True)
            reader.make(made, variant)
            if (made / "options.json").exists():
                shutil.move(made / "options.json", place / "options.json")
            made.rename(place / "valid")
            with suppress(SegcoreError):  # no text is of all kinds
                reader.read(place / "valid")  # imports, and caches that are filled once, are no fault of an input
        copy = place / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(place / "valid", copy)
        story = []
        if seed:
            for _ in range(rng.choice([1, 1, 2])):
                if files := files_of(copy):
                    path = rng.choice(files)
                    story.append(f"{path.relative_to(copy)}: {damage(path, rng)}")
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        try:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            reader.read(copy)
            ending, text = RIGHT, ""
        except SegcoreError as error:
            ending, text = REFUSED, str(error)
        except TooSlow:
            ending, text = WRONG, "slow: " + " < ".join(_places(sys.exc_info()[2])[-3:])
        except (Exception, RecursionError, MemoryError) as error:
            ending, text = (
                WRONG,
                f"{type(error).__name__}: {str(error)[:200]} at {' < '.join(_places(error.__traceback__)[-3:])}",
            )
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        if taken > MEGABYTES:
            ending, text = WRONG, f"memory: {taken:.0f} MB {text}"
        connection.send((ending, text, "; ".join(story), time.process_time() - start))


def _places(trace: object) -> list[str]:
    return [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(trace)  # type: ignore[arg-type]
    ]


def _processor_seconds(pid: int | None) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Worker:
    """A process that reads; a new one is started when it dies or waits for ever."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="segcore-fuzz-")
        self._start()

    def _start(self) -> None:
        self.connection, there = get_context("spawn").Pipe()
        self.process = get_context("spawn").Process(target=serve, args=(there, self.folder), daemon=True)
        self.process.start()
        there.close()

    def read(self, name: str, variant: int, seed: int) -> tuple[str, str, str, float]:
        """(ending, text, what was damaged, seconds of processor time) of one input."""
        try:
            self.connection.send((name, variant, seed))
            used = -1.0
            while self.process.is_alive() and not self.connection.poll(WAITING):
                before, used = used, _processor_seconds(self.process.pid)
                if used - before < IDLE:
                    raise TimeoutError
            answer: tuple[str, str, str, float] = self.connection.recv()
            if answer[1].startswith("memory"):
                self._restart()
            return answer
        except TimeoutError:
            text = "waits for ever"
        except (EOFError, OSError):
            self.process.join(5)
            text = f"died: {self.process.exitcode}"
        self._restart()
        return WRONG, text, "", 0.0

    def _restart(self) -> None:
        self.process.kill()
        self.process.join()
        self._start()

    def close(self) -> None:
        """End the process, and remove its files."""
        self.process.kill()
        self.process.join()
        shutil.rmtree(self.folder, ignore_errors=True)


def fuzz(
    readers: Iterable[str], inputs: int, seed: int, *, show: bool = True
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """(how many inputs of each reader met which end, those that are wrong), of `inputs` inputs of each reader."""
    from fixtures.damage.readers import READERS

    counts: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    worker = Worker()
    try:
        for name in readers:
            for number in range(inputs):
                variant = (seed + number) % READERS[name].variants
                ending, text, story, _ = worker.read(name, variant, seed * 1_000_000 + number + 1)
                counts[name, ending] += 1
                if ending == WRONG:
                    wrong.append(f"{name} {variant} {seed * 1_000_000 + number + 1}: {text} [{story}]")
                    kind = re.sub(r"\d+", "#", text)[:90]
                    seen[kind] += 1
                    if show and seen[kind] <= 2:
                        print(wrong[-1], flush=True)
    finally:
        worker.close()
    return counts, wrong


def main() -> int:
    """Fuzz as the command line says; 1 where an input is wrong."""
    from fixtures.damage.readers import READERS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1300, help="of all readers together (default: 1300)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", nargs="+", choices=list(READERS), default=list(READERS), metavar="READER")
    parser.add_argument("--again", nargs=3, metavar=("READER", "VARIANT", "SEED"), help="read one input once more")
    args = parser.parse_args()
    if args.again:
        worker = Worker()
        name, variant, seed = args.again
        print(worker.read(name, int(variant), int(seed)))
        worker.close()
        return 0
    before = time.time()
    counts, wrong = fuzz(args.readers, math.ceil(args.inputs / len(args.readers)), args.seed)
    ends = (RIGHT, REFUSED, WRONG)
    print(f"\n| reader | {' | '.join(ends)} |\n|---|---:|---:|---:|")
    for name in args.readers:
        print(f"| {name} | {' | '.join(str(counts[name, end]) for end in ends)} |")
    print(f"| all | {' | '.join(str(sum(counts[name, end] for name in args.readers)) for end in ends)} |")
    print(f"\n{sum(counts.values())} inputs, seed {args.seed}, {time.time() - before:.0f} s.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
