"""Run-length codes against a decoder written another way."""

import numpy as np
from fixtures.rle import decompress, mask_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segcore.report.rle import compress, runs_of_classes

MASKS = arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.sampled_from([0, 1, 2, 255]))


@given(MASKS)
def test_the_codes_of_all_classes_make_up_the_mask(mask):
    again = np.full(mask.shape, 77, np.uint8)
    for index, counts in runs_of_classes(mask):
        assert counts.sum() == mask.size and (counts[1:] > 0).all()
        inside = mask_of(counts, *mask.shape)
        assert not (inside & (again != 77)).any()
        again[inside] = index
    assert np.array_equal(again, mask)


@given(st.lists(st.integers(1, 2**31), min_size=1, max_size=30))
def test_text_reads_back(counts):
    assert decompress(compress(np.array(counts))).tolist() == counts


def test_text_is_what_pycocotools_writes():
    # pycocotools 2.0: mask.frPyObjects({"size": [3, 4], "counts": [...]}, 3, 4)["counts"], run once by hand.
    assert compress(np.array([2, 3, 1, 4, 2])) == "23111"
    assert compress(np.array([0, 345600])) == "0P`a:"
    assert decompress("021O").tolist() == [0, 2, 1, 1]


def test_an_empty_mask_has_no_runs():
    assert list(runs_of_classes(np.zeros((0, 4), np.uint8))) == []
