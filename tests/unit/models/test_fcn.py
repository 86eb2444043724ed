import pytest
import torch
from torch import nn

from segcore.errors import ModelError
from segcore.models import count_parameters, create_model
from segcore.models.fcn import FCN, BilinearUpsample, bilinear_kernel


def test_the_kernel_of_a_doubling() -> None:
    line = torch.tensor([0.25, 0.75, 0.75, 0.25])
    assert torch.equal(bilinear_kernel(2), line[:, None] * line)


@pytest.mark.parametrize("factor", [2, 8, 16, 32])
def test_learned_upsampling_starts_as_the_fixed_one(factor: int) -> None:
    """Away from the border, where a transposed convolution sees zeros."""
    scores = torch.randn(2, 3, 6, 5)
    upsampled = BilinearUpsample(3, factor, learn=True)(scores)
    expected = BilinearUpsample(3, factor)(scores)
    assert upsampled.shape == expected.shape
    inside = (..., slice(factor, -factor), slice(factor, -factor))
    assert torch.allclose(upsampled[inside], expected[inside], atol=1e-5)


def test_the_kernels_are_constants_unless_learned() -> None:
    assert count_parameters(BilinearUpsample(3, 8)) == 0
    assert BilinearUpsample(3, 8).state_dict() == {}
    assert count_parameters(BilinearUpsample(3, 8, learn=True)) == 3 * 16 * 16
    learned = create_model("fcn8s", encoder_weights=None, classes=2, learn_upsampling=True)
    fixed = create_model("fcn8s", encoder_weights=None, classes=2)
    assert count_parameters(learned) - count_parameters(fixed) == 2 * (4 * 4 + 4 * 4 + 16 * 16)


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_scores_are_fused_at_the_stride(stride: int) -> None:
    model = create_model(f"fcn{stride}s", encoder="resnet18", encoder_weights=None, classes=5).eval()
    assert [skip.in_channels for skip in model.decoder.skips] == [256, 128][: {8: 2, 16: 1, 32: 0}[stride]]
    with torch.inference_mode():
        scores = model.decoder(model.encoder(torch.randn(1, 3, 64, 96)))
    assert scores.shape == (1, 5, 64 // stride, 96 // stride)


def test_a_finer_net_starts_as_the_coarser_one() -> None:
    """Skip scores are zero, so FCN-8s is at first the deepest scores, doubled twice and upsampled 8 times."""
    model = create_model("fcn8s", encoder="resnet18", encoder_weights=None, classes=3).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        scores = model.decoder.score(model.encoder(image)[5])
        for factor in (2, 2, 8):
            scores = BilinearUpsample(3, factor)(scores)
        assert torch.allclose(model(image), scores, atol=1e-6)


def test_skips_add_the_finer_scores() -> None:
    model = create_model("fcn16s", encoder="resnet18", encoder_weights=None, classes=1).eval()
    nn.init.zeros_(model.decoder.score.weight)
    nn.init.ones_(model.decoder.skips[0].weight)
    features = model.encoder(torch.randn(1, 3, 64, 64))
    assert torch.allclose(model.decoder(features), features[4].sum(dim=1, keepdim=True), rtol=1e-4, atol=1e-4)


def test_on_a_vgg_the_skips_are_pool4_and_pool3() -> None:
    model = create_model("fcn8s", encoder="vgg16_bn", encoder_weights=None, classes=2, head_channels=8).eval()
    assert [skip.in_channels for skip in model.decoder.skips] == [512, 256]
    convolutions = [layer for layer in model.decoder.head if isinstance(layer, nn.Conv2d)]
    assert [layer.kernel_size for layer in convolutions] == [(7, 7), (1, 1)]
    assert [layer.p for layer in model.decoder.head if isinstance(layer, nn.Dropout2d)] == [0.5, 0.5]
    seen: list[torch.Tensor] = []
    padded: list[torch.Tensor] = []
    model.encoder.register_forward_pre_hook(lambda _, inputs: padded.append(inputs[0]))
    for skip in model.decoder.skips:
        skip.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    image, pools = torch.randn(1, 3, 33, 40), []
    with torch.inference_mode():
        assert model(image).shape == (1, 2, 33, 40)
        x = padded[0]
        for layer in model.encoder.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                pools.append(x)
    assert torch.equal(seen[0], pools[3])
    assert torch.equal(seen[1], pools[2])


def test_the_papers_head_makes_the_papers_size() -> None:
    with torch.device("meta"):  # no memory for 134 million numbers
        paper, none = FCN("vgg16", None, stride=32, classes=21), FCN("vgg16", None, classes=21, head_channels=0)
        plain = FCN("resnet18", None, classes=21)
    assert count_parameters(paper) == 134_346_581
    assert count_parameters(none) == 14_714_688 + 21 * (513 + 513 + 257)
    assert len(plain.decoder.head) == 0


def test_another_stride_is_refused() -> None:
    with pytest.raises(ModelError, match=r"^FCN has stride 4; expected 8, 16 or 32\.$"):
        FCN("resnet18", None, stride=4, classes=2)  # type: ignore[arg-type]
