"""What a model is fed: order, seeds, copies, workers."""

import multiprocessing
import subprocess

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore.augment import Group, Pipeline, Step, presets
from segcore.data import Item
from segcore.data.dataset import Dataset
from segcore.labels import LabelMap
from segcore.training.distributed import World
from segcore.training.train_dataset import (
    ResumableBatchSampler,
    SampleStore,
    TrainDataset,
    ValBatches,
    draw_seed,
    loader,
)

LABELS = LabelMap("two", ("a", "b"), ((0, 0, 0), (255, 255, 255)))
TURN = Pipeline((Step.create("Rotate", 1.0), Step.create("RandomBrightnessContrast", 1.0)))

GROUPED = Pipeline(
    (
        Group.create("OneOf", (Step.create("GaussNoise", 0.3), Step.create("MedianBlur", 0.7)), 0.8),
        Group.create("SomeOf", (Step.create("Rotate"), Step.create("RandomGamma", 1.0), Step.create("ToGray")), n=2),
    )
)
CROP = "transforms:\n  - RandomCrop: {p: 1.0, height: 16, width: 20}\n"


class Picture:
    split, group = "train", ""

    def __init__(self, number):
        self.id = f"frame{number}"
        self.number = number

    def image(self):
        return np.random.default_rng(self.number).integers(0, 255, (40, 60, 3), dtype=np.uint8)

    def mask(self):
        return (np.arange(40)[:, None] > 10 + self.number).astype(np.uint8).repeat(60, 1)

    def size(self):
        return 40, 60

    def checksum(self):
        return str(self.number)


def items(*, copies=0, training=True, fixed=False, count=5, budget=10**9, pipeline=TURN):
    dataset = Dataset("x", "x", LABELS, [Picture(number) for number in range(count)])
    store = SampleStore(dataset, (32, 48), budget)
    store.fill(dataset.ids)
    planned = [Item(name, copy) for name in dataset.ids for copy in range(copies + 1)]
    return TrainDataset(planned, store, pipeline, seed=7, copies=copies, training=training, fixed=fixed)


def same(left, right):
    """Image and mask are equal; what an item says beside them is its position."""
    return all(torch.equal(a, b) for a, b in zip(left[:2], right[:2], strict=True))


def batches(result, size, *, workers=0, epoch=0, seed=1, world=None, resume=None):
    chosen = ResumableBatchSampler(len(result), size, seed=seed, world=world or World())
    chosen.set_epoch(epoch)
    if resume:
        chosen.resume(*resume)
    return list(loader(result, chosen, workers=workers))


def test_a_sample_is_the_pipelines_own_output():
    result = items()
    image, mask, position = result[3, 1]
    assert position == 1
    expected = TURN(*result.store["frame1"], seed=draw_seed(7, 3, Item("frame1", 0)))
    assert same((image, mask), [torch.from_numpy(part) for part in expected])
    assert image.shape == (32, 48, 3) and mask.shape == (32, 48)


def test_without_copies_every_epoch_is_fresh_and_repeatable():
    result = items()
    assert same(result[0, 2], result[0, 2]) and not same(result[0, 2], result[1, 2])


def test_with_copies_the_frame_itself_stays_as_it_is():
    result = items(copies=2)
    plain = [torch.from_numpy(part) for part in result.store["frame0"]]
    assert same(result[0, 0], plain) and same(result[5, 0], plain)
    assert not same(result[0, 1], plain) and not same(result[0, 1], result[0, 2])
    assert not same(result[0, 1], result[1, 1])
    fixed = items(copies=2, fixed=True)
    assert same(fixed[0, 1], fixed[9, 1])


def test_validation_is_not_augmented_except_copies_which_are_fixed():
    plain = items(training=False)
    assert same(plain[4, 1], [torch.from_numpy(part) for part in plain.store["frame1"]])
    copies = items(copies=1, training=False)
    assert same(copies[0, 1], copies[4, 1]) and not same(copies[0, 1], copies[0, 0])


def test_what_the_budget_does_not_hold_is_read_again():
    small, large = items(budget=32 * 48 * 4 * 2), items()
    assert len(small.store) == 2
    assert all(same(small[0, index], large[0, index]) for index in range(5))


def test_what_is_kept_is_not_read_again(monkeypatch):
    store = items().store
    monkeypatch.setattr(Picture, "image", lambda _: pytest.fail("A kept sample was read again."))
    progress = []
    store.fill(store.dataset.ids, lambda *counts: progress.append(counts))
    assert not progress and len(store) == 5


def test_counts_pixels_of_each_class():
    result = items(count=2)
    pixels = result.store.pixels(["frame0", "frame1"], 2)
    assert pixels.shape == (2, 2) and (pixels.sum(axis=1) == 32 * 48).all() and pixels[0, 0] < pixels[1, 0]


