"""What is printed is text: names that are commands to a terminal are shown."""

import io
import sys

import pytest
from fixtures.app import make_data
from fixtures.runs import fake_run
from rich.progress import Progress
from rich.table import Table

from segcore.cli import main
from segcore.terminal import print_text, visible
from segcore.text_console import TextConsole, print_table

HOSTILE = "a\x1b]0;title\x07b\x1b[2Jc\x9bd\u202ee"
SHOWN = r"a\x1b]0;title\x07b\x1b[2Jc\x9bd\u202ee"


@pytest.mark.parametrize(
    ("text", "shown"),
    [(HOSTILE, SHOWN), ("Straße 東京 🚗\n\tx", "Straße 東京 🚗\n\tx"), ("\udcff", r"\udcff"), ("a\rb", r"a\x0db")],
)
def test_control_characters_are_escapes(text, shown):
    assert visible(text) == shown
    visible(text).encode()


def test_prints_are_text_and_the_streams_stay_as_they_are(capsys):
    out = sys.stdout
    print_text(HOSTILE, 1)
    print_text(HOSTILE, 1, file=sys.stderr)
    assert sys.stdout is out
    shown, error = capsys.readouterr()
    assert shown == error == f"{SHOWN} 1\n"


def test_colours_of_rich_stay_and_those_of_names_do_not(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    console = TextConsole(force_terminal=True, color_system="standard", width=120)
    table = Table("name")
    table.add_row(f"[red]{HOSTILE}[/]")
    console.print(table)
    in_table = stream.getvalue()
    with Progress(console=console) as bar:
        bar.add_task(HOSTILE, total=1)
        print_text(HOSTILE)  # above the bar
        bar.refresh()
    in_bar = stream.getvalue().removeprefix(in_table)
    assert "\x1b[31m" in in_table and SHOWN in in_table
    assert "\x1b[2K" in in_bar and "\x1b[35m" in in_bar and SHOWN in in_bar  # the bar is drawn, and drawn again
    assert all(part not in in_table + in_bar for part in ("\x1b]0", "\x1b[2J", "\x9b", "\u202e", "\x07", r"\x1b[2K"))


@pytest.mark.parametrize("words", [("data", "info"), ("data", "check")])
def test_commands_show_hostile_names_of_data(words, tmp_path, capsys):
    data = make_data(tmp_path / "toy\x1b[31m")
    for kind in ("images", "masks"):
        (data / "train" / kind / "train_00.png").rename(data / "train" / kind / f"{HOSTILE}.png")
    (data / "classes.csv").write_text(
        f"name,r,g,b\n{HOSTILE},128,128,128\nRoad,128,64,128\nCar,64,0,128\nTree,128,128,0\n"
    )
    assert main([*words, str(data)]) == 0
    assert r"toy\x1b[31m" in written(capsys)
    assert main([*words, str(data / "train\x1b[2J")]) == 2
    assert r"train\x1b[2J" in written(capsys)


def test_commands_show_hostile_names_of_runs(tmp_path, capsys):
    fake_run(tmp_path, "plain", dataset=HOSTILE, settings={"augment": HOSTILE})
    (tmp_path / "plain" / "note.txt").write_text(HOSTILE)
    for words in (("runs",), ("leaderboard",), ("runs", "--diff", "plain")):
        assert main([words[0], "--runs", str(tmp_path), *words[1:]]) == 0
        assert r"\x1b" in written(capsys)


def written(capsys):
    """What was printed, which has no control characters."""
    out, error = capsys.readouterr()
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(out + error)
    return out + error


@pytest.mark.parametrize("width", [10, 30, 40, 60])
def test_no_word_of_a_table_is_cut(width):
    console = TextConsole(width=width, file=io.StringIO(), highlight=False)
    table = Table(box=None)
    table.add_column("backend", no_wrap=True)
    for name in ("model ms", "p95 ms", "spread"):
        table.add_column(name, justify="right")
    table.add_row("openvino fp32", "12345.1", "1234.5", "8 %")
    print_table(console, table)
    printed = console.file.getvalue()
    assert "…" not in printed and {"openvino", "fp32", "model", "p95", "12345.1", "1234.5"} <= set(printed.split())
    assert max(map(len, printed.splitlines())) <= max(width, 44)
