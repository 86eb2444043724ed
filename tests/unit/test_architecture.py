"""Rules of the code that import-linter doesn't check: circles of files, and private names in tests."""

import ast
import re
from pathlib import Path

import grimp
import networkx
import pytest

TESTS = Path(__file__).parents[1]
PRIVATE = re.compile(r"_(?!_)\w+")
VAGUE = {"found", "each", "told", "said", "asked"}  # names that say nothing of the value
PUBLIC = {"_asdict", "_fields", "_replace", "_exit", "_repr_html_"}  # documented: of a namedtuple, of os, of notebooks


def private_names(tree):
    """(line, name) of every private name of another module or object that code reads, imports or replaces."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [part for alias in node.names for part in alias.name.split(".")]
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            names = [] if owner in ("self", "cls") else [node.attr]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.fullmatch(r"segcore(\.\w+)+", node.value):  # monkeypatch.setattr("segcore.room.module.name", ...)
                names = node.value.split(".")
        elif isinstance(node, ast.Call):  # setattr(module, "name", ...), getattr(value, "name")
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if function in ("setattr", "delattr", "getattr", "hasattr"):
                names = [part.value for part in node.args[:2] if isinstance(part, ast.Constant)]
        for name in names:
            if isinstance(name, str) and PRIVATE.fullmatch(name) and name not in PUBLIC:
                yield node.lineno, name


def test_no_circle_of_files():
    """Imports inside functions count; those for type checkers alone do not."""
    graph = grimp.build_graph("segcore", exclude_type_checking_imports=True, cache_dir=None)
    imports = networkx.DiGraph(
        (name, imported) for name in graph.modules for imported in graph.find_modules_directly_imported_by(name)
    )
    circles = [sorted(part) for part in networkx.strongly_connected_components(imports) if len(part) > 1]
    assert not circles, "\n".join(" <-> ".join(circle) for circle in circles)


@pytest.mark.parametrize(
    "code",
    [
        "from segcore.cli import _parser",
        "import segcore.augment._names",
        "store._read()",
        'monkeypatch.setattr(module, "_CHUNK", 2)',
        'monkeypatch.setattr("segcore.augment.expand._cores", 2)',
        'getattr(store, "_read")',
    ],
)
def test_a_private_name_is_noticed(code):
    assert len(list(private_names(ast.parse(code)))) == 1


def test_tests_use_public_names():
    problems = [
        f"{path.relative_to(TESTS)}:{line}: {name}"
        for path in sorted(TESTS.rglob("*.py"))
        for line, name in private_names(ast.parse(path.read_text("utf-8")))
    ]
    assert not problems, "\n".join(problems)


def test_no_vague_names():
    problems = [
        f"{path.relative_to(TESTS.parent)}:{node.lineno}: {name}"
        for path in sorted((TESTS.parent / "segcore").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in [getattr(node, "id", None) or getattr(node, "arg", None)]
        if name in VAGUE and isinstance(node, ast.Name | ast.arg)
    ]
    assert not problems, "\n".join(problems)


def test_no_file_is_longer_than_400_lines():
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in (TESTS.parent / "segcore").rglob("*.py")}
    assert [f"{path}: {length}" for path, length in lengths.items() if length > 400] == []
