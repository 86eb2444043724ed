"""A loss in a user's file, alone and in a sum."""

import pytest
import torch
from torch.nn import functional

from segcore.errors import CodeError, ConfigError
from segcore.extensions import trust
from segcore.training.losses.user_loss import check_loss
from segcore.training.losses.weighted_sum import SegmentationLoss
from segcore.training.registry import parse_loss

LOSS = """from torch.nn import functional

def mine(logits, target):
    sums = functional.cross_entropy(logits, target, ignore_index=255, reduction="sum")
    return sums / (target != 255).sum().clamp(min=1)
"""


@pytest.fixture
def name(tmp_path, monkeypatch):
    monkeypatch.setattr(trust, "store", lambda: tmp_path / "trusted-code.txt")
    (tmp_path / "my_losses.py").write_text(LOSS)
    return f"{tmp_path}/my_losses.py:mine"


def test_it_is_computed_in_a_sum(name):
    check_loss(name)
    logits, target = torch.randn(2, 3, 4, 5), torch.randint(0, 3, (2, 4, 5))
    value = SegmentationLoss(parse_loss(f"ce + 0.5*{name}"))(logits, target)
    assert torch.allclose(value, 1.5 * functional.cross_entropy(logits, target))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (".clamp(min=1)", "", r"of ignored pixels alone .* is .*nan"),
        ("return sums", "return logits", r"is a tensor \[2, 3, 8, 12\]; expected one finite number"),
        ("return sums", "return sums.detach()", r"has no finite gradient"),
        ("target):", "target, more):", r"fails: TypeError.* It is called with logits and target"),
        ("def mine", "def mime", r"defines no mine\. Did you mean 'mime'\?"),
    ],
)
def test_a_loss_that_breaks_a_promise(name, tmp_path, before, after, message):
    (tmp_path / "my_losses.py").write_text(LOSS.replace(before, after))
    with pytest.raises(CodeError, match=message):
        check_loss(name)


def test_an_unknown_one_says_that_a_file_may_be_given():
    with pytest.raises(ConfigError, match=r"Did you mean 'dice'\?.*FILE\.py:FUNCTION"):
        parse_loss("ce+dicee")
