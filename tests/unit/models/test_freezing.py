import pytest
import torch
from torch import nn

from segcore.errors import ModelError
from segcore.models import count_parameters, create_model, parameter_groups, set_trainable
from segcore.models.base import AnySize


@pytest.fixture
def model() -> AnySize:
    return create_model("fpn", encoder="resnet18", encoder_weights=None, classes=2)


def frozen(model: AnySize) -> set[str]:
    names = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    return {".".join(name.split(".")[:2]) for name in names}


@pytest.mark.parametrize(
    ("freeze", "expected"),
    [
        ("none", set()),
        (0, set()),
        (1, {"conv1", "bn1"}),
        ("2", {"conv1", "bn1", "layer1"}),
        (5, {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}),
        ("encoder", {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}),
    ],
)
def test_freezes_the_first_stages(model: AnySize, freeze: str | int, expected: set[str]) -> None:
    set_trainable(model, freeze)
    assert frozen(model) == {f"encoder.{name}" for name in expected}


def test_frozen_statistics_stay_under_train(model: AnySize) -> None:
    set_trainable(model, 2)
    model.train()
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    model(torch.randn(2, 3, 64, 64))
    changed = {
        name.split(".")[0]
        for name, value in model.encoder.state_dict().items()
        if "running" in name and not torch.equal(value, before[name])
    }
    assert changed == {"layer2", "layer3", "layer4"}


def test_thawing_brings_the_statistics_back(model: AnySize) -> None:
    model.train()
    set_trainable(model, "encoder")
    assert not model.encoder.bn1.training
    set_trainable(model, "none")
    assert frozen(model) == set()
    assert model.encoder.bn1.training


def test_evaluation_stays_evaluation(model: AnySize) -> None:
    model.eval()
    set_trainable(model, 1)
    assert not any(module.training for module in model.modules())


@pytest.mark.parametrize("freeze", ["all", -1, 6, "1.5", ""])
def test_a_senseless_freeze(model: AnySize, freeze: str | int) -> None:
    with pytest.raises(
        ModelError, match=r"^freeze is .*; expected none, encoder, or how many encoder stages to freeze"
    ):
        set_trainable(model, freeze)


def test_groups_split_by_part_and_decay(model: AnySize) -> None:
    groups = parameter_groups(model, lr=0.01, encoder_lr_factor=0.1, weight_decay=0.05)
    summary = {group["name"]: (group["lr"], group["weight_decay"]) for group in groups}
    assert summary == {
        "encoder": (0.001, 0.05),
        "encoder_no_decay": (0.001, 0.0),
        "head": (0.01, 0.05),
        "head_no_decay": (0.01, 0.0),
    }
    assert sum(parameter.numel() for group in groups for parameter in group["params"]) == count_parameters(model)
    undecayed = {id(parameter) for group in groups if "no_decay" in group["name"] for parameter in group["params"]}
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            assert {id(module.weight), id(module.bias)} <= undecayed
        elif isinstance(module, nn.Conv2d):
            assert id(module.weight) not in undecayed
    torch.optim.AdamW(groups)


def test_frozen_parameters_are_in_no_group(model: AnySize) -> None:
    set_trainable(model, "encoder")
    assert [group["name"] for group in parameter_groups(model, lr=0.01)] == ["head", "head_no_decay"]


def test_counts(model: AnySize) -> None:
    assert count_parameters(nn.Linear(3, 2)) == 8
    total = count_parameters(model)
    set_trainable(model, "encoder")
    assert count_parameters(model) == total
    assert count_parameters(model, trainable=True) == total - count_parameters(model.encoder)
