"""`profile.json`: what a run costs, one entry a backend, precision, machine and size."""

import json

import pytest

from segcore.errors import RunError
from segcore.runs import Latency, Profile, load_run, write_profile


def entry(**changes):
    values = {
        "backend": "torch",
        "precision": "fp32",
        "machine": "a processor, 2 threads",
        "height": 48,
        "width": 64,
        "median_ms": 10.0,
        "p95_ms": 12.0,
        "repeats": 50,
        "measured": "2026-01-01T00:00:00+00:00",
    }
    return Latency(**values | changes)


PROFILE = Profile(parameters=10, macs=1000, height=48, width=64, model_mb=0.5, train_minutes=1.5)


def test_a_run_has_its_profile_and_old_runs_have_none(store, fake_run):
    run = fake_run(store, "fake")
    assert run.profile is None
    profile = PROFILE.with_latency(entry()).with_latency(entry(backend="openvino", precision="bf16"))
    write_profile(run.path, profile)
    again = load_run(run.path)
    assert again.profile == profile
    assert again.version != run.version
    assert [path.name for path in run.path.iterdir() if path.name.startswith(".")] == [".lock"]


def test_one_entry_a_backend_precision_machine_and_size():
    first, other, newer = entry(), entry(machine="b"), entry(median_ms=8.0, measured="2026-01-02T00:00:00+00:00")
    profile = PROFILE.with_latency(first).with_latency(other).with_latency(newer)
    assert profile.latencies == (newer, other)
    assert PROFILE.latencies == ()
    assert profile.latency() == newer
    assert profile.latency(machine="b") == other
    assert profile.latency("openvino") is None
    assert profile.latency(size=(48, 64)) == newer and profile.latency(size=(360, 480)) is None
    assert (newer.name, newer.busy, entry(load=0.9).busy) == ("torch fp32", False, True)


def test_pictures_of_other_sizes_are_kept():
    def pictures(*sizes):
        return [{"height": h, "width": w, "median_ms": ms, "p95_ms": ms} for h, w, ms in sizes]

    before = entry(pictures=pictures((480, 640, 20.0), (720, 1280, 40.0)))
    (kept,) = PROFILE.with_latency(before).with_latency(entry(pictures=pictures((480, 640, 10.0)))).latencies
    assert (kept.picture_ms((480, 640)), kept.picture_ms((720, 1280))) == (10.0, 40.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"profile\.json is no JSON, perhaps cut off"),
        ("[]", r"profile\.json was not written by Segcore: it has no schema_version\."),
        (json.dumps({"schema_version": 2}), r"is of schema 2; this Segcore reads schema 1\."),
        (json.dumps({"schema_version": 1, "parameters": -1}), r"profile\.json: parameters: Input should be"),
        (PROFILE.with_latency(entry()).model_dump_json().replace("10.0", '"soon"'), r"latencies\.0\.median_ms: "),
    ],
)
def test_a_profile_that_can_not_be_read_says_how_to_make_it_again(store, fake_run, text, message):
    run = fake_run(store, "fake")
    (run.path / "profile.json").write_text(text)
    with pytest.raises(RunError, match=rf"{message}.*Measure it again: segcore profile .*fake"):
        _ = run.profile
