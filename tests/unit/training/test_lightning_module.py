"""The step of a training: averaged weights, frozen stages, a loss that goes wrong."""

import pytest
import torch

from segcore.errors import TrainingError
from segcore.models import create_model
from segcore.models.encoders import Normalization, parameter_stages
from segcore.training.config import build
from segcore.training.lightning_module import SegmentationModule
from segcore.training.losses import SegmentationLoss

HALF = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def module(**settings):
    config = build({"models": "fcn8s", "epochs": 3, "freeze": "none"} | settings)
    model = create_model("fcn8s", encoder="mobilenet_v2", encoder_weights=None, classes=3)
    return SegmentationModule(model, SegmentationLoss(((1.0, "ce"),)), HALF, config, classes=3, steps=30)


def test_without_averaging_the_model_itself_is_scored():
    result = module()
    assert result.scored is result.model and result.average is None


def test_averaged_weights_follow_by_the_decay():
    result = module(ema=0.9)
    mine, theirs = next(result.model.parameters()), next(result.scored.parameters())
    assert mine is not theirs and result.scored is not result.model
    with torch.no_grad():
        mine.fill_(1.0)
        result.average.update_parameters(result.model)  # the first copies
        assert (theirs == 1).all()
        expected = 1.0
        for step in range(1, 120):
            mine.fill_(2.0)
            result.average.update_parameters(result.model)
            expected += (1 - min(0.9, (1 + step) / (10 + step))) * (2.0 - expected)
        torch.testing.assert_close(theirs, torch.full_like(theirs, expected))
    counters = [buffer for name, buffer in result.scored.named_buffers() if name.endswith("num_batches_tracked")]
    assert counters and not counters[0].is_floating_point()


def test_frozen_stages_keep_weights_and_statistics_until_they_thaw():
    result = module(freeze="schedule", unfreeze={1: 3, 2: 0})
    optimizer = result.configure_optimizers()["optimizer"]
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    encoder = result.model.encoder
    assert all(id(parameter) in held for parameter in encoder.parameters())  # what thaws later is there already
    stages = parameter_stages(encoder)
    for epoch, frozen in ((0, 5), (1, 3), (2, 0)):
        result.freeze_for(epoch)
        result.train()
        trained = {name for name, parameter in encoder.named_parameters() if parameter.requires_grad}
        assert trained == {name for name in dict(encoder.named_parameters()) if stages.get(name, 0) > frozen}
        norms = [layer for layer in encoder.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
        assert {layer.training for layer in norms} == ({False} if frozen == 5 else {True, False} if frozen else {True})


def test_a_loss_that_is_no_number_stops_with_advice():
    result = module(lr=1.0)
    with pytest.raises(TrainingError, match=r"The training loss became nan .*Lower the learning rate \(--lr, now 1\)"):
        result.check_divergence(torch.tensor(float("nan")), 0)


def test_a_loss_that_climbs_stops_before_it_is_infinite():
    result = module(lr=1.0)
    with pytest.raises(TrainingError, match=r"The training diverges: its loss rose from 2 to .* Lower the "):
        for step in range(200):
            result.check_divergence(torch.tensor(2.0 + step), step)


def test_a_first_batch_without_a_scored_pixel_says_nothing():
    result = module()
    for step in range(100):
        result.check_divergence(torch.tensor(0.0 if step == 0 else 2.0), step)
    with pytest.raises(TrainingError, match=r"its loss rose from 2 to"):
        for step in range(200):
            result.check_divergence(torch.tensor(2.0 + step), step)


def test_a_start_with_an_easy_batch_goes_on():
    result = module()
    for step in range(100):
        result.check_divergence(torch.tensor(0.01 if step == 0 else 0.9), step)


def test_a_loss_that_jumps_once_goes_on():
    result = module()
    for step in range(100):
        result.check_divergence(torch.tensor(30.0 if step == 50 else 2.0), step)
