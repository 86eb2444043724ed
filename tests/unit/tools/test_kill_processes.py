"""The script that kills commands sees what is lost, differs or stays."""

from collections import Counter

import kill_processes
from fixtures.searches import fake_search


def test_times_are_no_difference_and_contents_are(store, fake_run):
    run = fake_run(store, "unet")
    before = kill_processes.digest(run.path)
    assert "unet/summary.json" in before and not any("lock" in name for name in before)
    file = run.path / "summary.json"
    file.write_text(file.read_text().replace(run.summary.created, "2030-01-01T00:00:00+00:00"))
    assert kill_processes.digest(run.path) == before
    file.write_text(file.read_text().replace('"seed": ', '"seed": 1'))
    (run.path / "model.safetensors").write_bytes(b"other")
    (run.path / "metrics.csv").unlink()
    after = kill_processes.digest(run.path)
    assert {name for name in before if after.get(name) != before[name]} == {
        *("unet/summary.json", "unet/model.safetensors", "unet/metrics.csv")
    }


def test_a_file_that_is_cut_off_is_noticed(tmp_path):
    report = tmp_path / "report.html"
    report.write_text("<html>now</html>\n")
    whole = kill_processes.digest(report)
    report.write_text("<html>later</html>\n")
    assert kill_processes.digest(report) == whole
    report.write_text("<html>lat")
    assert kill_processes.digest(report) != whole
    assert kill_processes.digest(tmp_path / "missing") == {}


def test_leftovers_and_unreadable_runs_are_listed(tmp_path, store, fake_run):
    (tmp_path / "tmp").mkdir()
    run = fake_run(kill_processes.RunStore(tmp_path / "runs"), "unet")
    assert kill_processes.leftovers(tmp_path) == [] and kill_processes.unreadable(tmp_path) == []
    (run.path / ".last.ckpt-abcdefgh.tmp").touch()
    (tmp_path / "tmp" / "forgotten").touch()
    (run.path / "evaluation" / "test" / "images.parquet").write_bytes(b"cut")
    (run.path.with_name("broken")).mkdir()
    (run.path.with_name("broken") / "summary.json").write_text("{")
    assert kill_processes.leftovers(tmp_path) == ["runs/unet/.last.ckpt-abcdefgh.tmp", "tmp/forgotten"]
    assert len(kill_processes.unreadable(tmp_path)) == 2


def test_a_trial_that_was_tried_again_is_no_difference(tmp_path):
    states = ["complete", "failed", "complete"]
    one, other = (fake_search(tmp_path / name, "space", states).path for name in ("one", "other"))
    searching = next(work for work in kill_processes.WORKS if work.name == "searching")
    whole = searching.written(one)
    table = other / "trials.csv"
    table.write_text(table.read_text().replace("\n2,", "\n7,"))
    assert len(whole) == 2 and searching.written(other) == whole
    table.write_text(table.read_text().replace("complete", "running", 1))
    assert searching.written(other) != whole


def test_the_table_has_a_row_for_each_command_and_one_for_all():
    counts = {"training": Counter(killed=2), "reporting": Counter({"killed": 2, "left over": 1})}
    assert kill_processes.table(counts).splitlines()[2:] == [
        "| training | 2 | 0 | 0 | 0 | 0 | 0 |",
        "| reporting | 2 | 0 | 0 | 0 | 0 | 1 |",
        "| all | 4 | 0 | 0 | 0 | 0 | 1 |",
    ]
