"""Kills commands at random moments and counts what is lost. Run: python tools/kill_processes.py --kills 20 --seed 1.

Each command (training, evaluating, importing, expanding, exporting, reporting, indexing, searching) is killed with
SIGKILL at a moment drawn between its start and its end, on tiny data. Then all that was there before is read, the
command is given again, and its result is compared with that of a command that nobody stopped. Exit code 1 where
anything is lost, can't be read, differs or stays.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fixtures.processes import CONTEXT
from fixtures.tiny import TINY, tiny_folder

from segcore.errors import RunError
from segcore.runs import RunStore, load_run
from segcore.runs.run_files import CHECKPOINT
from segcore.runs.search import SearchStore

RUN = "tiny-unet"
TRAIN = [*TINY, "--models", "unet", "--epochs", "5", "--augment", "assignment", "--ema", "0.9", "--workers", "1"]
ENDS = ("killed", "lost", "unreadable", "failed afterwards", "differs", "left over")
SECONDS = 300  # that a command may take
_CHANGING = {"created", "date_created", "train_seconds", "images_per_second", "data_wait", "peak_memory_mb"}
_CHANGING |= {"command", "git_commit", "run_id"}

CONTEXT.set_forkserver_preload(
    ["segcore.training.engine", "segcore.cli", "segcore.report.html_report", "segcore.augment.expand", "onnx"]
)


@dataclass(frozen=True)
class Work:
    """A command that is killed.

    Args:
        name: What it does.
        command: Its words, in the folder of one try.
        result: What it writes, in that folder.
        again: Its words after a kill; None where they are the same.
        ends_once: Its result is whole where there is any, and the command then refuses to replace it.
        written: Reads what it wrote, of the path of its result: name -> content. None: every file that is not hidden.
    """

    name: str
    command: Callable[[Path], list[str]]
    result: str
    again: Callable[[Path], list[str]] | None = None
    ends_once: bool = False
    written: Callable[[Path], dict[str, str]] | None = None

    def digest(self, folder: Path) -> dict[str, str]:
        """What it wrote, in the folder of one try: name -> content, without times."""
        return (self.written or digest)(folder / self.result)


def _train(folder: Path) -> list[str]:
    return ["train", *TRAIN, "--data", str(folder / "tiny"), "--out", str(folder / "runs"), "--name", "new"]


def _train_again(folder: Path) -> list[str]:
    run = folder / "runs" / "new-unet"
    return ["train", "--resume", str(run)] if (run / CHECKPOINT).is_file() else _train(folder)


def _on_run(*words: str) -> Callable[[Path], list[str]]:
    return lambda folder: [words[0], str(folder / "runs" / RUN), *(word.format(folder) for word in words[1:])]


def _complete_trials(search: Path) -> dict[str, str]:
    """Settings and scores of the trials that were completed, in their order; a killed one is tried again as another."""
    try:
        trials = SearchStore(search.parents[1]).get(search.name).trials
    except RunError:  # none there; what is there and can't be read is `unreadable`
        return {}
    complete = trials[trials["state"] == "complete"].filter(regex=r"^(param\.|value|fold_)")
    return {f"trial {place}": row.to_json() for place, (_, row) in enumerate(complete.iterrows())}


def _index(data: Path) -> dict[str, str]:
    """The table of the index; beside it stand the times of folders, which a kill changes."""
    return {place.name: pd.read_parquet(place).to_json() for place in data.glob(".segcore-index-*.parquet")}


WORKS = (
    Work("training", _train, "runs/new-unet", _train_again),
    Work("evaluating", _on_run("evaluate"), f"runs/{RUN}"),
    Work(
        "importing",
        lambda folder: [
            *("import", str(folder / "tiny" / "masks" / "test"), "--data", str(folder / "tiny")),
            *("--name", "new", "--out", str(folder / "runs")),
        ],
        "runs/new",
        ends_once=True,
    ),
    Work(
        "expanding",
        lambda folder: [
            *("data", "expand", "--data", str(folder / "tiny"), "--augment", "assignment"),
            *("--copies", "4", "--out", str(folder / "expanded")),
        ],
        "expanded",
        ends_once=True,
    ),
    Work("exporting predictions", _on_run("export", "--format", "png", "--out", "{}/png"), "png"),
    Work("exporting a model", _on_run("export", "--format", "onnx", "--out", "{}/model"), "model"),
    Work("reporting", _on_run("report", "--out", "{}/report.html"), "report.html"),
    Work("indexing", lambda folder: ["data", "index", "--data", str(folder / "tiny")], "tiny", written=_index),
    Work(
        "searching",
        lambda folder: [
            *("search", "--space", str(folder / "space.yaml"), "--trials", "3", "--folds", "2"),
            *("--data", str(folder / "tiny"), "--out", str(folder / "searched"), "--", *TINY, "--models", "unet"),
        ],
        "searched/searches/space",
        written=_complete_trials,
    ),
)


def start(words: list[str], folder: Path) -> ForkServerProcess:
    """Begin a command in a process of its own, with its imports behind it."""
    process = CONTEXT.Process(target=_enter, args=(words, folder))
    process.start()
    return process


def _enter(words: list[str], folder: Path) -> None:
    output = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ |= {"OMP_NUM_THREADS": "1", "TMPDIR": str(folder / "tmp"), "SEGCORE_CACHE": str(folder / "cache")}
    tempfile.tempdir = None  # looked up anew
    os.chdir(folder)
    import torch

    torch.set_num_threads(1)
    if words[0] == "train":
        from segcore.training.command_line import main as train

        sys.exit(train(words[1:]))
    from segcore.cli import main

    sys.exit(main(words))


def ended(process: ForkServerProcess) -> int | None:
    """The exit code; None where the command hangs."""
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        return None
    return process.exitcode


def digest(path: Path) -> dict[str, str]:
    """What a command wrote: file -> its content, without times; nothing where there is no file.

    Hidden files, the lock among them, and code that torch's tracing numbers anew are left out.
    """
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    hidden = [file for file in files if any(part[0] == "." for part in file.relative_to(path.parent).parts)]
    return {
        str(file.relative_to(path.parent)): _content(file)
        for file in files
        if file not in hidden and file.name != "heartbeat.json"
    }


def _content(file: Path) -> str:
    data = file.read_bytes()
    if file.suffix == ".json":
        values = json.loads(data)
        kept = {n: v for n, v in values.items() if n not in _CHANGING} if isinstance(values, dict) else values
        return json.dumps(kept, sort_keys=True)
    if file.name == "metrics.csv":
        rows = list(csv.DictReader(data.decode().splitlines()))
        return json.dumps([{name: cell for name, cell in row.items() if name != "seconds"} for row in rows])
    if file.suffix == ".html":  # it holds the time and the commands
        return "whole" if data.rstrip().endswith(b"</html>") else "cut off"
    return hashlib.sha256(data).hexdigest()


def leftovers(folder: Path) -> list[str]:
    """What nobody asked for and nobody uses: half-made files and folders, heartbeats, temporary files."""
    names = [*folder.rglob("*.tmp"), *folder.rglob("heartbeat.json"), *(folder / "tmp").iterdir()]
    return sorted({str(path.relative_to(folder)) for path in names})


def unreadable(folder: Path) -> list[str]:
    """Runs that can't be read, but for a training that never began, and evaluations that can't."""
    runs, problems = RunStore(folder / "runs").read()
    texts = [problem.message for problem in problems if "never began" not in problem.message]
    searches = SearchStore(folder / "searched")
    for search in searches.list():
        texts += [problem.message for problem in search.runs.read()[1] if "never began" not in problem.message]
    texts += [problem.message for problem in searches.problems]
    for run in runs:
        for split in run.splits:
            try:
                run.evaluation(split)
            except RunError as error:
                texts.append(str(error))
    return texts


def lost(folder: Path, before: dict[str, str]) -> list[str]:
    """Files of the run that was there before a command, and are not as they were; an evaluation gives the same."""
    after = digest(folder / "runs" / RUN)
    return [name for name, content in before.items() if after.get(name) != content]


def one_kill(work: Work, template: Path, whole: dict[str, str], moment: float) -> tuple[Counter[str], list[str]]:
    """Kill a command after `moment` seconds, and give it again; the ends that were met, and what they were."""
    ends: Counter[str] = Counter()
    with fresh(template) as folder:
        before = digest(folder / "runs" / RUN)
        process = start(work.command(folder), folder)
        process.join(moment)
        if not process.is_alive():
            return ends, []
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        ends["killed"] += 1
        problems = {"lost": lost(folder, before), "unreadable": unreadable(folder)}
        done = work.ends_once and (folder / work.result).exists()
        code = 0 if done else ended(start((work.again or work.command)(folder), folder))
        _take_successor(folder / work.result)
        problems["failed afterwards"] = [] if code == 0 else [f"exit code {code}", (folder / "output.txt").read_text()]
        problems["differs"] = _differences(work.digest(folder), whole)
        problems["lost"] += lost(folder, before)
        problems["unreadable"] += unreadable(folder)
        problems["left over"] = leftovers(folder)
        ends.update(name for name, texts in problems.items() if texts)
        return ends, [
            f"{work.name} after {moment:.2f} s: {name}: {text}" for name in problems for text in problems[name]
        ]


def _take_successor(run: Path) -> None:
    """Put the run that was trained anew in the place of a dead one that had no checkpoint to go on from."""
    successor = run.with_name(f"{run.name}-2")
    if successor.is_dir():
        shutil.rmtree(run)
        successor.rename(run)


def _differences(result: dict[str, str], whole: dict[str, str]) -> list[str]:
    return sorted(name for name in result.keys() | whole if result.get(name) != whole.get(name))


@contextmanager
def fresh(template: Path) -> Iterator[Path]:
    """Data and a run as they were made, always at the same place, since files name it."""
    folder = template.with_name("work")
    shutil.copytree(template, folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def make_template(folder: Path) -> Path:
    """Make data, and a run on it; returns a copy of the folder, which is free again."""
    tiny_folder(folder / "tiny", train=16, val=4, test=16)
    (folder / "tmp").mkdir()
    (folder / "space.yaml").write_text("space:\n  lr: {low: 0.001, high: 0.01, log: true}\n")
    words = ["train", *TINY, "--models", "unet", "--data", str(folder / "tiny"), "--out", str(folder / "runs")]
    code = ended(start(words, folder))
    if code != 0:
        raise SystemExit(f"The first training failed: {(folder / 'output.txt').read_text()}")
    load_run(folder / "runs" / RUN)
    return folder.rename(folder.with_name("template"))


def undisturbed(work: Work, template: Path) -> tuple[dict[str, str], float]:
    """What a command writes when nobody stops it, and the seconds that it takes."""
    with fresh(template) as folder:
        before = time.monotonic()
        code = ended(start(work.command(folder), folder))
        seconds = time.monotonic() - before
        if code != 0:
            raise SystemExit(f"{work.name} fails without a kill: {(folder / 'output.txt').read_text()}")
        return work.digest(folder), seconds


def kill_often(
    works: Iterable[Work], kills: int, seed: int, say: Callable[[str], Any] = print
) -> tuple[dict[str, Counter[str]], list[str]]:
    """(work -> how often each end was met, what went wrong)."""
    counts: dict[str, Counter[str]] = {}
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kill-") as place:
        template = make_template(Path(place) / "work")
        for work in works:
            generator = random.Random(f"{seed} {work.name}")
            whole, seconds = undisturbed(work, template)
            count = counts[work.name] = Counter[str]()
            while count["killed"] < kills:
                ends, texts = one_kill(work, template, whole, generator.random() * seconds)
                count.update(ends)
                problems += texts
                for text in texts:
                    say(text)
            say(f"{work.name}: {dict(count)}, {seconds:.1f} s without a kill")
    return counts, problems


def table(counts: dict[str, Counter[str]]) -> str:
    """Works as rows, ends as columns, in Markdown."""
    rows = [f"| | {' | '.join(ENDS)} |", "|---|" + "---:|" * len(ENDS)]
    for name, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        rows.append(f"| {name} | {' | '.join(str(count[end]) for end in ENDS)} |")
    return "\n".join(rows)


def main() -> int:
    """Kill as the command line says; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only", nargs="+", choices=[work.name for work in WORKS], help="these commands (default: all)"
    )
    args = parser.parse_args()
    before = time.time()
    chosen = [work for work in WORKS if not args.only or work.name in args.only]
    counts, problems = kill_often(chosen, args.kills, args.seed)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
    print(f"{table(counts)}\n\nSeed {args.seed}, commit {commit.strip()}, {time.time() - before:.0f} s.")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
