"""Stored masks, read one by one."""

import numpy as np
from fixtures.runs import IDS


def test_a_prediction_is_read_without_the_tables_beside_it(store, fake_run):
    run = fake_run(store, "fake")
    whole = run.evaluation("test").prediction(IDS[0])
    (run.path / "evaluation" / "test" / "images.parquet").unlink()
    np.testing.assert_array_equal(run.prediction("test", IDS[0]), whole)
