"""The pins and the package: requirements.txt is what pyproject.toml asks for, and importing stays light."""

import re
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import segcore

ROOT = Path(__file__).parents[2]


def pins(file: str) -> dict[str, Version]:
    """Name -> pinned version, of the lines that apply to this Python and platform."""
    result = {}
    for line in (ROOT / file).read_text().splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", f"{file}: {line!r} is not pinned with =="
            if requirement.marker is None or requirement.marker.evaluate():
                result[canonicalize_name(requirement.name)] = Version(specifier.version)
    return result


def closure(wanted: list[str], pinned: dict[str, Version]) -> set[str]:
    """Every package that the wanted ones need, by installed metadata; checks each against its pin."""
    named = [Requirement(text) for text in wanted]
    here = [requirement for requirement in named if requirement.marker is None or requirement.marker.evaluate()]
    queue = [(requirement, "pyproject.toml") for requirement in here]
    reached: set[tuple[str, str]] = set()
    while queue:
        requirement, by = queue.pop()
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{by} needs {requirement}, which is not pinned. Run: make requirements"
        assert requirement.specifier.contains(pinned[name], prereleases=True), (
            f"{by} needs {requirement}, but {pinned[name]} is pinned. Run: make requirements"
        )
        for extra in requirement.extras or {""}:
            if (name, extra) in reached:
                continue
            reached.add((name, extra))
            for text in requires(name) or []:
                inner = Requirement(text)
                if inner.marker is None or inner.marker.evaluate({"extra": extra}):
                    queue.append((inner, name))
    return {name for name, _ in reached}


@pytest.mark.parametrize(("file", "extras"), [("requirements.txt", ()), ("requirements-dev.txt", ("dev",))])
def test_requirements_are_what_pyproject_asks_for(file: str, extras: tuple[str, ...]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(line for e in extras for line in project["optional-dependencies"][e])]
    pinned = pins(file)
    try:
        needed = closure(wanted, pinned)
    except PackageNotFoundError as missing:
        pytest.fail(f"{missing} is asked for but not installed. Run: make requirements, then make test")
    assert set(pinned) - needed == set(), "pinned but needed by nothing. Run: make requirements"


def test_both_files_pin_the_same_versions() -> None:
    app, dev = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {name: dev[name] for name in app} == app


def test_import_is_light() -> None:
    code = (
        "import sys, segcore\n"
        "heavy = {'torch', 'pandas', 'lightning', 'albumentations', 'streamlit', 'cv2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_one_version_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    released = re.findall(r"^## \[(\d\S*)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert (citation["version"], citation["date-released"]) == released[0]
    assert citation["version"] == segcore.__version__


@pytest.fixture(scope="module")
def wheel_files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files in the wheel, built as `uv build` would but without a network."""
    (path,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])
    with zipfile.ZipFile(path) as wheel:
        return set(wheel.namelist())


def test_the_wheel_carries_the_app(wheel_files: set[str]) -> None:
    pages = {f"segcore/_app/pages/{path.name}" for path in (ROOT / "pages").glob("*.py")}
    runs = {path.parent.name for path in (ROOT / "checkpoints").glob("*/summary.json")}
    scores = {f"segcore/_app/checkpoints/{name}/evaluation/test/confusion.parquet" for name in runs}
    assert len(pages) >= 9
    assert {name.partition("-")[0] for name in runs} == {"camvid", "drive"}
    assert {"segcore/_app/app.py", "segcore/_app/.streamlit/config.toml", *pages, *scores} <= wheel_files


def test_the_image_is_built_from_all_that_the_wheel_carries() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert not [path for path in build["force-include"] if not any(fnmatch(path, pattern) for pattern in let_in)]


def test_the_wheel_carries_types_and_styles_and_nothing_of_the_workplace(wheel_files: set[str]) -> None:
    assert {"segcore/py.typed", "segcore/__init__.pyi", "segcore/report/templates/report.css"} <= wheel_files
    assert not [name for name in wheel_files if name.endswith((".ckpt", ".pyc")) or name.startswith("tests")]
