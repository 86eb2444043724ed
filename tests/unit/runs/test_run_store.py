"""A folder of runs: listed, opened, created, and what is skipped."""

from pathlib import Path

import pytest

from segcore.errors import RunError
from segcore.runs import RunStore, RunWriter
from segcore.runs.run_files import folder_of
from segcore.runs.run_store import new_run


def test_a_missing_store_is_empty(tmp_path):
    store = RunStore(tmp_path / "nowhere")
    assert (store.list(), store.problems) == ([], ())
    with pytest.raises(
        RunError,
        match=r"No run 'unet': there are no runs in .*nowhere\. Name the folder of your runs with --runs DIR "
        r"\(of train\.py: --out DIR\), or train",
    ):
        store.get("unet")


def test_runs_are_listed_by_dataset_and_time(store, fake_run):
    fake_run(store, "z", dataset="camvid", seed=3)
    fake_run(store, "b", dataset="drive", seed=2)
    fake_run(store, "c", dataset="drive", seed=1)
    assert [run.id for run in store.list()] == ["z", "c", "b"]
    assert store.get("b").summary.parameters == 4_200_000


def test_an_unknown_run_lists_the_choices(store, fake_run):
    fake_run(store, "drive-unet", evaluated=False)
    with pytest.raises(
        RunError, match=r"No run in .* 'drive-unt'. Did you mean 'drive-unet'\? Choose one of drive-unet"
    ):
        store.get("drive-unt")


def test_names_are_made_unique_and_safe(store):
    assert store.create("हिन्दी / สวัสดี").id == "हिन्दी-สวัสดี"
    (store.root / "Gr-e").mkdir()  # of an older version
    assert (
        folder_of(store.root, "Größe", "run").name == "Gr-e" and folder_of(store.root, "Größer", "run").name == "Größer"
    )
    assert [store.create("a b/ü:c").id for _ in range(3)] == ["a-b-ü-c", "a-b-ü-c-2", "a-b-ü-c-3"]
    with pytest.raises(RunError, match=r"No run can be called '///'"):
        store.create("///")


def test_listing_opens_only_the_summaries(store, fake_run):
    for seed in range(3):
        run = fake_run(store, "fake", seed=seed)
        for path in [*run.path.glob("*"), *run.path.glob("evaluation/*/*.parquet")]:
            if path.is_file() and path.name != "summary.json":
                path.write_bytes(b"not read")
    assert len(store.list()) == 3
    assert store.problems == ()


def test_what_has_not_changed_is_not_read_again(store, fake_run):
    one, busy = fake_run(store, "one"), fake_run(store, "busy", status="training", seed=1)
    (before, again), _ = (store.read({run.path: run for run in (one, busy)}) for _ in range(2))
    known = {run.path: run for run in before}
    assert known[one.path] is one and known[busy.path] is not busy and not again  # its process may have died
    RunWriter(one.path).write_note("better")
    (changed,) = [run for run in store.read(known)[0] if run.id == "one"]
    assert changed is not one and changed.version != one.version and changed.note == "better"


@pytest.fixture
def run(store, fake_run):
    return fake_run(store, "fake")


def test_the_store_skips_with_a_note(store, run, fake_run):
    fake_run(store, "good", evaluated=False)
    (run.path / "summary.json").write_text("{")
    (store.root / "notes").mkdir()
    (store.root / ".hidden").mkdir()
    (store.root / "README.md").write_text("no run")
    assert [result.id for result in store.list()] == ["good"]
    assert [(problem.path.name, problem.message[-12:]) for problem in store.problems] == [("fake", "/config.yaml")]


def test_a_store_that_is_a_file(tmp_path):
    from segcore.runs import RunStore

    (tmp_path / "file").write_text("")
    store = RunStore(tmp_path / "file")
    assert store.list() == []
    with pytest.raises(RunError, match=r"Can't make the run folder|is a file; expected a folder for runs"):
        store.create("fake")


def test_a_folder_that_no_run_can_be_made_in(tmp_path: Path) -> None:
    RunStore(tmp_path / "new" / "runs").check_writable()
    assert not (tmp_path / "new").exists()  # asking makes nothing
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "runs", Path("/dev/null/x")):
        with pytest.raises(RunError, match=r"No run can be made in .* is a file, no folder\. Choose another .* --out"):
            RunStore(folder).check_writable()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write")
def test_a_folder_that_nobody_can_write() -> None:
    with pytest.raises(RunError, match=r"no file can be made in /proc \("):
        RunStore("/proc/runs").check_writable()


def test_a_run_that_nobody_can_write_is_refused_before_anything_is_scored(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"No run can be made in .*file: .* is a file, no folder\. Choose"):
        with new_run(tmp_path / "file" / "run"):
            pytest.fail("begun")


def test_links_that_lead_nowhere_are_no_runs(store, fake_run):
    fake_run(store, "one")
    (store.root / "loop").symlink_to(store.root / "loop")
    (store.root / "through").symlink_to(store.root / "one" / "summary.json" / "x")
    assert [run.id for run in store.list()] == ["one"] and store.problems == ()
