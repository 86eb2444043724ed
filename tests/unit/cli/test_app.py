"""`segcore app`: which words Streamlit is started with, and which runs are shown."""

import subprocess
import sys
import tomllib

import pytest
from fixtures.app import ROOT

from segcore import cli
from segcore.cli import app
from segcore.errors import SegcoreError
from segcore.ui.shell import app_files


def started(monkeypatch, *words):
    """The command that `segcore app WORDS` would run, without running it."""
    commands = []
    monkeypatch.setattr(app.runpy, "run_module", lambda name, **_: commands.append([name, *sys.argv[1:]]))
    monkeypatch.setattr(sys, "argv", ["segcore"])
    assert cli.main(["app", *words]) == 0
    (command,) = commands
    return command


def test_arguments_go_to_the_app_and_options_to_streamlit(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    command = started(monkeypatch, "--data", "a.zip", "--server.port", "8600", "--void", "class", "--runs", "mine")
    split = command.index("--")
    assert command[:split] == ["streamlit", "run", str(app_files.entry_script()), "--server.port", "8600"]
    assert command[split:][1:] == [*("--runs", "mine", "--void", "class", "--data", "a.zip")]


def test_runs_here_come_before_the_shipped_ones(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert str(app_files.shipped_runs()) in started(monkeypatch)
    assert "the runs that come with Segcore" in capsys.readouterr().out
    (tmp_path / "checkpoints").mkdir()
    command = started(monkeypatch)
    assert command[command.index("--runs") + 1] == "checkpoints"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "words", [["--dta", "x"], ["Cam101.zip"], ["--server.port", "1", "2"], ["--server.port=1", "2"], ["-x"]]
)
def test_an_unknown_word_is_named(monkeypatch, capsys, words):
    monkeypatch.setattr(app.runpy, "run_module", lambda *_, **__: pytest.fail("Streamlit was started"))
    assert cli.main(["app", *words]) == 2
    assert f"No argument {words[0] if len(words) == 1 or words[0] == '--dta' else '2'!r}" in capsys.readouterr().err


def test_other_commands_still_refuse_what_they_do_not_know(capsys):
    with pytest.raises(SystemExit):
        cli.main(["runs", "--nothing"])
    assert "unrecognized arguments: --nothing" in capsys.readouterr().err


def test_an_installation_without_app_says_so(tmp_path):
    with pytest.raises(SegcoreError, match="This installation has no app"):
        app_files.app_folder([tmp_path / "_app", tmp_path])


def test_no_other_machine_reaches_the_app_unless_it_is_told():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["address"] == "localhost"


def test_finding_the_app_needs_no_streamlit():
    code = (
        "import sys, segcore.cli, segcore.ui.shell.app_files as files\n"
        "files.entry_script()\n"
        "sys.exit('streamlit' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
