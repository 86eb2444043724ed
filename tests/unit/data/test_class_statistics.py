"""Counting classes."""

import numpy as np
from fixtures import layouts

from segcore.data import class_balance, open_dataset


def test_counts_pixels_and_images_of_each_class(tmp_path):
    dataset = open_dataset(layouts.segnet(tmp_path))
    ids = dataset.splits["train"]
    seen = []
    balance = class_balance(dataset, ids, progress=lambda done, total: seen.append((done, total)))
    masks = [dataset.mask(sample_id) for sample_id in ids]
    for index in range(11):
        assert balance.pixels[index] == sum((mask == index).sum() for mask in masks)
        assert balance.images[index] == sum((mask == index).any() for mask in masks)
    assert balance.ignored == sum((mask == 255).sum() for mask in masks)
    assert balance.pixels.sum() + balance.ignored == 4 * layouts.HEIGHT * layouts.WIDTH
    assert balance.total == 4 and seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert np.isclose(balance.frequency.sum(), 1)


def test_of_nothing_is_zero(tmp_path):
    balance = class_balance(open_dataset(layouts.segnet(tmp_path)), ())
    assert balance.pixels.sum() == 0 and (balance.frequency == 0).all()
