import shutil
import subprocess
import sys

import pytest

from segcore.runs.provenance import command_line, git_commit, provenance

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="no git here")


def git(folder, *words):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    return subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A committed repository with a package in `house/rooms`."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    package = tmp_path / "checkout" / "house" / "rooms"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    root = tmp_path / "checkout"
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    return root


@needs_git
def test_the_commit_of_the_checkout_and_a_plus_where_the_package_differs(checkout):
    module = checkout / "house" / "rooms" / "__init__.py"
    head = git(checkout, "rev-parse", "--short", "HEAD").strip()
    assert git_commit(module) == head
    (checkout / "notes.txt").write_text("a run or a note beside the code changes nothing")
    assert git_commit(module) == head
    module.write_text("changed = True")
    assert git_commit(module) == f"{head}+"
    git(checkout, "commit", "-am", "second")
    (module.parent / "new.py").write_text("")
    assert git_commit(module) == git(checkout, "rev-parse", "--short", "HEAD").strip() + "+" != f"{head}+"


@needs_git
def test_a_hook_of_another_repository_does_not_lead_astray(checkout, monkeypatch):
    module = checkout / "house" / "rooms" / "__init__.py"
    head = git_commit(module)
    monkeypatch.setenv("GIT_DIR", str(checkout / "elsewhere"))
    assert git_commit(module) == head


@needs_git
def test_a_package_installed_inside_a_repository_has_no_commit(checkout):
    module = checkout / ".venv" / "rooms" / "__init__.py"
    module.parent.mkdir(parents=True)
    module.write_text("")
    assert git_commit(module) is None


@needs_git
def test_no_repository_or_no_commit_yet(tmp_path):
    (tmp_path / "__init__.py").write_text("")
    assert git_commit(tmp_path / "__init__.py") is None
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    assert git_commit(tmp_path / "__init__.py") is None


def test_no_git(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit(tmp_path / "__init__.py") is None


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (["/usr/bin/python3", "train.py", "--models", "unet"], "python3 train.py --models unet"),
        (["python", "train.py", "--name", "two words"], "python train.py --name 'two words'"),
        (["/env/bin/python", "/env/bin/segcore", "train", "--epochs", "1"], "segcore train --epochs 1"),
        (["/env/bin/python", "-m", "segcore.cli", "train"], "python -m segcore.cli train"),
        (["python"], "python"),
    ],
)
def test_the_command_as_typed(words, typed):
    assert command_line(words) == typed


def test_provenance_fills_a_summary(tmp_path, fake_run, monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["/env/bin/python", "train.py", "--epochs", "1"])
    result = provenance()
    assert {"python", "segcore", "torch"} <= result["versions"].keys()
    assert result["command"] == "python train.py --epochs 1"
    run = fake_run(tmp_path, "told")
    notes = run.summary.model_copy(update=result)
    assert type(notes).model_validate_json(notes.model_dump_json()) == notes
