import pytest
import segmentation_models_pytorch as smp
import torch

from segcore.errors import ModelError
from segcore.models import Normalization, count_parameters, normalization
from segcore.models.encoders import drop_unused_stages, parameter_stages, probe_image

IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        ("tu-tf_efficientnet_lite0", HALF),
        ("timm-tf_efficientnet_lite0", HALF),
        ("tu-resnet18", IMAGENET),
        ("tu-resnet50.a1_in1k", IMAGENET),
        ("resnet34", IMAGENET),
        ("vgg16_bn", IMAGENET),
        ("mit_b0", IMAGENET),
        ("inceptionv4", HALF),
        ("inceptionresnetv2", HALF),
        ("xception", HALF),
    ],
)
def test_each_encoder_has_its_own_normalization(encoder: str, expected: Normalization) -> None:
    for encoder_weights in ("imagenet", "none", None, "my.safetensors"):
        assert normalization(encoder, encoder_weights) == expected


def test_some_weights_want_another_normalization() -> None:
    assert normalization("efficientnet-b0", "imagenet") == IMAGENET
    assert normalization("efficientnet-b0", "advprop") == HALF
    assert normalization("dpn68").mean == pytest.approx((0.4863, 0.4588, 0.4078), abs=1e-4)
    assert normalization("dpn68").std == pytest.approx((0.2348, 0.2348, 0.2348), abs=1e-4)


def test_normalization_of_an_unknown_encoder() -> None:
    with pytest.raises(ModelError, match=r"No encoder 'rsnet34'\. Did you mean 'resnet34'"):
        normalization("rsnet34")


def test_stages_follow_the_features() -> None:
    encoder = smp.encoders.get_encoder("resnet18", weights=None)
    stages = parameter_stages(encoder)
    first = {"conv1": 1, "bn1": 1, "layer1": 2, "layer2": 3, "layer3": 4, "layer4": 5}
    assert stages == {name: first[name.split(".")[0]] for name, _ in encoder.named_parameters()}


def test_finding_stages_leaves_no_trace() -> None:
    encoder = smp.encoders.get_encoder("resnet18", weights=None).train()
    encoder.conv1.weight.requires_grad_(False)
    encoder.bn1.eval()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    parameter_stages(encoder)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert all(parameter.grad is None for parameter in encoder.parameters())
    assert not encoder.conv1.weight.requires_grad and encoder.layer1[0].conv1.weight.requires_grad
    assert not encoder.bn1.training and encoder.layer1.training


@pytest.mark.parametrize(
    "name", ["tu-tf_efficientnet_lite0", "resnet18", "mobilenet_v2", "efficientnet-b0", "mit_b0", "tu-convnext_atto"]
)
def test_unused_stages_go_and_features_stay(name: str) -> None:
    encoder = smp.encoders.get_encoder(name, depth=3, weights=None).eval()
    for module in encoder.modules():  # so that a skipped normalisation would show
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    with torch.inference_mode():
        before, size = encoder(probe_image(96)), count_parameters(encoder)
    dropped = drop_unused_stages(encoder)
    assert count_parameters(encoder) == size - dropped
    if name != "tu-convnext_atto":  # timm cuts that one by itself
        assert dropped > 0.5 * size
    assert all(torch.equal(old, new) for old, new in zip(before, encoder(probe_image(96)), strict=True))
    assert len(parameter_stages(encoder)) == len(list(encoder.parameters()))


def test_an_encoder_whose_features_would_change_keeps_everything() -> None:
    class Detached(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = torch.nn.Conv2d(3, 4, 1)
            self.hidden = torch.nn.Conv2d(4, 4, 1)  # takes part, but no gradient says so

        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            x = self.used(x)
            return [x, x + self.hidden(x).detach()]

    encoder = Detached()
    assert drop_unused_stages(encoder) == 0
    assert isinstance(encoder.hidden, torch.nn.Conv2d)
