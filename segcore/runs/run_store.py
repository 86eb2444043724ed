"""Listing, opening and creating the runs in a folder."""

from __future__ import annotations

import builtins
import errno
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from segcore.atomic_files import clear_leftovers, replacing_folder, unwritable
from segcore.errors import RunError, number
from segcore.paths import local_path
from segcore.runs import run_files, run_lock
from segcore.runs.cli_hints import restore_command
from segcore.runs.run_record import RunRecord, load_run
from segcore.runs.run_writer import RunWriter

T = TypeVar("T")


@dataclass(frozen=True)
class RunProblem:
    """A folder that looks like a run or a search but can't be read, and the reason."""

    path: Path
    message: str


@contextmanager
def new_run(path: Path) -> Iterator[RunWriter]:
    """Give a writer whose run is in its folder `path` at the end of the block, whole or not at all.

    Raises:
        RunError: when there is something at `path`, or nothing can be written beside it.
    """
    RunStore(path.parent).check_writable()
    try:
        with replacing_folder(path, over=False) as folder:
            yield RunWriter(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        raise RunError(f"There is a run called {path.name!r} already: {path}. Choose another --name.") from None


class RunStore:
    """The runs in the folder `root`; a missing folder is an empty store."""

    def __init__(self, root: str | Path = "checkpoints") -> None:
        self.root = local_path(root, RunError)

    def list(self) -> list[RunRecord]:
        """Every readable run, sorted by dataset and time of creation; reads only each `summary.json`.

        Archived runs are in no list; `get` opens them.
        """
        return self.read()[0]

    @property
    def archived(self) -> tuple[str, ...]:
        """Ids of the archived runs."""
        marked = run_files.folders_with((run_files.ARCHIVED,), self.root)
        return tuple(folder.name for folder in marked if any((folder / name).exists() for name in run_files.MARKS))

    def _folders(self, *, archived: bool | None) -> builtins.list[Path]:
        folders = run_files.folders_with(run_files.MARKS, self.root)
        return [folder for folder in folders if archived in (None, (folder / run_files.ARCHIVED).exists())]

    def none_listed(self) -> str:
        """A sentence for a folder whose list is empty."""
        archived = len(self.archived)
        if archived:
            how = restore_command(self.root)
            return f"All {number(archived, 'run')} in {self.root} are archived. Bring some back: {how}"
        return f"No runs in {self.root}. Train some: python train.py"

    @property
    def problems(self) -> tuple[RunProblem, ...]:
        """The folders that look like runs but can't be read."""
        return self.read()[1]

    def read(
        self, known: Mapping[Path, RunRecord] | None = None, *, archived: bool | None = False
    ) -> tuple[builtins.list[RunRecord], tuple[RunProblem, ...]]:
        """Return `list()` and `problems` from reading the folder once.

        Args:
            known: Folder -> run as read before, of those that need not be read again where nothing has changed.
            archived: Read the archived runs in place of the others; None reads both.
        """
        before, folders = known or {}, self._folders(archived=archived)
        runs, problems = read_each(folders, lambda folder: load_run(folder, before.get(folder)))
        return sorted(runs, key=lambda run: (run.summary.dataset.name, run.summary.created, run.id)), problems

    def get(self, run_id: str) -> RunRecord:
        """One run.

        Raises:
            RunError: when there is none of this id (the choices are listed), or it can't be read.
        """
        return load_run(self.folder(run_id))

    def folder(self, run_id: str) -> Path:
        """The folder of one run, archived or not, which need not be readable.

        Raises:
            RunError: when there is none of this id; the choices are listed.
        """
        none = (
            f"No run {run_id!r}: there are no runs in {self.root}. Name the folder of your runs with --runs DIR (of "
            "train.py: --out DIR), or train some: python train.py"
        )
        return run_files.named_folder(run_id, self._folders(archived=None), f"run in {self.root}", none)

    def check_writable(self) -> None:
        """Refuse a folder that no run can be made in, before a training begins.

        Raises:
            RunError: when it is a file or below one, or can't be written.
        """
        reason = unwritable(self.root)
        if reason:
            raise RunError(f"No run can be made in {self.root}: {reason}. Choose another folder with --out.")

    def create(self, name: str) -> RunWriter:
        """Make the folder of a new run: `name`, or `name-2`, `name-3`, ... where that is taken.

        Characters that don't belong in a folder's name become dashes. The folder of a training that never began, since
        its process was killed, gives way.

        Raises:
            RunError: when nothing is left of the name, or the folder can't be made.
        """
        base = run_files.checked_folder_name(name, "run")
        for place in (self.root, *run_files.folders_with(run_files.MARKS, self.root)):
            clear_leftovers(place)  # also of runs that were killed before they could be resumed
        number = 1
        while True:
            path = self.root / (base if number == 1 else f"{base}-{number}")
            try:
                self.root.mkdir(parents=True, exist_ok=True)
                path.mkdir()
            except FileExistsError:
                if not self.root.is_dir():
                    raise RunError(f"{self.root} is a file; expected a folder for runs. Choose another.") from None
                number += not run_lock.remove_if_never_began(path)
            except OSError as error:
                raise RunError(
                    f"Can't make the run folder {path}: {error.strerror}. Choose another with --out."
                ) from None
            else:
                return RunWriter(path)


def find_run(name: str, root: str | Path) -> RunRecord:
    """Open a run by its folder, or by its id in the folder of runs `root`.

    Raises:
        RunError: when there is none, or it can't be read.
    """
    path = local_path(name, RunError)
    if path.is_dir() or len(path.parts) > 1:
        return load_run(path)
    return RunStore(root).get(path.name)


def read_each(folders: Iterable[Path], load: Callable[[Path], T]) -> tuple[list[T], tuple[RunProblem, ...]]:
    """Load every folder; returns (what was loaded, the folders that can't be read)."""
    loaded: list[T] = []
    problems: list[RunProblem] = []
    for path in folders:
        try:
            loaded.append(load(path))
        except (RunError, OSError) as error:
            problems.append(RunProblem(path, str(error)))
    return loaded, tuple(problems)
