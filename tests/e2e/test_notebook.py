"""The notebook of the assignment, cell by cell, on a few tiny frames."""

import ast
import json
from pathlib import Path

import altair as alt
from fixtures import layouts

ROOT = Path(__file__).parents[2]
CELLS = json.loads((ROOT / "docs" / "cam101.ipynb").read_text())["cells"]


def shown(source, names):
    """Run a cell as Jupyter does; returns the value of the expression that it ends with."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_every_cell_of_the_notebook_runs_and_shows_something(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT / "docs")  # where Jupyter opens it: its paths are relative to that
    first, *others = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]
    names: dict = {}
    shown(first, names)
    names["DATA"] = str(layouts.cam101(tmp_path / "Cam101"))
    tiny = {"models": ["pspnet"], "encoder": "resnet18", "encoder_weights": "none", "image_size": "32x32"}
    names["CHANGES"] |= tiny | {"out": str(tmp_path / "runs"), "epochs": 1, "workers": 0}
    values = [shown(cell, names) for cell in others]
    pages = [value._repr_html_() for value in values if hasattr(value, "_repr_html_")]
    charts = [value for value in values if isinstance(value, alt.TopLevelMixin)]
    assert len(pages) >= 8 and all(pages) and len(charts) == 3
    assert names["dataset"].labels.classes == 32 and len(names["runs"]) == 1


def test_the_notebook_holds_no_output():
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in CELLS)
