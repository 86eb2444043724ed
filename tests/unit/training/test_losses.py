"""Losses against plain references."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from segcore.training.choices import parse_loss
from segcore.training.losses import SegmentationLoss, median_frequency_weights


def batch(seed, classes=4, ignored=0.3):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, 6, 5, generator=generator)
    target = torch.randint(0, classes, (2, 6, 5), generator=generator)
    target[torch.rand(target.shape, generator=generator) < ignored] = 255
    return logits, target


def plain_dice(logits, target):
    kept = target != 255
    probabilities = logits.softmax(1).permute(0, 2, 3, 1)[kept]
    truth = functional.one_hot(target[kept], logits.shape[1]).float()
    overlap, total = (probabilities * truth).sum(0), probabilities.sum(0) + truth.sum(0)
    present = truth.sum(0) > 0
    return 1 - (2 * overlap[present] / total[present]).mean()


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), channels_last=st.booleans())
def test_each_term_is_what_its_name_says(seed, channels_last):
    logits, target = batch(seed)
    if channels_last:
        logits = logits.to(memory_format=torch.channels_last)
    weights = torch.tensor([0.5, 1.0, 2.0, 3.0])
    expected = {
        "ce": functional.cross_entropy(logits, target, ignore_index=255),
        "weighted_ce": functional.cross_entropy(logits, target, weights, ignore_index=255),
        "dice": plain_dice(logits, target),
    }
    for name, value in expected.items():
        torch.testing.assert_close(SegmentationLoss(((1.0, name),), class_weights=weights)(logits, target), value)
    both = SegmentationLoss(parse_loss("ce+0.5*dice"))(logits, target)
    torch.testing.assert_close(both, expected["ce"] + 0.5 * expected["dice"])


def test_label_smoothing_is_torchs():
    logits, target = batch(3)
    found = SegmentationLoss(((1.0, "ce"),), label_smoothing=0.1)(logits, target)
    torch.testing.assert_close(found, functional.cross_entropy(logits, target, ignore_index=255, label_smoothing=0.1))


@pytest.mark.parametrize("loss", ["ce", "dice", "ce+dice"])
def test_ignored_pixels_have_no_gradient(loss):
    logits, target = batch(5)
    logits.requires_grad_()
    SegmentationLoss(parse_loss(loss))(logits, target).backward()
    ignored = (target == 255)[:, None].expand_as(logits)
    assert (logits.grad[ignored] == 0).all() and (logits.grad[~ignored] != 0).any()


def test_a_batch_of_void_alone_teaches_nothing():
    logits, target = batch(1, ignored=1.1)
    logits.requires_grad_()
    loss = SegmentationLoss(parse_loss("ce+dice"))(logits, target)
    loss.backward()
    assert loss.item() == 0 and (logits.grad == 0).all()


def test_median_frequency_weights_by_hand():
    # Class 0 in both images (60 of 200), class 1 in the first only (50 of 100), class 2 in the second (90 of 100).
    pixels = np.array([[50, 50, 0, 0], [10, 0, 90, 0]], np.int64)
    np.testing.assert_allclose(median_frequency_weights(pixels, limit=100), [0.5 / 0.3, 1.0, 0.5 / 0.9, 1.0], rtol=1e-6)
    assert median_frequency_weights(pixels, limit=1.2)[0] == pytest.approx(1.2)