@pytest.mark.parametrize("training", [True, False])
def test_only_workers_of_training_stay_after_their_epoch(training):
    """Those of validation are forked beside a training step, and would keep a copy of its memory."""
    before = set(multiprocessing.active_children())
    batches = ResumableBatchSampler(5, 2, seed=1, world=World()) if training else ValBatches(5, 2)
    made = loader(items(), batches, workers=1)
    for _ in range(2):
        assert [len(batch[0]) for batch in made][:2] == [2, 2]
        workers = set(multiprocessing.active_children()) - before
        if not training:
            for worker in workers:
                worker.join(60)
        assert any(worker.is_alive() for worker in workers) == training


def test_batches_are_the_same_from_any_number_of_workers():
    for left, right in zip(batches(items(), 2, epoch=4), batches(items(), 2, epoch=4, workers=1), strict=True):
        assert same(left, right) and left[2].equal(right[2])


def test_a_worker_ends_when_its_training_says_so_alone():
    others = set(multiprocessing.active_children())
    batches = iter(loader(items(count=40), ResumableBatchSampler(40, 1, seed=1, world=World()), workers=1))
    positions = [next(batches)[2]]
    (worker,) = set(multiprocessing.active_children()) - others
    subprocess.run(["kill", "-TERM", str(worker.pid)], check=True)  # as torchrun or SLURM would
    positions += [batch[2] for batch in batches]
    assert sorted(torch.cat(positions).tolist()) == list(range(40)) and worker.is_alive()
    worker.terminate()
    worker.join(20)
    assert worker.exitcode == 0


def test_a_last_batch_of_one_is_dropped_in_training_only():
    assert [len(batch[0]) for batch in batches(items(), 2)] == [2, 2]
    assert [len(batch[0]) for batch in loader(items(), ValBatches(5, 2), workers=0)] == [2, 2, 1]
    assert [len(batch[0]) for batch in batches(items(), 3)] == [3, 2]
    assert [len(batch[0]) for batch in batches(items(count=1), 3)] == [1]


def test_an_epoch_goes_on_where_it_was_left():
    whole = list(ResumableBatchSampler(11, 3, seed=2, world=World()))
    left = ResumableBatchSampler(11, 3, seed=2, world=World())
    left.resume(0, 2)
    assert len(left) == len(whole) and list(left) == whole[2:]
    left.set_epoch(1)
    assert len(list(left)) == len(whole)  # the next epoch is whole again


@settings(max_examples=60)
@given(count=st.integers(1, 40), size=st.integers(1, 9), processes=st.integers(1, 4), seed=st.integers(0, 99))
def test_processes_share_each_batch(count, size, processes, seed):
    whole = [batch for batch in ResumableBatchSampler(count, size, seed=seed, world=World())]
    shares = [
        list(ResumableBatchSampler(count, size, seed=seed, world=World(rank, processes))) for rank in range(processes)
    ]
    if size < processes:
        return  # refused before, or left with empty shares
    for step, parts in enumerate(zip(*shares, strict=True)):
        assert all(parts) and sorted(key for part in parts for key in part) == sorted(whole[step])
    assert len(whole) - len(shares[0]) in (0, 1)  # a last batch too small for all of them is left out


def test_processes_share_validation_by_whole_batches():
    shares = [list(ValBatches(11, 3, world=World(rank, 2))) for rank in (0, 1)]
    assert sorted(shares[0] + shares[1]) == sorted(ValBatches(11, 3)) and [len(part) for part in shares] == [2, 2]


def test_sizes_follow_the_epoch_and_augmentations_hold_still_until_the_encoder_thaws():
    result = items()
    result.size_at = lambda epoch: (16, 24) if epoch < 2 else (32, 48)
    assert [result[epoch, 0][0].shape[:2] for epoch in (0, 1, 2)] == [(16, 24), (16, 24), (32, 48)]
    assert result[0, 0][1].shape == (16, 24) and set(result[0, 0][1].unique().tolist()) <= {0, 1, 255}
    still = items()
    still.fixed_until = 2
    assert same(still[0, 3], still[1, 3]) and not same(still[1, 3], still[2, 3])


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("name", [*presets(), "grouped"])
def test_a_worker_applies_what_the_preview_shows(name, workers):
    """The bits of `pipeline(image, mask, seed)` are those of the batch, whichever process made it."""
    pipeline = GROUPED if name == "grouped" else presets()[name]
    result = items(pipeline=pipeline)
    for images, masks, positions in batches(result, 2, workers=workers, epoch=3):
        for image, mask, position in zip(images, masks, positions, strict=True):
            item = result.items[position]
            expected = pipeline(*result.store[item.id], seed=draw_seed(7, 3, item))
            assert (image.numpy() == expected[0]).all() and (mask.numpy() == expected[1]).all()


def test_pictures_of_another_size_are_brought_back_to_the_models():
    pipeline = Pipeline.from_yaml(CROP)
    result = items(pipeline=pipeline)
    image, mask, position = result[0, 1]
    assert image.shape == (32, 48, 3) and mask.shape == (32, 48)
    small = pipeline(*result.store[result.items[position].id], seed=draw_seed(7, 0, result.items[position]))
    assert small[1].shape == (16, 20)
    assert set(np.unique(mask)) <= set(np.unique(small[1]))
