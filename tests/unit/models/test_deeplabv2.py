import torch
from torch import nn

from segcore.models import create_model, parameter_groups


def test_four_biased_convolutions_are_summed() -> None:
    model = create_model("deeplabv2", encoder="resnet18", encoder_weights=None, classes=4).eval()
    branches = list(model.decoder.branches)
    assert [branch.dilation for branch in branches] == [(6, 6), (12, 12), (18, 18), (24, 24)]
    assert all(isinstance(branch, nn.Conv2d) and branch.bias is not None for branch in branches)
    with torch.inference_mode():
        features = model.encoder(torch.randn(1, 3, 64, 64))
        assert features[-1].shape[-2:] == (8, 8)  # output stride 8
        scores = model.decoder(features)
        assert torch.allclose(scores, sum(branch(features[-1]) for branch in branches), atol=1e-5)
        assert model.segmentation_head(scores).shape == (1, 4, 64, 64)


def test_it_starts_small() -> None:
    torch.manual_seed(7)
    model = create_model("deeplabv2", encoder="resnet18", encoder_weights=None, classes=4)
    weights = torch.cat([branch.weight.flatten() for branch in model.decoder.branches]).detach()
    assert 0.0098 < float(weights.std()) < 0.0102
    assert all(not branch.bias.any() for branch in model.decoder.branches)


def test_its_head_learns_ten_times_as_fast() -> None:
    model = create_model("deeplabv2", encoder="resnet18", encoder_weights=None, classes=4)
    rates = {group["name"]: group["lr"] for group in parameter_groups(model, lr=0.01)}
    assert rates == {"encoder": 0.01, "encoder_no_decay": 0.01, "head": 0.1, "head_no_decay": 0.1}
    assert parameter_groups(model, lr=0.01, head_lr_factor=1)[2]["lr"] == 0.01
