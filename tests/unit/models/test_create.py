import pytest
import torch

import segcore
from segcore.errors import ModelError, UnknownModel
from segcore.models import create_model, model_options


def test_the_name_others_rely_on() -> None:
    model = segcore.create_model("fcn8s", encoder="resnet34", encoder_weights=None, classes=11)
    with torch.inference_mode():
        assert model.eval()(torch.zeros(1, 3, 40, 56)).shape == (1, 11, 40, 56)


def test_an_unknown_model() -> None:
    with pytest.raises(UnknownModel, match=r"No model 'segnet'\..* Choose one of fcn32s, .*; or hf:ID or hf:FOLDER"):
        create_model("segnet", classes=3)


def test_an_unknown_encoder() -> None:
    message = (
        r"^No encoder 'reznet34'\. Did you mean 'resnet34'\? Some that work: tu-tf_efficientnet_lite0, .*smp\.readth"
    )
    with pytest.raises(ModelError, match=message):
        create_model("unet", encoder="reznet34", classes=3)
    with pytest.raises(ModelError, match=r"^No encoder 'tu-resnet19'\. Did you mean 'tu-resnet1"):
        create_model("unet", encoder="tu-resnet19", classes=3)


@pytest.mark.parametrize("classes", [0, -1, 2.0, True, "11"])
def test_a_senseless_number_of_classes(classes: object) -> None:
    with pytest.raises(ModelError, match=r"^unet with .* classes; expected a whole number, 1 or more\.$"):
        create_model("unet", classes=classes)  # type: ignore[arg-type]


def test_an_unknown_option() -> None:
    with pytest.raises(ModelError, match=r"^No option of unet 'decoder_chanels'\. Did you mean 'decoder_channels'\?"):
        create_model("unet", classes=3, decoder_chanels=(64, 32, 16, 8, 4))


def test_options_reach_the_model() -> None:
    wide = create_model("unet", encoder_weights=None, classes=3)
    narrow = create_model("unet", encoder_weights=None, classes=3, decoder_channels=(64, 32, 16, 8, 8))
    assert sum(p.numel() for p in narrow.decoder.parameters()) < sum(p.numel() for p in wide.decoder.parameters()) / 3


def test_options_name_their_defaults() -> None:
    assert model_options("deeplabv3plus")["decoder_atrous_rates"] == (6, 12, 18)
    assert model_options("pspnet")["encoder_depth"] == 3
    assert "stride" not in model_options("fcn8s")  # the name says it
    assert not {"encoder_name", "classes", "activation", "aux_params"} & set(model_options("unet"))


@pytest.mark.parametrize("name", ["deeplabv2", "deeplabv3", "deeplabv3plus", "pan"])
def test_dilation_needs_an_encoder_that_allows_it(name: str) -> None:
    message = (
        r"can't be built on 'densenet121': it replaces .* with dilation, .*Encoders that do: tu-tf_eff.*, resnet34, "
    )
    with pytest.raises(ModelError, match=message):
        create_model(name, encoder="densenet121", encoder_weights=None, classes=3)


def test_an_encoder_for_one_image_size_only_is_refused() -> None:
    with pytest.raises(
        ModelError, match=r"^U-Net can't be built on 'tu-swin_tiny.*\(64\) doesn't match model \(224\)\."
    ):
        create_model("unet", encoder="tu-swin_tiny_patch4_window7_224", encoder_weights=None, classes=3)


def test_padding_repeats_the_border_and_never_shifts() -> None:
    model = create_model("fcn32s", encoder="resnet18", encoder_weights=None, classes=2).eval()
    image = torch.randn(1, 3, 33, 47)
    padded = torch.nn.functional.pad(image, (0, 64 - 47, 0, 64 - 33), mode="replicate")
    with torch.inference_mode():
        assert torch.equal(model(image), model(padded)[..., :33, :47])


@pytest.mark.parametrize("name", ["deeplabv3plus", "pspnet", "pan"])
def test_training_on_one_image_takes_running_statistics_of_pooled_features(name: str) -> None:
    model = create_model(name, encoder="resnet18", encoder_weights=None, classes=2).train()
    before = {key: value.clone() for key, value in model.state_dict().items() if key.endswith("running_mean")}
    model(torch.randn(1, 3, 40, 40)).sum().backward()
    assert all(module.training for module in model.modules())
    after = model.state_dict()
    changed = [key for key, value in before.items() if not torch.equal(value, after[key])]
    assert 0 < len(changed)  # the other layers learn as ever
    assert model(torch.randn(2, 3, 40, 40)).shape == (2, 2, 40, 40)
    assert all(not torch.equal(value, model.state_dict()[key]) for key, value in before.items())


def test_a_model_made_in_inference_mode_can_be_trained() -> None:
    with torch.inference_mode():
        model = create_model("pspnet", encoder_weights=None, classes=2)
    model.train()(torch.randn(2, 3, 32, 32)).sum().backward()


def test_building_leaves_no_gradients_and_stays_in_training_mode() -> None:
    model = create_model("pspnet", classes=2)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
    assert all(module.training for module in model.modules())
