"""Renaming a run, and what names it elsewhere."""

import pytest
from fixtures.runs import fake_ensemble, fake_run

from segcore.errors import RunError
from segcore.runs import RunStore, RunWriter, load_run
from segcore.runs.rename import rename_run


def test_a_renamed_run_is_found_under_its_new_name_and_in_its_ensembles(store):
    one, other = fake_run(store, "one"), fake_run(store, "two", model="fcn8s", seed=1)
    both = fake_ensemble([one, other])
    renamed = rename_run(one, "with a longer warm-up")
    assert renamed.path == one.path.with_name("with-a-longer-warm-up") and not one.path.exists()
    assert renamed.summary.run_id == renamed.id and renamed.evaluation("test").ids == (
        "frame_000",
        "frame_001",
        "frame_002",
        "frame_003",
    )
    ensemble = load_run(both.path)
    assert [member.id for member in ensemble.members] == [renamed.id, "two"]
    assert ensemble.config["ensemble"] == [f"../{renamed.id}", "../two"]
    assert rename_run(renamed, renamed.id).path == renamed.path


def test_archived_ensembles_follow_as_well(store):
    one, other = fake_run(store, "one"), fake_run(store, "two", model="fcn8s", seed=1)
    both = fake_ensemble([one, other])
    RunWriter(both.path).archive()
    rename_run(one, "three")
    assert [member.id for member in load_run(both.path).members] == ["three", "two"]


def test_a_name_that_is_taken_or_a_training_is_refused(store):
    one, training = fake_run(store, "one"), fake_run(store, "busy", status="training")
    with pytest.raises(RunError, match=r"'one' can't be called 'busy': .*busy is there already"):
        rename_run(one, "busy")
    with pytest.raises(RunError, match=r"'busy' is in training, .*Rename it when it has ended"):
        rename_run(training, "other")
    with pytest.raises(RunError, match="No run can be called '!'"):
        rename_run(one, "!")
    assert {run.id for run in RunStore(store.root).list()} == {"one", "busy"}


def test_notes_are_kept_with_the_run_and_change_its_version(store):
    run = fake_run(store, "one")
    assert run.note == ""
    RunWriter(run.path).write_note("  better at night\n")
    noted = load_run(run.path)
    assert noted.note == "better at night" and noted.version != run.version
    RunWriter(run.path).write_note("")
    assert load_run(run.path).note == "" and not (run.path / "note.txt").exists()
