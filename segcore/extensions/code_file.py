"""A user's file of code by name, `my_net.py:MyNet`: checked without running it, run only where that is agreed to."""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from segcore.errors import CodeError, nearest, typed_line
from segcore.extensions import trust

CODE_FOLDER = "run_code"  # in a run: the copies of the files that it was trained with
_NAME = re.compile(r"(?P<path>.+\.py):(?P<name>[A-Za-z_]\w*)")
_ALONE = (
    "A file has to stand alone, since each run keeps a copy of it: it may import installed packages, no files beside "
    "it. Several files make a package: docs/extending.md."
)


@dataclass(frozen=True)
class CodeName:
    """A class or function in a file of Python.

    Args:
        path: The file.
        name: The class or function, at the file's top level.
    """

    path: Path
    name: str

    @classmethod
    def parse(cls, text: str) -> CodeName | None:
        """Read `folder/my_net.py:MyNet`; None where the text is of another form.

        >>> CodeName.parse("nets/my_net.py:MyNet").short
        'my_net.py:MyNet'
        """
        match = _NAME.fullmatch(text.strip())
        return cls(Path(match["path"]).expanduser(), match["name"]) if match else None

    @property
    def short(self) -> str:
        """The name without folders, as runs keep it."""
        return f"{self.path.name}:{self.name}"

    @property
    def is_copy(self) -> bool:
        """Whether the file is a run's copy, which others may have put there."""
        return self.path.absolute().parent.name == CODE_FOLDER

    def digest(self) -> str:
        """SHA-256 of the file, hexadecimal.

        Raises:
            CodeError: when it can't be read.
        """
        return hashlib.sha256(self.read()).hexdigest()

    def read(self) -> bytes:
        """The content of the file.

        Raises:
            CodeError: when it can't be read.
        """
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            beside = [file.name for file in self.path.parent.glob("*.py")] if self.path.parent.is_dir() else []
            raise CodeError(
                f"{self.path}: no such file.{nearest(self.path.name, beside)} Expected FILE.py:NAME with a file of "
                "this machine."
            ) from None
        except OSError as error:
            raise CodeError(f"{self.path}: can't be read ({error.strerror}).") from None

    def check(self) -> str:
        """Check that the file is Python and defines the name; nothing is run.

        Returns:
            The first line of the docstring of the class or function; empty where it has none.

        Raises:
            CodeError: when it is missing, no Python (the line is named), or has no such name (the nearest is named).
        """
        definitions = dict(_definitions(self._tree()))
        if self.name not in definitions:
            names = [name for name in definitions if not name.startswith("_")]
            there = f"It has {', '.join(names)}." if names else "It defines no class and no function."
            raise CodeError(f"{self.path} defines no {self.name}.{nearest(self.name, names)} {there}")
        node = definitions[self.name]
        text = ast.get_docstring(node) if isinstance(node, (ast.ClassDef, ast.FunctionDef)) else None
        return (text or "").partition("\n")[0]

    def load(self) -> object:
        """Run the file, and return what the name stands for. A run's copy is run only where its content is trusted.

        Naming a file is an agreement to run it, which is remembered for its content: copies of it may then be run too.

        Raises:
            CodeError: when it can't be run (the line and the error are named), or is a copy that nobody agreed to run.
        """
        self.check()
        digest = self.digest()
        if self.is_copy:
            trust.require(digest, self.path)
        else:
            trust.add(digest, self.path.name)
        return getattr(_module(self.path.absolute(), digest), self.name)

    def _tree(self) -> ast.Module:
        try:
            return ast.parse(self.read(), str(self.path))
        except (SyntaxError, ValueError) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            reason = error.msg if isinstance(error, SyntaxError) else error
            raise CodeError(f"{self.path}{line}: no Python that can be run: {reason}.") from None


def check_unchanged(run: Path, names: Iterable[str]) -> None:
    """Check that files of code are those that a run keeps copies of; names of other forms are passed over.

    Args:
        run: The run's folder.
        names: Names such as `my_net.py:MyNet`.

    Raises:
        CodeError: when a file is missing or differs from the run's copy.
    """
    for code in filter(None, map(CodeName.parse, names)):
        copy = run / CODE_FOLDER / code.path.name
        if copy.is_file() and copy.read_bytes() != code.read():
            raise CodeError(
                f"{code.path} has changed since run {run.name!r} began; {copy} is the file that it was trained with. "
                "Put that one back to go on, or train anew under another --name."
            )


def require_agreement(names: Iterable[str], settings: Path) -> None:
    """Check that files of code which the settings of a run name may be run; other forms of names are passed over.

    Naming a file on the command line is an agreement to run it. The settings of a run may be somebody else's, so they
    are none.

    Args:
        names: Names such as `my_net.py:MyNet`.
        settings: The run's file of settings, for the message.

    Raises:
        CodeError: when nobody on this machine has agreed to run a file, or it is missing.
    """
    for code in filter(None, map(CodeName.parse, names)):
        digest = code.digest()
        if not trust.trusted(digest):
            raise CodeError(
                f"{settings} names {code.path}, code that nobody on this machine has agreed to run (SHA-256 "
                f"{digest[:12]}...). Read it; if it does nothing bad, name it on the command line too: --models or "
                f"--loss {code.path}:{code.name}"
            )


def check_distinct(names: Iterable[str]) -> None:
    """Check that no two files of code have one name, under which a run keeps its copy.

    Raises:
        CodeError: when two have; names both.
    """
    paths: dict[str, Path] = {}
    for code in filter(None, map(CodeName.parse, names)):
        other = paths.setdefault(code.path.name, code.path)
        if other.absolute() != code.path.absolute() and other.read_bytes() != code.read():
            raise CodeError(
                f"{other} and {code.path} are two files of one name, and a run keeps its copies by their names. Rename "
                "one of them."
            )


def _definitions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node
        elif isinstance(node, ast.Assign):
            yield from ((target.id, node) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name.partition(".")[0], node) for alias in node.names)


@lru_cache(maxsize=64)
def _module(path: Path, digest: str) -> ModuleType:
    """Run a file as a module; once for each content."""
    name = f"segcore_code_{digest[:16]}"
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # it ends with .py
    module = module_from_spec(spec)
    before = set(sys.modules)
    sys.modules[name] = module  # dataclasses and pickle look their module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        alone = f" {_ALONE}" if isinstance(error, ImportError) else ""
        raise CodeError(f"{path.name}{_line(error, path)} can't be run: {typed_line(error)}.{alone}") from error
    beside = _beside(path, set(sys.modules) - before - {name})
    if beside:
        raise CodeError(f"{path.name} imports {beside[0]}, a file beside it. {_ALONE}")
    return module


def _line(error: BaseException, path: Path) -> str:
    """`, line 3` where the file's own code raised the error."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == str(path) else line
        trace = trace.tb_next
    return f", line {line}," if line else ""


def _beside(path: Path, fresh: set[str]) -> Sequence[str]:
    files = {name: getattr(sys.modules[name], "__file__", None) or "" for name in fresh if name in sys.modules}
    return sorted(
        Path(file).name for file in files.values() if file and Path(file).absolute().is_relative_to(path.parent)
    )
