"""What every architecture of Segcore promises, whatever it is."""

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from segcore.models import MODELS, create_model, load_model, save_model, set_trainable
from segcore.models.base import AnySize

CLASSES = 3


@pytest.fixture(params=[name for name, spec in MODELS.items() if spec.source == "segcore"])
def model(request: pytest.FixtureRequest) -> AnySize:
    torch.manual_seed(7)
    return create_model(request.param, classes=CLASSES)


def scene(size: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Two pictures of sky above road with a car on it, by colour; ids [2, H, W]."""
    mask = torch.zeros(2, size, size, dtype=torch.long)
    mask[:, size // 2 :] = 1
    mask[0, size // 2 :, : size // 3] = 2
    mask[1, size // 2 :, -size // 3 :] = 2
    colours = torch.tensor([[-0.5, 0.0, 1.0], [-0.8, -0.8, -0.8], [1.0, -0.5, -0.5]])
    return colours[mask].permute(0, 3, 1, 2).contiguous(), mask


def test_keeps_the_image_size(model: AnySize) -> None:
    model.eval()
    for size in ((33, 47), (1, 1), (64, 50)):
        with torch.inference_mode():
            logits = model(torch.randn(1, 3, *size))
        assert logits.shape == (1, CLASSES, *size)
        assert torch.isfinite(logits).all()


def test_trains_and_every_part_gets_a_gradient(model: AnySize) -> None:
    image, mask = scene()
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)  # pretrained weights overshoot at more
    losses = []
    for step in range(4):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(image), mask)
        loss.backward()
        if step == 0:
            gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
            assert [name for name, gradient in gradients.items() if gradient is None] == []  # no dead weight
            for part in (True, False):
                reached = [g for name, g in gradients.items() if name.startswith("encoder.") == part]
                assert any(gradient.abs().sum() > 0 for gradient in reached)
        optimizer.step()
        losses.append(loss.item())
    assert all(torch.isfinite(torch.tensor(losses)))
    assert min(losses[-2:]) < losses[0]


def test_survives_save_and_load(model: AnySize, tmp_path) -> None:
    image, _ = scene()
    model.train()(image)  # moves the running statistics off their start
    with torch.inference_mode():
        expected = model.eval()(image)
        save_model(model, tmp_path / "exact", half=False)
        save_model(model, tmp_path / "half")
        exact, half = load_model(tmp_path / "exact"), load_model(tmp_path / "half")
        assert torch.equal(exact(image), expected)
        assert torch.allclose(half(image), expected, atol=0.05 * float(expected.abs().max()))
    for loaded in (exact, half):
        assert not loaded.training
        assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
        assert loaded.zoo_name == model.zoo_name
    # Of the model's own tensors: PSPNet's file also has what plain smp expects of the stages that it does not use.
    sizes = [stored_bytes(tmp_path / kind, model.state_dict()) for kind in ("half", "exact")]
    assert sizes[0] < 0.6 * sizes[1]


def stored_bytes(folder, names) -> int:
    return sum(tensor.nbytes for name, tensor in load_file(folder / "model.safetensors").items() if name in names)


def test_survives_save_pretrained_and_from_pretrained(model: AnySize, tmp_path) -> None:
    image, _ = scene()
    model.eval().save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path)
    with torch.inference_mode():
        assert torch.equal(loaded.eval()(image), model(image))


def test_a_frozen_encoder_stays_as_it_was(model: AnySize) -> None:
    image, mask = scene()
    set_trainable(model, "encoder")
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    nn.functional.cross_entropy(model(image), mask).backward()
    optimizer.step()
    assert all(torch.equal(value, before[name]) for name, value in model.encoder.state_dict().items())
