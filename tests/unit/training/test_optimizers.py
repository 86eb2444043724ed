"""Optimizers against torch's plain loops, and schedules against hand-computed values and torch's own."""

import copy
import io

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from segcore.errors import ConfigError
from segcore.models import create_model, parameter_groups
from segcore.training.config import build
from segcore.training.optimizers import create_optimizer, learning_rate_factor
from segcore.training.registry import OPTIMIZERS, SCHEDULES

FALLING = [name for name in SCHEDULES if name != "constant"]

# Optimizers


def plain(name, groups, config):
    """What each name means, with torch's plain loops."""
    if name == "sgd":
        return torch.optim.SGD(
            groups, lr=1, momentum=config.momentum, nesterov=config.nesterov and config.momentum > 0, foreach=False
        )
    if name == "rmsprop":
        return torch.optim.RMSprop(groups, lr=1, momentum=config.momentum, foreach=False)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name](groups, lr=1, foreach=False)


def twice(config, parameters):
    """Two copies of parameters, each with its optimizer: ours and the plain one; decay on the first alone."""
    sides = []
    for make in (create_optimizer, lambda config, groups: plain(config.optimizer, groups, config)):
        own = [torch.nn.Parameter(parameter.clone()) for parameter in parameters]
        groups = [
            {"params": own[:1], "lr": 0.1, "weight_decay": 0.05},
            {"params": own[1:], "lr": 0.01, "weight_decay": 0.0},
        ]
        sides.append((own, make(config, groups)))
    return sides


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("nesterov", [True, False])
def test_steps_are_torchs_also_when_parameters_thaw_later(name, momentum, nesterov):
    config = build({"optimizer": name, "momentum": momentum, "nesterov": nesterov})
    generator = torch.Generator().manual_seed(1)
    sides = twice(config, [torch.randn(5, 4, generator=generator), torch.randn(4, generator=generator)])
    for step in range(4):
        gradients = [torch.randn(5, 4, generator=generator), torch.randn(4, generator=generator)]
        for own, optimizer in sides:
            for index, gradient in enumerate(gradients):
                frozen = index == 1 and step < 2
                own[index].grad = None if frozen else gradient.clone()
            optimizer.step()
    for ours, theirs in zip(*(own for own, _ in sides), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_model_in_channels_last_steps_as_with_plain_loops(name):
    # Fused kernels read in the order of memory: a gradient laid out otherwise than its weight would be misread.
    config = build({"optimizer": name})
    model = create_model("fcn8s", encoder_weights=None, classes=3).to(memory_format=torch.channels_last)
    image = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    result = []
    for make in (create_optimizer, lambda config, groups: plain(config.optimizer, groups, config)):
        mine = copy.deepcopy(model)
        optimizer = make(config, parameter_groups(mine, lr=1e-3, weight_decay=0.01))
        with torch.autocast("cpu", torch.bfloat16):
            mine(image.to(memory_format=torch.channels_last)).float().square().mean().backward()
        for parameter in mine.parameters():
            parameter.grad.sign_()  # Adam divides by a gradient's size: the rounding of tiny ones would show
        for _ in range(2):
            optimizer.step()
        result.append(list(mine.parameters()))
    for ours, theirs in zip(*result, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_loaded_optimizer_goes_on_to_the_same_bits(name):
    config = build({"optimizer": name})
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(6, 4, 3, 3, generator=generator).to(memory_format=torch.channels_last)
    gradients = [torch.randn(6, 4, 3, 3, generator=generator) for _ in range(4)]

    def step(parameter, optimizer, gradient):
        parameter.grad = gradient.to(memory_format=torch.channels_last)
        optimizer.step()

    straight = torch.nn.Parameter(start.clone())
    optimizer = create_optimizer(config, [{"params": [straight], "lr": 0.1, "weight_decay": 0.0}])
    for gradient in gradients[:2]:
        step(straight, optimizer, gradient)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    resumed = torch.nn.Parameter(straight.detach().clone())
    loaded = create_optimizer(config, [{"params": [resumed], "lr": 0.1, "weight_decay": 0.0}])
    loaded.load_state_dict(torch.load(file, weights_only=True))
    for gradient in gradients[2:]:
        step(straight, optimizer, gradient)
        step(resumed, loaded, gradient)
    assert torch.equal(straight, resumed)


def test_norms_and_biases_are_not_decayed_and_the_head_has_its_own_rate():
    model = create_model("deeplabv2", encoder_weights=None, classes=3)
    groups = parameter_groups(model, lr=1e-3, encoder_lr_factor=0.5, head_lr_factor=4, weight_decay=0.01)
    optimizer = create_optimizer(build({}), groups)
    for group in optimizer.param_groups:
        assert group["lr"] == pytest.approx(5e-4 if group["name"].startswith("encoder") else 4e-3)
        assert all((parameter.ndim > 1) == (group["weight_decay"] > 0) for parameter in group["params"])


# Schedules


def made(schedule, *, steps=120, warmup=0.0, steps_per_epoch=10, **options):
    return learning_rate_factor(schedule, steps=steps, warmup=warmup, steps_per_epoch=steps_per_epoch, **options)


@pytest.mark.parametrize(
    ("schedule", "values"),
    [  # after a warm-up of 20 steps of 120, in epochs of 10 steps: at steps 20, 45, 70, 119 and 120
        ("constant", (1, 1, 1, 1, 1)),
        ("step", (1, 0.5, 0.25, 0.5**4, 0.5**5)),
        ("exponential", (1, 0.5**1.25, 0.5**2.5, 0.5**4.95, 0.5**5)),
        ("cosine", (1, 0.853553, 0.5, 0.000247, 0)),
        ("poly", (1, 0.75**0.5, 0.5**0.5, 0.1, 0)),
        ("one-cycle", (1, 0.853553, 0.5, 0.000247, 0)),
    ],
)
def test_schedules_by_hand(schedule, values):
    factor = made(schedule, warmup=1 / 6, power=0.5, decay=0.5, decay_epochs=2)
    assert [factor(step) for step in (20, 45, 70, 119, 120)] == pytest.approx(values, abs=1e-6)


def torchs(scheduler, steps, **options):
    """torch's own factors, of a rate of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    made = scheduler(optimizer, **options)
    factors = []
    for _ in range(steps):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made.step()
    return factors


@pytest.mark.parametrize(
    ("schedule", "scheduler", "options"),
    [
        ("step", lr_scheduler.StepLR, {"step_size": 25, "gamma": 0.3}),
        ("exponential", lr_scheduler.ExponentialLR, {"gamma": 0.3 ** (1 / 25)}),
        ("cosine", lr_scheduler.CosineAnnealingLR, {"T_max": 120}),
        ("poly", lr_scheduler.PolynomialLR, {"total_iters": 120, "power": 2.0}),
    ],
)
def test_schedules_are_torchs(schedule, scheduler, options):
    factor = made(schedule, decay=0.3, decay_epochs=2.5, power=2.0)
    assert [factor(step) for step in range(120)] == pytest.approx(torchs(scheduler, 120, **options), abs=1e-9)


def test_one_cycle_is_torchs_with_its_warm_up():
    # torch's phases end on the last of 121 steps, ours one after the last of 120.
    options = {"max_lr": 1.0, "total_steps": 121, "pct_start": 31 / 121, "div_factor": 25, "final_div_factor": 1e15}
    factor = made("one-cycle", warmup=0.25)
    expected = torchs(lr_scheduler.OneCycleLR, 120, **options)
    assert [factor(step) for step in range(120)] == pytest.approx(expected, abs=1e-9)


@given(
    schedule=st.sampled_from(list(SCHEDULES)),
    steps=st.integers(1, 400),
    warmup=st.floats(0, 0.999),
    steps_per_epoch=st.integers(1, 50),
    decay=st.floats(0.01, 1),
    decay_epochs=st.floats(0.1, 20),
    power=st.floats(0.1, 5),
)
def test_rates_rise_to_one_and_fall_from_there(schedule, steps, warmup, steps_per_epoch, decay, decay_epochs, power):
    factor = made(
        schedule,
        steps=steps,
        warmup=warmup,
        steps_per_epoch=steps_per_epoch,
        decay=decay,
        decay_epochs=decay_epochs,
        power=power,
    )
    factors = [factor(step) for step in range(steps)]
    rising = min(round(warmup * steps), steps - 1)
    assert factors[rising] == 1
    assert factors == [*sorted(factors[:rising]), *sorted(factors[rising:], reverse=True)]
    assert min(factors) >= 0  # 0.5 to the power of 1,080 is 0 as a float
    if rising:
        assert factors[0] == pytest.approx(1 / 25) and max(factors[:rising]) < 1
    assert 0 <= factor(steps + 3) <= factors[-1]  # a step too many, as after a last batch counted twice


@pytest.mark.parametrize("schedule", FALLING)
def test_what_falls_has_fallen(schedule):
    factor = made(schedule, decay=0.1, decay_epochs=4)
    assert factor(119) < 0.02 and factor(119) < factor(60) < factor(0)


def test_an_unknown_schedule_is_named():
    with pytest.raises(ConfigError, match=r"^No schedule 'cosin'\. Did you mean 'cosine'\? Choose one of constant, "):
        made("cosin")
