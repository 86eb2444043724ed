"""A few damaged inputs of every reader; docs/reliability.md has the record of many."""

import sys

import fuzz_readers
import pytest
from fixtures.damage.readers import READERS

INPUTS = 6  # of each reader


@pytest.mark.skipif(sys.platform != "linux", reason="measures processes as Linux does")
def test_damaged_inputs_are_read_or_refused():
    counts, wrong = fuzz_readers.fuzz(READERS, INPUTS, seed=0, show=False)
    assert not wrong
    assert sum(counts.values()) == INPUTS * len(READERS)
