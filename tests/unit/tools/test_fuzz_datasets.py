"""The script that fuzzes datasets counts how each of them opens."""

from collections import Counter

import fuzz_datasets


def test_every_dataset_is_counted_once_and_the_same_ones_are_drawn_again():
    counts, wrong, ends = fuzz_datasets.fuzz(3, 7)
    assert sum(counts.values()) == len(ends) == 3 and not wrong
    assert fuzz_datasets.fuzz(3, 7)[0] == counts


def test_the_table_has_a_row_for_each_layout_and_one_for_all():
    counts = Counter({("voc", "right"): 2, ("folder", "right"): 1, ("folder", "wrong"): 3})
    assert fuzz_datasets.table(counts).splitlines()[2:] == [
        "| folder | 1 | 0 | 0 | 0 | 3 |",
        "| voc | 2 | 0 | 0 | 0 | 0 |",
        "| all | 3 | 0 | 0 | 0 | 3 |",
    ]
