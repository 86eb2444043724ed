"""Losses against plain references, torch's own and smp's; over processes; and what must never happen to a training."""

import itertools
import math
import threading

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from segcore.errors import ConfigError
from segcore.training.losses import SegmentationLoss, class_weights
from segcore.training.losses.terms import near_boundary
from segcore.training.registry import LOSSES, parse_loss

WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 3.0])
EVERY = "+".join(LOSSES)
BIN = 3e-4  # what counting errors in bins may cost lovasz
quick = settings(max_examples=30)


def batch(seed, classes=4, ignored=0.3, images=2, size=(6, 5), scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(images, classes, *size, generator=generator)
    target = torch.randint(0, classes, (images, *size), generator=generator)
    target[torch.rand(target.shape, generator=generator) < ignored] = 255
    return logits, target


def loss(name, **options):
    return SegmentationLoss(parse_loss(name), **options)


def scored(logits, target):
    """`[P, C]` logits and `[P]` ids of the pixels that count."""
    kept = target != 255
    return logits.permute(0, 2, 3, 1)[kept], target[kept]


def plain_dice(logits, target):
    logits, ids = scored(logits, target)
    probabilities, truth = logits.softmax(1), functional.one_hot(ids, logits.shape[1]).float()
    overlap, total = (probabilities * truth).sum(0), probabilities.sum(0) + truth.sum(0)
    present = truth.sum(0) > 0
    return 1 - (2 * overlap[present] / total[present]).mean()


def plain_focal(logits, target, gamma):
    logits, ids = scored(logits, target)
    p = logits.softmax(1).gather(1, ids[:, None])[:, 0]
    return ((1 - p) ** gamma * -p.log()).mean()


def lovasz_extension(errors, own):
    """The integral over t in 0..1 of 1 - IoU when exactly the pixels with an error above t are wrong."""
    levels = sorted({0.0, *errors.tolist()})
    area = 0.0
    for low, high in itertools.pairwise(levels):
        wrong = errors > low
        area += (high - low) * float(wrong.sum() / (own | wrong).sum())
    return area


def plain_lovasz(logits, target):
    images = []
    for one, ids in zip(logits.double(), target, strict=True):
        rows, ids = scored(one[None], ids[None])
        classes = [
            lovasz_extension((rows.softmax(1)[:, c] - (ids == c).double()).abs(), ids == c) for c in ids.unique()
        ]
        images += [sum(classes) / len(classes)] if classes else []
    return sum(images) / len(images)


@quick
@given(seed=st.integers(0, 10_000), channels_last=st.booleans(), classes=st.sampled_from([2, 4, 17]))
def test_each_loss_is_what_its_name_says(seed, channels_last, classes):
    logits, target = batch(seed, classes)
    if channels_last:
        logits = logits.to(memory_format=torch.channels_last)
    weights = torch.linspace(0.5, 3, classes)
    expected = {
        "ce": functional.cross_entropy(logits, target, ignore_index=255),
        "weighted_ce": functional.cross_entropy(logits, target, weights, ignore_index=255),
        "dice": plain_dice(logits, target),
        "focal": plain_focal(logits, target, 2.0),
    }
    for name, value in expected.items():
        torch.testing.assert_close(loss(name, class_weights=weights)(logits, target), value)
    torch.testing.assert_close(loss("ce+0.5*dice")(logits, target), expected["ce"] + 0.5 * expected["dice"])
    assert 0 <= plain_lovasz(logits, target) - loss("lovasz")(logits, target).item() + 1e-6 < BIN


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_label_smoothing_is_torchs(weights):
    logits, target = batch(3)
    result = loss("ce" if weights is None else "weighted_ce", class_weights=weights, label_smoothing=0.1)
    expected = functional.cross_entropy(logits, target, weights, ignore_index=255, label_smoothing=0.1)
    torch.testing.assert_close(result(logits, target), expected)


def test_focal_without_gamma_is_cross_entropy():
    logits, target = batch(4)
    torch.testing.assert_close(loss("focal", focal_gamma=0)(logits, target), loss("ce")(logits, target))


# Lovasz


@pytest.mark.parametrize("scale", [0.05, 1.0, 4.0, 15.0])
@pytest.mark.parametrize("classes", [3, 20])
def test_lovasz_is_smps_in_value_and_gradient(scale, classes):
    logits, target = batch(7, classes, images=3, size=(40, 50), scale=scale)
    # Where classes are right, as after some training; noise alone never has small errors on the class itself.
    logits.scatter_add_(1, target.where(target != 255, 0)[:, None], torch.full((3, 1, 40, 50), 2 * scale))
    values, gradients = [], []
    for function in (smp.losses.LovaszLoss("multiclass", per_image=True, ignore_index=255), loss("lovasz")):
        given = logits.clone().requires_grad_()
        value = function(given, target)
        value.backward()
        values.append(value.item())
        gradients.append(given.grad)
    assert abs(values[0] - values[1]) < BIN / 5  # of the bound, little is used
    assert (gradients[0] - gradients[1]).abs().sum() < 0.02 * gradients[0].abs().sum()


def test_lovasz_of_sure_answers_is_one_minus_iou():
    target = torch.tensor([[[0, 0, 0, 0, 1, 1, 255, 255]]])
    answer = torch.tensor([[[0, 0, 0, 1, 1, 0, 0, 1]]])
    logits = 100.0 * functional.one_hot(answer, 3).permute(0, 3, 1, 2).float()
    assert loss("lovasz")(logits, target).item() == pytest.approx(1 - (3 / 5 + 1 / 3) / 2, abs=1e-6)


def test_errors_in_one_bin_are_in_no_order_and_cost_less_than_its_width():
    # 50 pixels of the class and 50 others, all errors within 1e-4 of each other: the worst for bins.
    errors = 0.4 + torch.linspace(0, 1e-4, 100).double()
    target = (torch.arange(100) % 2)[None, None]
    p = torch.where(target == 1, 1 - errors, errors)  # of class 1
    logits = torch.stack([(1 - p).log(), p.log()], dim=1)
    assert 0 <= plain_lovasz(logits, target) - loss("lovasz")(logits, target).item() + 1e-9 < 1e-4


def test_an_image_of_void_alone_is_no_image_for_lovasz():
    logits, target = batch(2, images=3)
    target[1] = 255
    others = loss("lovasz")(logits[[0, 2]], target[[0, 2]])
    torch.testing.assert_close(loss("lovasz")(logits, target), others)


@pytest.mark.parametrize("name", [*LOSSES, EVERY])
@pytest.mark.parametrize("classes", [3, 17])
def test_gradients_are_those_of_the_value(name, classes):
    logits, target = batch(11, classes, size=(3, 4))
    function = loss(name, class_weights=torch.linspace(0.5, 2, classes), label_smoothing=0.05, boundary_width=1)
    for layout in (torch.contiguous_format, torch.channels_last):
        given = logits.double().to(memory_format=layout).requires_grad_()
        assert torch.autograd.gradcheck(
            lambda x: function(x, target), (given,), eps=1e-7, atol=1e-5, fast_mode=classes > 3
        )


# Hard pixels and boundaries


def sure(probabilities):
    """Logits of two classes, `[1, 2, 1, P]`, with these probabilities of class 0, and its target."""
    p = torch.tensor(probabilities)
    return torch.stack([p.log(), (1 - p).log()])[None, :, None], torch.zeros(1, 1, len(p), dtype=torch.int64)


def test_ohem_takes_pixels_below_the_threshold():
    logits, target = sure([0.9, 0.6, 0.3, 0.8])
    expected = -(math.log(0.6) + math.log(0.3)) / 2
    assert loss("ohem", ohem_threshold=0.7, ohem_keep=0.25)(logits, target).item() == pytest.approx(expected)


def test_ohem_takes_the_hardest_share_when_few_are_hard():
    logits, target = sure([0.9, 0.6, 0.3, 0.8, 0.01, 0.02])
    target[..., 4:] = 255
    expected = -(math.log(0.8) + math.log(0.6) + math.log(0.3)) / 3  # 3 of 4 scored
    assert loss("ohem", ohem_threshold=0.4, ohem_keep=0.75)(logits, target).item() == pytest.approx(expected)


def test_ohem_of_everything_is_cross_entropy():
    logits, target = batch(6)
    torch.testing.assert_close(loss("ohem", ohem_keep=1.0)(logits, target), loss("ce")(logits, target))


def plain_near(target, width):
    """By definition: a pair of differing neighbours has one of its pixels at most `width - 1` away."""
    images, height, width_ = target.shape
    near = torch.zeros(target.shape, dtype=torch.bool)
    for n, y, x, (dy, dx) in itertools.product(range(images), range(height), range(width_), ((0, 1), (1, 0))):
        if y + dy < height and x + dx < width_:
            here, there = target[n, y, x], target[n, y + dy, x + dx]
            if here != there and 255 not in (here, there):
                for v, u in ((y, x), (y + dy, x + dx)):
                    near[n, max(0, v - width + 1) : v + width, max(0, u - width + 1) : u + width] = True
    return near


@quick
@given(seed=st.integers(0, 10_000), width=st.integers(1, 9), size=st.tuples(st.integers(1, 8), st.integers(1, 8)))
def test_near_a_boundary_is_by_definition(seed, width, size):
    _, target = batch(seed, classes=2, ignored=0.2, size=size)
    target[:, : size[0] // 2] = 0  # noise alone is all boundary
    assert torch.equal(near_boundary(target, width), plain_near(target, width))


def test_boundary_ce_weighs_both_sides_of_a_boundary_and_no_border_to_void():
    target = torch.tensor([[[255, 0, 0, 0, 0, 1, 1, 1]]])
    logits, _ = batch(9, classes=2, images=1, size=(1, 8))
    pixel = functional.cross_entropy(logits, target, ignore_index=255, reduction="none")[0, 0]
    weight = torch.tensor([0.0, 1, 1, 4, 4, 4, 4, 1])
    result = loss("boundary_ce", boundary_width=2, boundary_weight=4)(logits, target)
    torch.testing.assert_close(result, (pixel * weight).sum() / weight.sum())


# What a training meets


@pytest.mark.parametrize("name", [*LOSSES, EVERY])
def test_ignored_pixels_have_no_gradient(name):
    logits, target = batch(5, classes=17)
    logits.requires_grad_()
    loss(name, label_smoothing=0.1)(logits, target).backward()
    ignored = (target == 255)[:, None].expand_as(logits)
    assert (logits.grad[ignored] == 0).all() and (logits.grad[~ignored] != 0).any()


@pytest.mark.parametrize("name", [*LOSSES, EVERY])
def test_a_batch_of_void_alone_teaches_nothing(name):
    logits, target = batch(1, ignored=1.1)
    logits.requires_grad_()
    value = loss(name, class_weights=WEIGHTS, label_smoothing=0.1)(logits, target)
    value.backward()
    assert value.item() == 0 and (logits.grad == 0).all()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scale", [1e-3, 1e3])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_extreme_logits_leave_gradients_finite(name, scale, gamma):
    logits, target = batch(8, scale=scale)
    logits.requires_grad_()
    value = loss(name, focal_gamma=gamma)(logits, target)
    value.backward()
    assert value.isfinite() and logits.grad.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_logits_that_are_no_number_are_told(name, number):
    logits, target = batch(8)
    target[0, 0, 0] = 1
    logits[0, :, 0, 0] = number
    assert loss(name, class_weights=WEIGHTS)(logits, target).isnan()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("channels_last", [False, True])
def test_autocast_costs_no_digits(name, channels_last):
    logits, target = batch(8, classes=17)
    logits = logits.bfloat16()
    if channels_last:
        logits = logits.to(memory_format=torch.channels_last)
    logits.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(name)(logits, target)
    torch.testing.assert_close(value, loss(name)(logits.float(), target))
    value.backward()
    assert value.dtype == torch.float32 and logits.grad.dtype == torch.bfloat16 and logits.grad.abs().sum() > 0


@pytest.mark.parametrize("name", [*LOSSES, EVERY])
def test_inputs_are_left_alone(name):
    logits, target = batch(8)
    before = logits.clone(), target.clone()
    loss(name)(logits, target)
    assert torch.equal(logits, before[0]) and torch.equal(target, before[1])


# Over processes


def in_processes(function, shares):
    """Each share's value, with sums over threads that stand for processes; and how often each asked for one.

    The sum lets the gradient of each thread's own part through.
    """
    barrier, parts, requested = threading.Barrier(len(shares), timeout=60), [None] * len(shares), [0] * len(shares)
    values = [None] * len(shares)

    def process(rank):
        def total(value):
            parts[rank], requested[rank] = value, requested[rank] + 1
            barrier.wait()
            return value + sum(part.detach() for other, part in enumerate(parts) if other != rank)

        values[rank] = function(total)(*shares[rank])

    threads = [threading.Thread(target=process, args=(rank,)) for rank in range(len(shares))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return values, requested


@pytest.mark.parametrize("name", [*LOSSES, EVERY])
@pytest.mark.parametrize("void", [(), (0,), (2, 3), (0, 1, 2, 3)])
def test_processes_compute_the_loss_of_the_whole_batch(name, void):
    logits, target = batch(12, images=4)
    target[list(void)] = 255
    options = {"class_weights": WEIGHTS, "label_smoothing": 0.1, "ohem_keep": 1.0}  # all: ohem chooses by share
    whole = logits.clone().requires_grad_()
    expected = loss(name, **options)(whole, target)
    expected.backward()
    shares = [(logits[half].clone().requires_grad_(), target[half]) for half in (slice(0, 2), slice(2, 4))]
    values, requested = in_processes(lambda total: loss(name, total=total, **options), shares)
    assert requested == [1, 1]
    for value in values:
        torch.testing.assert_close(value, expected)
        value.backward()
    torch.testing.assert_close(torch.cat([share.grad for share, _ in shares]), whole.grad)


def test_ohem_chooses_within_each_share():
    easy, hard = sure([0.99, 0.98, 0.97, 0.96]), sure([0.5, 0.4, 0.3, 0.2])
    values, _ = in_processes(lambda total: loss("ohem", ohem_keep=0.5, total=total), [easy, hard])
    expected = -sum(map(math.log, (0.97, 0.96, 0.5, 0.4, 0.3, 0.2))) / 6
    assert [value.item() for value in values] == pytest.approx([expected] * 2)


def test_in_validation_each_process_is_alone():
    # Processes may have different numbers of validation batches: the last sum would wait for ever.
    logits, target = batch(3)
    alone = loss("ce+dice", total=lambda sums: pytest.fail("asked the others")).eval()
    torch.testing.assert_close(alone(logits, target), loss("ce+dice")(logits, target))


# Weights of classes


def test_median_frequency_weights_by_hand():
    # Class 0 in both images (60 of 200), class 1 in the first only (50 of 100), class 2 in the second (90 of 100).
    pixels = np.array([[50, 50, 0, 0], [10, 0, 90, 0]], np.int64)
    result = class_weights("median", pixels, limit=100)
    np.testing.assert_allclose(result, [0.5 / 0.3, 1.0, 0.5 / 0.9, 1.0], rtol=1e-6)
    assert class_weights("median", pixels, limit=1.2)[0] == pytest.approx(1.2)


def test_inverse_frequency_weights_by_hand():
    pixels = np.array([[100, 10, 0], [300, 90, 0]], np.int64)
    np.testing.assert_allclose(class_weights("inverse", pixels, limit=100), [0.5, 2.0, 1.0], rtol=1e-6)


def test_effective_weights_level_common_classes_and_invert_rare_ones():
    pixels = np.array([[9_000_000, 6_000_000, 2_000, 1_000]], np.int64)
    common, less, rare, rarer = class_weights("effective", pixels, limit=1e6)
    # A mean of 3 750 500 pixels; 1 - exp(-n / mean) of it is effective.
    assert common / less == pytest.approx((1 - math.exp(-6e6 / 3750750)) / (1 - math.exp(-9e6 / 3750750)), rel=1e-5)
    assert rarer / rare == pytest.approx(2, rel=1e-3)
    assert common * less * rare * rarer == pytest.approx(1, rel=1e-5)


@quick
@given(
    method=st.sampled_from(["median", "inverse", "effective"]),
    pixels=st.lists(st.lists(st.integers(0, 10**7), min_size=3, max_size=3), min_size=1, max_size=4),
    limit=st.floats(1, 100),
)
def test_weights_stay_within_the_limit_and_rare_classes_are_not_lighter(method, pixels, limit):
    pixels = np.array(pixels, np.int64)
    weights = class_weights(method, pixels, limit=limit)
    assert weights.dtype == np.float32 and weights.shape == (3,)
    assert ((weights >= 0.999 / limit) & (weights <= 1.001 * limit)).all()
    count = pixels.sum(axis=0)
    assert (weights[count == 0] == 1).all()
    if method != "median":  # which counts only the images that show a class
        seen = np.flatnonzero(count)
        order = seen[np.argsort(count[seen])]
        assert (np.diff(weights[order]) <= 1e-6).all()


def test_given_weights_go_by_name():
    pixels = np.zeros((1, 3), np.int64)
    result = class_weights({"Road": 0.0, "Pole": 20.0}, pixels, limit=2, names=("Sky", "Pole", "Road"))
    assert result.tolist() == [1.0, 20.0, 0.0]
    with pytest.raises(
        ConfigError,
        match=r"^class_weights \(--class-weights\): No class 'raod'\. Did you mean 'Road'\? Choose one of Sky, Road\.$",
    ):
        class_weights({"raod": 2.0}, pixels, limit=2, names=("Sky", "Road"))


def test_an_unknown_method_is_named():
    with pytest.raises(
        ConfigError, match=r"^No class weights 'medium'\. Did you mean 'median'\? Choose one of median, "
    ):
        class_weights("medium", np.ones((1, 2), np.int64), limit=2)
