"""What draws do to class shares, light and labels, on pictures small enough to count."""

import cv2
import numpy as np
import pytest

from segcore.augment import Pipeline, Step
from segcore.augment.effect import (
    BRIGHTNESS,
    CONTRAST,
    Effect,
    PictureStatistics,
    measure,
    speed_sentence,
    workers_needed,
)
from segcore.errors import AugmentError


def always(name, **values):
    return Pipeline((Step.create(name, 1.0, **values),))


@pytest.fixture
def pair():
    """8 x 10: the left half class 0 and black, the right half class 1 and white, one column ignored."""
    mask = np.zeros((8, 10), np.uint8)
    mask[:, 5:], mask[:, 9] = 1, 255
    image = np.zeros((8, 10, 3), np.uint8)
    image[:, 5:] = 255
    return image, mask


def test_counts_by_hand(pair):
    side = PictureStatistics.of(*pair, 3)
    assert side.pixels.tolist() == [40, 32, 0]
    assert (side.ignored, side.scored, side.total, side.clipped) == (8, 72, 80, 80)
    assert side.images.tolist() == [1, 1, 0]
    assert side.shares == pytest.approx([40 / 72, 32 / 72, 0])
    assert BRIGHTNESS[side.brightness.argmax()] <= 127.5 < BRIGHTNESS[side.brightness.argmax() + 1]
    assert CONTRAST[side.contrast.argmax()] <= 127.5 < CONTRAST[side.contrast.argmax() + 1]


def test_nothing_changes_nothing(pair):
    effect = measure(Pipeline(), [pair] * 3, range(3), 3)
    assert effect.draws == effect.tried == 3
    assert effect.lost == 0 and effect.invented == () and effect.failures == () and effect.resized == 0
    assert effect.clipping == (1.0, 1.0)
    np.testing.assert_array_equal(effect.class_shift(), [1, 1, np.nan])
    np.testing.assert_array_equal(effect.kept(), [1, 1, np.nan])
    assert effect.before.brightness.tolist() == effect.after.brightness.tolist()


def test_a_shift_loses_pixels_and_a_class(pair):
    image, mask = pair
    mask = mask.copy()
    mask[:, 9] = 2  # only at the edge
    shift = {"scale": (1, 1), "translate_percent": (0.5, 0.5), "rotate": (0, 0), "shear": (0, 0)}
    effect = measure(always("Affine", **shift), [(image, mask)] * 2, range(2), 3)  # a quarter is left, of class 0
    assert effect.lost == pytest.approx(0.75)
    assert effect.before.images.tolist() == [2, 2, 2] and effect.after.images.tolist() == [2, 0, 0]
    assert effect.after.ignored == 2 * 60
    assert effect.class_shift().tolist() == [2, 0, 0] and effect.kept().tolist() == [1, 0, 0]


def test_a_class_that_was_not_there_is_invented(pair):
    class Wrong:
        active = ()

        def __call__(self, image, mask, seed):
            return image, np.where(mask == 0, 7, mask).astype(np.uint8)

    assert measure(Wrong(), [pair], [0], 3).invented == (7,)


def test_a_darker_picture_moves_the_histogram_to_the_left(pair):
    image, mask = np.full((8, 10, 3), 200, np.uint8), pair[1]
    pipeline = always("RandomBrightnessContrast", brightness_limit=(-0.5, -0.5), contrast_limit=(0, 0))
    effect = measure(pipeline, [(image, mask)], [0], 3)
    assert effect.after.brightness.argmax() < effect.before.brightness.argmax() == 200 // 8


def test_parts_add_up_to_the_whole_and_repeat(pair):
    pipeline = Pipeline((Step.create("Rotate", 0.7, limit=(-90, 90)), Step.create("RandomBrightnessContrast")))
    whole = measure(pipeline, [pair] * 6, range(6), 3)
    parts = measure(pipeline, [pair] * 2, range(2), 3) + measure(pipeline, [pair] * 4, range(2, 6), 3)
    for name in ("pixels", "images", "brightness", "contrast", "ignored", "clipped"):
        for side in ("before", "after"):
            np.testing.assert_array_equal(getattr(getattr(whole, side), name), getattr(getattr(parts, side), name))
    assert (whole.draws, whole.invented) == (parts.draws, parts.invented)
    assert Effect.empty(3).draws == 0 and Effect.empty(3).lost == 0 and np.isnan(Effect.empty(3).milliseconds)


def test_another_size_is_brought_back_as_training_does(pair):
    class Half:
        active = ()

        def __call__(self, image, mask, seed):
            return image[::2, ::2], mask[::2, ::2]

    effect = measure(Half(), [pair], [0], 3)
    assert effect.resized == 1 and effect.after.total == effect.before.total == 80


def test_failures_are_told_and_not_counted(pair):
    class Picky:
        active = ()

        def __call__(self, image, mask, seed):
            if seed % 2:
                raise AugmentError("RandomCrop can't take a picture of 8x10.")
            return image, mask

    effect = measure(Picky(), [pair] * 5, range(5), 3)
    assert (effect.draws, effect.tried) == (3, 5)
    assert effect.failures == (("RandomCrop can't take a picture of 8x10.", 2),)
    assert (effect + effect).failures[0][1] == 4


def test_times_are_there_and_opencv_keeps_its_threads(pair):
    threads = cv2.getNumThreads()
    effect = measure(always("GaussianBlur"), [pair] * 4, range(4), 3)
    assert cv2.getNumThreads() == threads
    assert effect.milliseconds > 0


def test_inputs_stay_untouched(pair):
    image, mask = pair[0].copy(), pair[1].copy()
    measure(always("Rotate"), [pair], [1], 3)
    np.testing.assert_array_equal(pair[0], image)
    np.testing.assert_array_equal(pair[1], mask)


@pytest.mark.parametrize(
    ("milliseconds", "images_per_second", "workers"), [(3.1, 3, 1), (10, 100, 1), (10, 101, 2), (20, 120, 3), (0, 9, 1)]
)
def test_workers(milliseconds, images_per_second, workers):
    assert workers_needed(milliseconds, images_per_second) == workers


def test_the_sentence_rounds_to_what_is_known():
    assert "one worker feeds 2,200 images a second." in speed_sentence(0.451)
    assert "takes 140 ms an image: one worker feeds 7.1 images a second." in speed_sentence(140.2)
