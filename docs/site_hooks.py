"""Pages of the documentation site that no file in docs/ holds; MkDocs calls the functions (`hooks` in mkdocs.yml).

The start page is README.md and the changelog is CHANGELOG.md, which the repository's host shows at its top. A reference
page lists what a package exports, so that a new export needs no edit here.
"""

from __future__ import annotations

import posixpath
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/segcore/segcore/blob/main/"
SITE_PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}  # files at the top that are pages too
# Page -> its packages, of which all exports are listed; a package without exports names its objects after a colon.
REFERENCE = {
    "segcore": ["segcore"],
    "data": ["segcore.data", "segcore.data.leaks"],
    "augment": ["segcore.augment"],
    "models": ["segcore.models"],
    "metrics": ["segcore.metrics"],
    "runs": ["segcore.runs"],
    "evaluation": [
        "segcore.evaluation",
        "segcore.evaluation.comparison",
        "segcore.evaluation.profile:profile",
        "segcore.evaluation.export_model:export_model",
    ],
    "training": ["segcore.training", "segcore.training.search"],
    "report": [
        "segcore.report",
        "segcore.report.html_report:write_report",
        "segcore.report.figures:write_figures",
        "segcore.report.leaderboard:markdown,latex",
        "segcore.report.export:export_png,export_coco",
        "segcore.report.fiftyone:export_fiftyone",
    ],
    "visual": ["segcore.visual"],
    "labels": ["segcore.labels:LabelMap"],
    "errors": ["segcore.errors"],
}
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the start page, the changelog and the reference."""
    for source, page in SITE_PAGES.items():
        files.append(File.generated(config, page, content=top_level_page(source)))
    for page, packages in REFERENCE.items():
        files.append(File.generated(config, f"reference/{page}.md", content=reference_page(packages)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links from docs/ to files outside of it lead to the repository, or to the page made of that file."""
    folder = posixpath.join("docs", posixpath.dirname(page.file.src_uri))

    def target(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, match[1]))
        return match[1] if path.startswith("docs/") else _outside(path, posixpath.dirname(page.file.src_uri))

    return _LINK.sub(target, markdown)


def top_level_page(source: str) -> str:
    """A file at the repository's top, with its links as they are in docs/."""
    text = (ROOT / source).read_text(encoding="utf-8")
    return _LINK.sub(lambda match: match[1].removeprefix("docs/") if "docs/" in match[1] else _outside(match[1]), text)


def _outside(path: str, folder: str = "") -> str:
    """The address of a file outside of docs/, as a page in `folder` links to it."""
    return posixpath.relpath(SITE_PAGES[path], folder or ".") if path in SITE_PAGES else REPOSITORY + path


def reference_page(packages: list[str]) -> str:
    """Every export of the packages, for mkdocstrings."""
    lines = []
    for index, package in enumerate(packages):
        name, _, wanted = package.partition(":")
        module = import_module(name)
        names = wanted.split(",") if wanted else exports(module)
        lines += [f"{'#' * min(index + 1, 2)} {name}", "", module.__doc__ or "", ""]
        lines += [f"::: {_address(module, each)}\n" for each in sorted(names, key=_order)]
    return "\n".join(lines)


def exports(module: ModuleType) -> list[str]:
    """What a package exports, other packages left out; of a module without `__all__`, the classes it defines."""
    if not hasattr(module, "__all__"):
        return [each for each, value in vars(module).items() if _is_public_class(value, module)]
    return [each for each in module.__all__ if not isinstance(getattr(module, each), ModuleType)]


def _is_public_class(value: object, module: ModuleType) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__ and not value.__name__.startswith("_")


def _address(module: ModuleType, name: str) -> str:
    """Where mkdocstrings finds an export; a function may bear the name of the module that defines it."""
    address = f"{module.__name__}.{name}"
    in_package = hasattr(module, "__path__") and find_spec(address) is not None
    return f"{address}.{name}" if in_package else address


def _order(name: str) -> tuple[bool, str]:
    """Constants last."""
    return name.isupper(), name.lower()
