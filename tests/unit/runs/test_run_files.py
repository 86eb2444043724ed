"""File names made of ids."""

from hypothesis import given
from hypothesis import strategies as st

from segcore.runs.run_files import file_name, sample_id


def test_ids_with_folders_in_them_are_stored_and_found(store, fake_run):
    ids = ("seq/a", "seq%2Fa", "..", ".hidden", "ü b")
    evaluation = fake_run(store, "fake", ids=ids).evaluation("test")
    assert evaluation.ids == ids
    stored = sorted(path.name for path in (evaluation.path / "predictions").iterdir())
    assert sorted(sample_id(name) for name in stored) == sorted(ids)
    assert all(evaluation.prediction(name).shape == (48, 64) for name in ids)


@given(st.text(min_size=1), st.text(min_size=1))
def test_file_names_are_safe_and_reversible(one, other):
    assert sample_id(file_name(one)) == one
    assert "/" not in file_name(one)
    assert not file_name(one).startswith(".")
    assert (file_name(one) == file_name(other)) == (one == other)
