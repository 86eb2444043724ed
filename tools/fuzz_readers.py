"""Damages the files of every reader and counts what it says. Run: python tools/fuzz_readers.py --inputs 50000 --seed 1.

Each input is a valid set of files with one or two of them damaged (`tests/fixtures/damage`). A reader may succeed or
raise a `SegcoreError`. Anything else is printed with the seed that makes it again, and the exit code is 1: another
exception, more than 5 s of processor time, more than 500 MB of memory, a crash, a wait without end. Linux only.

`--guided` is led by coverage: an input that reaches a line of Segcore which none reached before is damaged further in
half of the later ones. An input is a row of seeds, one for each time that its files were damaged. It needs Python 3.12.
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
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SECONDS, MEGABYTES = 5.0, 500  # of processor time and of memory that an input may take
WAITING = 10.0  # seconds without an answer after which a reader is looked at
IDLE = 0.2  # seconds of processor time in these, below which it waits for ever
MOST_MEMORY = 4 << 30  # bytes that the process may hold, so that a bomb harms no other program
RIGHT, REFUSED, WRONG = "read", "refused", "wrong"
LINES = "new lines"  # of Segcore that an input was the first to reach
MOST_DAMAGED, MOST_KEPT = 4, 300  # guided: times that an input is damaged; inputs of a reader's variant that lead
SHOWN = 60  # wrong inputs that are printed


class Answer(NamedTuple):
    """How an input ended: `RIGHT`, `REFUSED` or `WRONG`; and the lines of Segcore that it was the first to reach."""

    ending: str
    text: str
    damages: str = ""
    seconds: float = 0.0  # of processor time
    lines: int = 0


class TooSlow(BaseException):
    """Raised inside a reader that takes too much processor time."""


def _too_slow(*_: object) -> None:
    raise TooSlow


def _watch_lines(reached: list[int]) -> None:
    """Add to the list once for each line of Segcore that runs, the first time it does."""
    monitoring = sys.monitoring
    own = str(Path(__file__).parents[1] / "segcore")

    def first_time(code: CodeType, line: int) -> object:
        if code.co_filename.startswith(own):
            reached.append(line)
        return monitoring.DISABLE

    monitoring.use_tool_id(monitoring.COVERAGE_ID, "fuzz_readers")
    monitoring.register_callback(monitoring.COVERAGE_ID, monitoring.events.LINE, first_time)
    monitoring.set_events(monitoring.COVERAGE_ID, monitoring.events.LINE)


def serve(connection: Connection, folder: str, guided: bool) -> None:
    """Answer (reader, variant, seeds) with an `Answer` until told to stop."""
    from fixtures.damage.damages import damage
    from fixtures.damage.readers import READERS, files_of

    from segcore.errors import SegcoreError

    signal.signal(signal.SIGPROF, _too_slow)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    root = Path(folder)
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123 - for the life of this process
    reached: list[int] = []
    if guided:
        _watch_lines(reached)
    while (asked := connection.recv()) is not None:
        name, variant, seeds = asked
        reader = READERS[name]
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
        for seed in filter(None, seeds):
            rng = random.Random(f"{name} {variant} {seed}")
            for _ in range(rng.choice([1, 1, 2])):
                if files := files_of(copy):
                    path = rng.choice(files)
                    story.append(f"{path.relative_to(copy)}: {damage(path, rng)}")
        reached.clear()
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
        connection.send(Answer(ending, text, "; ".join(story), time.process_time() - start, len(reached)))


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

    def __init__(self, guided: bool = False) -> None:
        self.folder, self.guided = tempfile.mkdtemp(prefix="segcore-fuzz-"), guided
        self._start()

    def _start(self) -> None:
        self.connection, there = get_context("spawn").Pipe()
        self.process = get_context("spawn").Process(target=serve, args=(there, self.folder, self.guided), daemon=True)
        self.process.start()
        there.close()

    def read(self, name: str, variant: int, seeds: Sequence[int]) -> Answer:
        """How one input ends, whose files were damaged once with each seed."""
        try:
            self.connection.send((name, variant, seeds))
            used = -1.0
            while self.process.is_alive() and not self.connection.poll(WAITING):
                before, used = used, _processor_seconds(self.process.pid)
                if used - before < IDLE:
                    raise TimeoutError
            answer: Answer = self.connection.recv()
            if answer.text.startswith("memory"):
                self._restart()
            return answer
        except TimeoutError:
            text = "waits for ever"
        except (EOFError, OSError):
            self.process.join(5)
            text = f"died: {self.process.exitcode}"
        self._restart()
        return Answer(WRONG, text)

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
    readers: Iterable[str], inputs: int, seed: int, *, show: bool = True, guided: bool = False
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """(how many inputs of each reader met which end, those that are wrong), of `inputs` inputs of each reader."""
    if guided and sys.version_info < (3, 12):
        raise SystemExit(f"--guided needs Python 3.12 or newer; this is {sys.version.split()[0]}.")
    from fixtures.damage.readers import READERS

    counts: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    worker, kept = Worker(guided), defaultdict[tuple[str, int], list[tuple[int, ...]]](list)
    try:
        for name in readers:
            for number in range(inputs):
                variant = (seed + number) % READERS[name].variants
                new, leading = seed * 1_000_000 + number + 1, kept[name, variant]
                rng = random.Random(new)
                seeds = (*(rng.choice(leading) if leading and rng.random() < 0.5 else ()), new)
                answer = worker.read(name, variant, seeds)
                counts[name, answer.ending] += 1
                counts[name, LINES] += answer.lines
                if answer.lines and len(seeds) < MOST_DAMAGED and len(leading) < MOST_KEPT:
                    leading.append(seeds)
                if answer.ending == WRONG:
                    again = f"{name!r} {variant} {','.join(map(str, seeds))}"
                    wrong.append(f"{again}: {answer.text} [{answer.damages}]")
                    kind = re.sub(r"\d+", "#", answer.text)[:90]
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
    parser.add_argument("--guided", action="store_true", help="damage those further that reach new lines of Segcore")
    parser.add_argument("--again", nargs=3, metavar=("READER", "VARIANT", "SEEDS"), help="read one input once more")
    args = parser.parse_args()
    if args.again:
        worker = Worker()
        name, variant, seeds = args.again
        print(worker.read(name, int(variant), [int(seed) for seed in seeds.split(",")]))
        worker.close()
        return 0
    before = time.time()
    counts, wrong = fuzz(args.readers, math.ceil(args.inputs / len(args.readers)), args.seed, guided=args.guided)
    ends = (RIGHT, REFUSED, WRONG, *([LINES] if args.guided else ()))
    print(f"\n| reader | {' | '.join(ends)} |\n|---|{'---:|' * len(ends)}")
    for name in args.readers:
        print(f"| {name} | {' | '.join(str(counts[name, end]) for end in ends)} |")
    print(f"| all | {' | '.join(str(sum(counts[name, end] for name in args.readers)) for end in ends)} |")
    made = sum(counts[name, end] for name in args.readers for end in (RIGHT, REFUSED, WRONG))
    print(f"\n{made} inputs, seed {args.seed}, {time.time() - before:.0f} s.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
