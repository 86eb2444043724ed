"""The callback that tells the app how far a training is."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from segcore.labels import CAMVID11
from segcore.runs import live
from segcore.training.live_recorder import LiveRecorder

CLASSES = CAMVID11.classes


def batch(images):
    photos = torch.full((images, 8, 12, 3), 200, dtype=torch.uint8)
    return photos, torch.zeros(images, 8, 12, dtype=torch.uint8), torch.arange(images)


@pytest.fixture
def trainer():
    return SimpleNamespace(current_epoch=1, max_epochs=4, num_training_batches=10, num_val_batches=[5])


def test_the_last_step_of_an_epoch_is_always_told(trainer, tmp_path):
    recorder = LiveRecorder(tmp_path, CAMVID11, done=0)
    recorder.on_train_start(trainer, None)
    for step in range(10):
        recorder.on_train_batch_end(trainer, None, None, batch(2), step)
    progress = live.read_progress(tmp_path)
    assert (progress.epoch, progress.epochs, progress.step, progress.steps) == (1, 4, 10, 10)
    assert progress.left >= 0 and "validating" in progress.sentence()


@pytest.mark.parametrize(("batches", "rows"), [(5, 3), (2, 3), (1, 3)])
def test_three_images_of_the_split_are_drawn(trainer, tmp_path, batches, rows):
    trainer.num_val_batches = [batches]
    recorder = LiveRecorder(tmp_path, CAMVID11, done=0)
    for index in range(batches):
        logits = torch.nn.functional.one_hot(torch.full((4, 8, 12), 3), CLASSES).permute(0, 3, 1, 2).float()
        recorder.on_validation_batch_end(trainer, None, logits, batch(4), index)
    recorder.on_validation_end(trainer, None)
    sheet = np.asarray(Image.open(io.BytesIO(live.read_pictures(tmp_path))))
    height = round(260 * 8 / 12)
    assert sheet.shape == (rows * (height + 8) - 8, 3 * 268 - 8, 3)
    middle = sheet[height // 2]
    for place, color in ((130, (200, 200, 200)), (398, CAMVID11.colors[0]), (666, CAMVID11.colors[3])):
        assert np.allclose(middle[place], color, atol=8)


def test_nothing_is_left_after_the_training(trainer, tmp_path):
    recorder = LiveRecorder(tmp_path, CAMVID11, done=0)
    recorder.on_train_start(trainer, None)
    recorder.on_train_batch_end(trainer, None, None, batch(2), 0)
    assert live.read_progress(tmp_path) is not None
    recorder.on_exception(trainer, None, KeyboardInterrupt())
    assert live.read_progress(tmp_path) is None
