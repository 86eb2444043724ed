"""Whether a stored evaluation is scaled by the temperature that validation asks for now."""

import shutil

import pandas as pd
import pytest

from segcore.evaluation.comparison import Comparison
from segcore.report.leaderboard import notes
from segcore.runs import load_run
from segcore.runs.temperature import after_evaluation, stale_note, stored_temperature


@pytest.fixture
def run(store, fake_run):
    """Test scaled by 2, as validation says."""
    run = fake_run(store, "one", extras=True)
    shutil.copytree(run.path / "evaluation" / "test", run.path / "evaluation" / "val")
    return load_run(run.path)


def refit(run, split, temperature):
    """As if a split was evaluated again, with another temperature; None leaves out what was scaled."""
    path = run.path / "evaluation" / split / "calibration.parquet"
    table = pd.read_parquet(path)
    if temperature is None:
        table = table[table["scaled"] == 0]
    else:
        table.loc[table["scaled"] == 1, "temperature"] = temperature
    table.to_parquet(path)


def test_what_is_of_one_temperature_needs_no_word(run):
    assert stored_temperature(run, "test") == stored_temperature(run, "val") == 2
    assert stale_note([run], "test") == stale_note([run], "val") == stale_note([run], "val+flip") == ""
    assert list(after_evaluation(run, "val")) == list(after_evaluation(run, "test")) == []
    refit(run, "val", 2 * (1 + 1e-5))  # other threads
    assert stale_note([run], "test") == ""


@pytest.mark.parametrize(("split", "temperature"), [("val", 1.5), ("test", None)])
def test_another_temperature_is_said_wherever_scores_are_told(run, split, temperature):
    refit(run, split, temperature)
    messages = (
        "ECE, scaled, of one on test uses another temperature than the one now fitted on validation. "
        f"Evaluate test again: `segcore evaluate {run.path} --split test`"
    )
    assert list(after_evaluation(run, "val")) == [messages]
    result = Comparison.of([run], "test", "ece_scaled", titles={"one": "one"})
    assert result.stale() == [messages] and messages in result.caveats() and messages in notes(result, 0)
    assert messages not in Comparison.of([run], "test", titles={"one": "one"}).caveats()
    assert Comparison.of([run], "val", "ece_scaled").stale() == []


def test_a_validation_that_is_not_there_is_asked_for(run):
    shutil.copytree(run.path / "evaluation" / "test", run.path / "evaluation" / "test+flip")
    refit(run, "test+flip", None)
    (messages,) = after_evaluation(run, "test+flip")
    first, then = (f"`segcore evaluate {run.path} --split {split} --tta flip`" for split in ("val", "test"))
    assert messages.endswith(f"Evaluate val+flip first, then test+flip again: {first}; {then}")
    assert stale_note([run], "test+flip") == ""  # nothing asks for another one
    assert list(after_evaluation(run, "camvid-test")) == []


def test_what_can_not_be_read_is_of_no_temperature(run):
    (run.path / "evaluation" / "val" / "calibration.parquet").write_bytes(b"PAR1")
    assert stored_temperature(run, "val") is None and stale_note([run], "test") == ""
