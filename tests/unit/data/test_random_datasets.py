"""Random datasets of any layout, coding, class list and damage open as they were meant, or are refused.

`python tools/fuzz_datasets.py --examples 5000` draws more of them and counts what became of them.
"""

from fixtures.random_data.datasets import datasets
from fixtures.random_data.verdict import verdict
from hypothesis import given, settings


@settings(max_examples=100)
@given(draft=datasets())
def test_a_random_dataset_opens_as_it_was_meant_or_is_refused(draft, tmp_path_factory):
    verdict(draft, tmp_path_factory.mktemp("random"))
