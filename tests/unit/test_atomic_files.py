"""Files and folders are whole or not there, and what dead processes half-made is cleared by the next one."""

import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from segcore import atomic_files
from segcore.atomic_files import clear_leftovers, replacing, replacing_folder, scratch_folder, write_text
from segcore.errors import plain


def hidden(folder):
    return [path for path in folder.iterdir() if path.name[0] == "."]


def start(code, *arguments):
    """A process that runs code, prints a line when it is in the middle of it, and waits to be killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


WRITES = """
    import sys, time
    from pathlib import Path
    from segcore import atomic_files
    with getattr(atomic_files, sys.argv[1])(Path(sys.argv[2])) as path:
        (path / "half" if path.is_dir() else path).write_text("half")
        print("ready", flush=True)
        time.sleep(600)
"""


@pytest.mark.parametrize("function", ["replacing", "replacing_folder"])
def test_what_a_killed_process_half_made_is_cleared_and_that_of_a_living_one_is_not(tmp_path, function):
    folder = tmp_path / function  # pytest may use tmp_path again, and a folder is looked through once in 30 s
    folder.mkdir()
    killed, living = (start(WRITES, function, folder / name) for name in ("a", "b"))
    assert len(hidden(folder)) == 2
    kill(killed)
    with replacing(folder / "c") as mine:
        mine.write_text("c")
        assert {path.name.rpartition("-")[0] for path in hidden(folder)} == {".b", ".c"}
    assert (folder / "c").read_text() == "c" and not (folder / "a").exists()
    kill(living)
    assert [path.name.rpartition("-")[0] for path in clear_leftovers(folder)] == [".b"]
    assert [path.name for path in folder.iterdir()] == ["c"]


def test_a_killed_process_leaves_nothing_among_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    kill(
        start("""
            import time
            from segcore.atomic_files import scratch_folder
            with scratch_folder("export") as folder:
                (folder / "model").write_text("half")
                print("ready", flush=True)
                time.sleep(600)
        """)
    )
    assert len(hidden(tmp_path)) == 1
    with scratch_folder("export") as folder:
        assert len(hidden(tmp_path)) == 1 and not list(folder.iterdir())
    assert not hidden(tmp_path)


def test_a_folder_is_replaced_though_its_process_was_killed_between_two_renames(tmp_path):
    with replacing_folder(tmp_path / "a") as first:
        (first / "old").touch()
    kill(
        start(
            """
            import sys, time
            from pathlib import Path
            from segcore.atomic_files import replacing_folder
            target, renames = Path(sys.argv[1]), []
            rename = Path.rename

            def stop_before_the_last(self, other):
                renames.append(other)
                if len(renames) == 3:  # one that fails, one that moves the old folder away, one that brings the new
                    print("ready", flush=True)
                    time.sleep(600)
                return rename(self, other)

            Path.rename = stop_before_the_last
            with replacing_folder(target) as fresh:
                (fresh / "new").touch()
            """,
            tmp_path / "a",
        )
    )
    assert not (tmp_path / "a").exists()
    clear_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["new"]


def test_nothing_else_is_cleared(tmp_path):
    others = [".a-12345678", ".a-1234567.tmp", "a-12345678.tmp", ".a.tmp", ".lock"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / ".a-12345678.tmp").touch()
    assert clear_leftovers(tmp_path) == [] and clear_leftovers(tmp_path / "missing") == []
    assert len(list(tmp_path.iterdir())) == len(others) + 1 and len(hidden(tmp_path / "below")) == 1


def test_a_link_is_removed_and_not_what_it_names(tmp_path):
    (tmp_path / "kept").write_text("kept")
    (tmp_path / ".a-12345678.tmp").symlink_to(tmp_path / "kept")
    clear_leftovers(tmp_path)
    assert (tmp_path / "kept").read_text() == "kept"


def test_nothing_is_cleared_on_a_disk_without_locks(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(45, "Operation not supported")

    monkeypatch.setattr(atomic_files.fcntl, "flock", refuse)
    (tmp_path / ".a-12345678.tmp").touch()
    write_text(tmp_path / "b", "b")
    assert clear_leftovers(tmp_path) == [] and (tmp_path / "b").read_text() == "b"


@pytest.mark.parametrize("name", ["é" * 127, "x" * 255])
def test_long_names(tmp_path, name):
    write_text(tmp_path / name, "text")
    with replacing_folder(tmp_path / f"y{name[1:]}") as folder:
        (folder / "file").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"y{name[1:]}"])


def test_after_an_error_nothing_is_changed(tmp_path):
    write_text(tmp_path / "a", "before")
    with pytest.raises(RuntimeError), replacing(tmp_path / "a") as path:
        path.write_text("half")
        raise RuntimeError
    with pytest.raises(RuntimeError), replacing_folder(tmp_path / "b") as path:
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "before"


def test_a_folder_that_holds_something_is_only_replaced_where_it_may(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine").touch()
    with pytest.raises(OSError, match="not empty"), replacing_folder(tmp_path / "a", over=False):
        pass
    assert (tmp_path / "a" / "mine").exists() and not hidden(tmp_path)


def test_many_threads_and_a_clearing_process_lose_nothing(tmp_path):
    """A file that was just made must not be taken for a leftover before it is locked."""
    process = start(
        """
        import sys
        from pathlib import Path
        from segcore.atomic_files import clear_leftovers
        print("ready", flush=True)
        while True:
            clear_leftovers(Path(sys.argv[1]))
        """,
        tmp_path,
    )
    try:
        for number in range(300):
            write_text(tmp_path / str(number % 5), f"{number}")
            with replacing_folder(tmp_path / "folder") as folder:
                (folder / "file").write_text(f"{number}")
            assert (tmp_path / str(number % 5)).read_text() == f"{number}"
            assert (tmp_path / "folder" / "file").read_text() == f"{number}"
    finally:
        kill(process)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file that is always full")
@pytest.mark.parametrize("function", [replacing, replacing_folder])
def test_a_full_disk_is_named_and_nothing_stays(tmp_path, function):
    with pytest.raises(OSError, match="disk is full") as error, function(tmp_path / "a"):
        Path("/dev/full").write_text("x")
    assert plain(error.value) == f"{tmp_path}/a: the disk is full; make room."
    assert not list(tmp_path.iterdir())


def test_descriptors_are_closed(tmp_path):
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(5):
        write_text(tmp_path / "a", "a")
        with replacing_folder(tmp_path / "b"):
            pass
    assert len(list(Path("/dev/fd").iterdir())) == before
