"""A few damaged inputs of every reader; docs/reliability.md has the record of many."""

import sys
from typing import ClassVar

import fuzz_readers
import pytest
from fixtures.damage.readers import READERS

INPUTS = 6  # of each reader


@pytest.mark.skipif(sys.platform != "linux", reason="measures processes as Linux does")
def test_damaged_inputs_are_read_or_refused():
    counts, wrong = fuzz_readers.fuzz(READERS, INPUTS, seed=0, show=False)
    assert not wrong
    assert sum(counts.values()) == INPUTS * len(READERS)


class FakeWorker:
    """Its second input of each variant reaches a new line, and nothing else does."""

    asked: ClassVar = []

    def __init__(self, guided):
        self.asked.clear()

    def read(self, name, variant, seeds):
        self.asked.append((variant, tuple(seeds)))
        second = [other for other, _ in self.asked].count(variant) == 2
        return fuzz_readers.Answer(fuzz_readers.REFUSED, "", lines=int(second))

    def close(self):
        pass


def test_what_reaches_new_lines_is_damaged_further(monkeypatch):
    monkeypatch.setattr(fuzz_readers, "Worker", FakeWorker)
    name = next(iter(READERS))
    fuzz_readers.fuzz([name], 40 * READERS[name].variants, seed=3, show=False)
    of_one = [seeds for variant, seeds in FakeWorker.asked if variant == 0]
    assert all(len(seeds) == 1 for seeds in of_one[:2])
    further = [seeds for seeds in of_one[2:] if len(seeds) == 2]
    assert further and all(seeds[:1] == of_one[1] for seeds in further)
    assert any(len(seeds) == 1 for seeds in of_one[2:])
    again = list(FakeWorker.asked)
    fuzz_readers.fuzz([name], 40 * READERS[name].variants, seed=3, show=False)
    assert again == FakeWorker.asked


@pytest.mark.skipif(sys.platform != "linux", reason="measures processes as Linux does")
@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python tells of each line once since 3.12")
def test_lines_that_an_input_reaches_first_are_counted():
    counts, wrong = fuzz_readers.fuzz(["class lists"], 20, seed=1, show=False, guided=True)
    assert not wrong and counts["class lists", fuzz_readers.LINES] > 0
