from functools import partial

import pytest
import torch
from torch import Tensor, nn

from segcore.errors import ModelError
from segcore.models import MODELS, count_parameters, create_model
from segcore.models.inspection import describe

SIZE = (64, 96)


def described(name: str, encoder: str = "resnet18", **options):
    build = partial(create_model, name, encoder=encoder, encoder_weights=None, classes=5, **options)
    return describe(build, SIZE, spec=MODELS[name], encoder=encoder), build


def reads(description) -> dict[str, tuple[str, ...]]:
    return {stage.name: stage.inputs for stage in description.stages}


def test_a_unet_is_an_encoder_a_way_up_and_its_skips() -> None:
    description, build = described("unet")
    assert reads(description) == {
        "image": (),
        "encoder 1": ("image",),
        **{f"encoder {number}": (f"encoder {number - 1}",) for number in range(2, 6)},
        "decoder.blocks.0": ("encoder 4", "encoder 5"),
        "decoder.blocks.1": ("encoder 3", "decoder.blocks.0"),
        "decoder.blocks.2": ("encoder 2", "decoder.blocks.1"),
        "decoder.blocks.3": ("encoder 1", "decoder.blocks.2"),
        "decoder.blocks.4": ("decoder.blocks.3",),
        "segmentation_head": ("decoder.blocks.4",),
    }
    shapes = {stage.name: stage.shape for stage in description.stages}
    assert shapes["encoder 5"] == (512, 2, 3) and shapes["segmentation_head"] == (5, *SIZE)
    assert sum(stage.parameters for stage in description.stages) == description.parameters
    assert description.parameters == count_parameters(build())
    assert (description.stride, description.classes) == (1, 5)


@pytest.mark.parametrize("name", ["pspnet", "fcn8s"])
def test_stages_that_are_not_used_are_not_there(name: str) -> None:
    description, build = described(name)
    assert description.parameters == count_parameters(build())
    assert ("encoder 5" in reads(description)) == (name == "fcn8s")


def test_macs_are_those_of_the_convolutions() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 8, 3, padding=1, stride=2), nn.Conv2d(8, 5, 1)

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.interpolate(self.last(self.first(x).relu_()), x.shape[-2:])

    description = describe(Net, SIZE)
    assert description.macs == 32 * 48 * (8 * 3 * 9 + 5 * 8)
    assert reads(description) == {"image": (), "first": ("image",), "last": ("first",)}
    assert (description.title, description.stride, description.parameters) == ("Net", 2, 8 * 28 + 45)


class Ladder(nn.Module):
    """No encoder, no decoder; a wrapper, a list and a layer that hands on what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Module()
        self.body.layers = nn.ModuleList([nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1), nn.Conv2d(8, 2, 1)])
        self.pause = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        first, second, last = self.body.layers
        a = self.pause(first(x))
        return last(torch.cat([a, second(a)], dim=1))


class Counting(Ladder):
    """Computes with a value of the image, which a tensor without values lacks."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + float(x.mean()))


@pytest.mark.parametrize("net", [Ladder, Counting])
def test_a_network_of_ones_own_is_drawn_by_its_modules(net: type[nn.Module]) -> None:
    assert reads(describe(net, SIZE)) == {
        "image": (),
        "body.layers.0": ("image",),
        "body.layers.1": ("body.layers.0",),
        "body.layers.2": ("body.layers.0", "body.layers.1"),
    }


def test_a_network_that_cannot_be_run_is_refused() -> None:
    with pytest.raises(ModelError, match=r"^Sequential can't be run on an image of 64x96: Given groups=1"):
        describe(lambda: nn.Sequential(nn.Conv2d(7, 2, 1)), SIZE)


def test_any_size_is_described() -> None:
    build = partial(create_model, "fpn", encoder="resnet18", encoder_weights=None, classes=5)
    description = describe(build, (50, 77), spec=MODELS["fpn"])
    assert description.stages[-1].shape == (5, 64, 96)  # padded to the encoder's stride, and cropped afterwards
    assert reads(description)["encoder 1"] == ("image",)
