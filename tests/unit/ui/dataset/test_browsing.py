"""In which order samples are browsed."""

from dataclasses import replace

from fixtures.app import make_data

from segcore.data import open_dataset
from segcore.ui.dataset.browsing import EVERY, ids_of


def test_samples_come_split_by_split_and_frames_of_a_video_in_order_of_time(tmp_path):
    dataset = replace(open_dataset(make_data(tmp_path)), video=False)
    of_splits = (*dataset.splits["train"], *dataset.splits["test"])
    assert ids_of(dataset, EVERY) == of_splits != dataset.ids
    assert ids_of(replace(dataset, video=True), EVERY) == dataset.ids
    assert ids_of(dataset, "test") == dataset.splits["test"]
