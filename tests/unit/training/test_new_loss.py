"""To add a loss, its `Term` and its name in `LOSSES` suffice: a loss that only this test knows."""

import pytest
import torch

from segcore.errors import ConfigError
from segcore.training.command_line import parse
from segcore.training.losses.terms import TERMS, Term
from segcore.training.losses.weighted_sum import SegmentationLoss
from segcore.training.registry import LOSSES, parse_loss


def brier(pixels, _):
    """Mean squared distance of the true class's probability from 1."""
    squares = (1 - pixels.truth.exp()) ** 2
    return torch.stack([squares.where(pixels.kept, 0.0).sum(), pixels.kept.sum().to(squares.dtype)])


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(TERMS, "brier", Term(brier))
    monkeypatch.setitem(LOSSES, "brier", "squared distance from the truth (Brier 1950)")


def test_it_is_computed_alone_and_in_a_sum(registered):
    logits, target = torch.zeros(1, 2, 1, 2, requires_grad=True), torch.tensor([[[0, 255]]])
    loss = SegmentationLoss(parse_loss("brier"))(logits, target)
    loss.backward()
    assert loss.item() == pytest.approx(0.25) and logits.grad[0, 0, 0].tolist() == [pytest.approx(-0.25), 0.0]
    both = SegmentationLoss(parse_loss("ce+2*brier"))(logits, target)
    assert both.item() == pytest.approx(torch.log(torch.tensor(2.0)).item() + 0.5)


def test_a_training_takes_it_by_name(registered):
    assert parse(["--loss", "ce+0.5*brier"])[0].loss == "ce+0.5*brier"
    with pytest.raises(ConfigError, match=r"Did you mean 'brier'\?"):
        parse(["--loss", "briar"])


def test_every_loss_has_a_name_and_a_term():
    assert list(LOSSES) == list(TERMS)
