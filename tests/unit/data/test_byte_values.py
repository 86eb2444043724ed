"""Tables of bytes against numpy's own indexing."""

import numpy as np
import pytest

from segcore.data.byte_values import any_of, lookup, used_values, value_counts


@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (7, 9), (4, 5, 3), (600, 500), (200, 150, 3)])
def test_lookup_is_indexing_with_a_table(shape):
    rng = np.random.default_rng(0)
    values, table = rng.integers(0, 256, shape, dtype=np.uint8), rng.permutation(256).astype(np.uint8)
    for view in (values, values[::-1, ::2]):
        np.testing.assert_array_equal(lookup(table, view), table[view])


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 1), (7, 9), (4, 5, 3)])
def test_every_value_is_counted_in_an_image_of_any_size(shape):
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for view in (values, values[::-1, ::2]):
        counts = value_counts(view)
        assert counts.dtype == np.int64 and counts.shape == (256,)
        assert counts.tolist() == [np.count_nonzero(view == value) for value in range(256)]


@pytest.mark.parametrize("wanted", [[], [0], [255], [3, 4, 5, 200], range(31, 255), range(0, 256, 2), range(256)])
def test_any_of_is_membership(wanted):
    table = np.isin(np.arange(256), list(wanted))
    for values in ([], [0], [3], [254], [255], [30, 31], [1, 3, 7], range(31)):
        pixels = np.array([values, values], np.uint8)
        for view in (pixels, pixels[:, ::-1]):
            assert any_of(table, view) == table[view].any(), (wanted, values)
            assert any_of(table, np.repeat(view[..., None], 3, 2)) == table[view].any()
        assert used_values(pixels).tolist() == sorted(set(values))
