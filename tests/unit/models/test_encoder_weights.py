import itertools
import threading
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import safetensors.torch
import skimage.data
import timm
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from timm.data import create_transform, resolve_data_config

from segcore.errors import ModelError, WeightsError
from segcore.models import create_model, encoder_weights, save_model, state_dict_file
from segcore.models.encoders import normalization

LITE = "tu-tf_efficientnet_lite0"
CATS = (281, 282, 285)  # ImageNet's tabby, tiger cat, Egyptian cat; Chelsea is a tabby
ESPRESSO, PALACE = 967, 698


@pytest.fixture(scope="module")
def packaged() -> Path:
    path = encoder_weights.packaged_file(LITE)
    assert path is not None
    return path


@pytest.fixture(scope="module", params=encoder_weights.PACKAGES)
def encoder(request: pytest.FixtureRequest) -> str:
    """Each encoder whose weights come in a package."""
    return request.param


@pytest.fixture(scope="module")
def classifier(encoder: str) -> torch.nn.Module:
    """timm's whole classifier with the package's tensors."""
    model = timm.create_model(encoder.removeprefix("tu-"))
    path = encoder_weights.packaged_file(encoder)
    assert path is not None
    missing, unexpected = model.load_state_dict(
        encoder_weights.timm_state_in_order(encoder, encoder_weights.read_tensors(path), path), strict=False
    )
    assert unexpected == []
    assert all(name.endswith("num_batches_tracked") for name in missing)
    return model.eval()


def fed(photo: np.ndarray, classifier: torch.nn.Module) -> torch.Tensor:
    """[1, 3, S, S]: the photo as timm says that this classifier was trained: size, crop, mean and deviation."""
    settings = resolve_data_config(classifier.pretrained_cfg)
    return create_transform(**settings)(Image.fromarray(photo))[None]


@pytest.mark.parametrize(
    ("photo", "labels", "least"),
    [
        (skimage.data.chelsea(), CATS, 0.7),
        (skimage.data.coffee(), (ESPRESSO,), 0.5),
        (load_sample_image("china.jpg"), (PALACE,), 0.25),
    ],
    ids=["cat", "coffee", "palace"],
)
def test_the_packaged_weights_recognise_photos(
    classifier: torch.nn.Module, photo: np.ndarray, labels: tuple[int, ...], least: float
) -> None:
    with torch.inference_mode():
        probabilities = classifier(fed(photo, classifier)).softmax(dim=1)[0]
    assert int(probabilities.argmax()) in labels
    assert float(probabilities[list(labels)].sum()) > least  # of a thousand classes


def test_a_model_is_fed_as_the_classifier_was(encoder: str, classifier: torch.nn.Module) -> None:
    settings, ours = resolve_data_config(classifier.pretrained_cfg), normalization(encoder)
    assert (ours.mean, ours.std) == (settings["mean"], settings["std"]) == ((0.5,) * 3, (0.5,) * 3)


def test_the_encoder_has_the_classifiers_features(encoder: str, classifier: torch.nn.Module) -> None:
    image = fed(skimage.data.chelsea(), classifier)
    random = create_model("unet", encoder=encoder, encoder_weights=None, classes=2).eval().encoder
    with torch.inference_mode():
        features = create_model("unet", encoder=encoder, classes=2).eval().encoder(image)
        x = classifier.bn1(classifier.conv_stem(image))
        outputs = []
        for block in classifier.blocks:
            x = block(x)
            outputs.append(x)
        others = random(image)
    for feature, other, stage in zip(features[1:], others[1:], (0, 1, 2, 4, 6), strict=True):
        assert torch.equal(feature, outputs[stage])
        assert not torch.allclose(other, feature, rtol=0.1)


def test_none_really_is_random() -> None:
    choices = ("imagenet", None, "none", "none")
    stems = [create_model("pspnet", encoder_weights=x, classes=2).encoder.model.conv_stem.weight for x in choices]
    assert not any(torch.equal(one, other) for one, other in itertools.combinations(stems, 2))


@pytest.mark.parametrize("encoder", ["resnet34", "tu-resnet18", "tu-tf_efficientnet_lite4"])
def test_without_a_network_it_says_so_and_tries_no_download(encoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    offline: list[bool] = []
    build = encoder_weights.smp.encoders.get_encoder

    def watched(name: str, weights: object = None, **options: object) -> torch.nn.Module:
        if weights:
            offline.append(huggingface_hub.constants.HF_HUB_OFFLINE)
        return build(name, weights=weights, **options)

    monkeypatch.setattr(encoder_weights.smp.encoders, "get_encoder", watched)
    message = (
        rf"^No imagenet weights for '{encoder}': https://.* can't be reached and they are not in its local cache\. "
        r"Without a network: --encoder tu-tf_efficientnet_lite0 .*, --encoder-weights FILE, or --encoder-weights none"
    )
    with pytest.raises(WeightsError, match=message):
        create_model("unet", encoder=encoder, classes=2)
    assert offline == [True]  # asked once, of the local cache alone
    assert not huggingface_hub.constants.HF_HUB_OFFLINE


def test_a_hub_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    tested = threading.Event()

    class Silent:
        def head(self, url: str, timeout: float) -> None:
            tested.wait()

    monkeypatch.setattr(huggingface_hub, "get_session", Silent)
    try:
        assert not encoder_weights.hub_reachable(patience=0.1)  # comes back although nothing was answered
    finally:
        tested.set()


def test_a_hub_that_answers_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Quick:
        def head(self, url: str, timeout: float) -> None:
            assert url == huggingface_hub.constants.ENDPOINT

    calls: list[tuple[str, object, bool]] = []

    def download(name: str, weights: object) -> torch.nn.Module:
        calls.append((name, weights, huggingface_hub.constants.HF_HUB_OFFLINE))
        return torch.nn.Linear(1, 1)

    monkeypatch.setattr(huggingface_hub, "get_session", Quick)
    monkeypatch.setattr(encoder_weights.smp.encoders, "get_encoder", download)
    for encoder in ("resnet34", "tu-resnet18"):
        assert set(encoder_weights.encoder_state(encoder, "imagenet") or ()) == {"weight", "bias"}
    assert calls == [("resnet34", "imagenet", False), ("tu-resnet18", True, False)]


def test_a_download_that_breaks_off_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str, weights: object) -> None:
        raise ConnectionError("connection reset by peer")

    monkeypatch.setattr(encoder_weights, "hub_reachable", lambda: True)
    monkeypatch.setattr(encoder_weights.smp.encoders, "get_encoder", broken)
    with pytest.raises(WeightsError, match=r"^No imagenet weights for 'resnet34': connection reset by peer\. Without"):
        encoder_weights.encoder_state("resnet34", "imagenet")


def test_an_unknown_kind_of_weights() -> None:
    message = (
        r"^No weights 'imagnet' for 'resnet34'\. Did you mean 'imagenet'\? Choose one of imagenet, none, or a \.pth"
    )
    with pytest.raises(WeightsError, match=message):
        create_model("unet", encoder="resnet34", encoder_weights="imagnet", classes=2)


def test_an_encoder_nobody_has_weights_for() -> None:
    name = next(name for name in timm.list_models() if not timm.models.is_model_pretrained(name))
    with pytest.raises(WeightsError, match=rf"^Nobody publishes ImageNet weights for 'tu-{name}'"):
        encoder_weights.encoder_state(f"tu-{name}", "imagenet")


def test_a_file_of_the_package(packaged: Path) -> None:
    named = create_model("pspnet", classes=2).encoder.state_dict()
    from_file = create_model("pspnet", encoder_weights=str(packaged), classes=2).encoder.state_dict()
    assert all(torch.equal(value, from_file[name]) for name, value in named.items())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("encoder", ["resnet18", "tu-convnext_atto"])
def test_a_file_of_the_users_own(tmp_path: Path, encoder: str, suffix: str) -> None:
    """timm's names for a whole classifier, or an encoder's own."""
    if encoder.startswith("tu-"):
        state = timm.create_model(encoder.removeprefix("tu-")).state_dict()
    else:
        state = {
            f"module.{k}": v
            for k, v in encoder_weights.smp.encoders.get_encoder(encoder, weights=None).state_dict().items()
        }
    path = tmp_path / f"mine{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": state}, path)
    else:
        safetensors.torch.save_file(state, path)
    loaded = create_model("unet", encoder=encoder, encoder_weights=path, classes=2).encoder.state_dict()
    given = {state_dict_file.plain_name(name): value for name, value in state.items()}
    assert all(torch.equal(value, given[state_dict_file.plain_name(name)]) for name, value in loaded.items())


def test_the_encoder_of_another_run(tmp_path: Path) -> None:
    trained = create_model("unet", encoder="resnet18", encoder_weights=None, classes=2)
    save_model(trained, tmp_path, half=False)
    other = create_model("fpn", encoder="resnet18", encoder_weights=tmp_path / "model.safetensors", classes=5)
    assert torch.equal(other.encoder.layer4[0].conv1.weight, trained.encoder.layer4[0].conv1.weight)


def test_weights_of_another_encoder(tmp_path: Path, packaged: Path) -> None:
    path = tmp_path / "resnet18.safetensors"
    safetensors.torch.save_file(encoder_weights.smp.encoders.get_encoder("resnet18", weights=None).state_dict(), path)
    message = r"resnet34: 100 of the encoder's 180 tensors fit, 80 are missing, first 'layer1\.2\.conv1.*another enc"
    with pytest.raises(WeightsError, match=message):
        create_model("unet", encoder="resnet34", encoder_weights=path, classes=2)
    with pytest.raises(WeightsError, match=r"layer1\.0\.conv1\.weight is \[64, 64, 3, 3\]; expected \[64, 64, 1, 1\]"):
        create_model("unet", encoder="resnet50", encoder_weights=path, classes=2)
    with pytest.raises(
        WeightsError, match=r"resnet18\.safetensors: 100 tensors; .* has 247\. These are not its weights"
    ):
        encoder_weights.encoder_state(LITE, path)
    with pytest.raises(WeightsError, match=r"efficientnet-lite0-.*\.pth: 247 tensors; .*_lite2 has 322"):
        encoder_weights.encoder_state("tu-tf_efficientnet_lite2", packaged)


def test_tensors_in_another_order_are_refused(packaged: Path) -> None:
    backwards = dict(reversed(encoder_weights.read_tensors(packaged).items()))
    with pytest.raises(WeightsError, match=r"is \[1000\]; conv_stem\.weight of .* is \[32, 3, 3, 3\]\. These are not"):
        encoder_weights.timm_state_in_order(LITE, backwards, packaged)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_damaged_or_missing_file(tmp_path: Path, suffix: str, packaged: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    with pytest.raises(WeightsError, match=r": no such file of weights\. Expected a \.safetensors, \.pth"):
        encoder_weights.encoder_state(LITE, path)
    for content in (b"", b"not weights", packaged.read_bytes()[:10_000]):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"can't be read as "):
            encoder_weights.encoder_state(LITE, path)


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    path = tmp_path / "bomb.pth"
    torch.save({"weight": Bomb()}, path)
    with pytest.raises(WeightsError, match=r"running code of the file, which is refused"):
        encoder_weights.read_tensors(path)
    assert not (tmp_path / "ran").exists()


def test_a_file_that_holds_something_else(tmp_path: Path) -> None:
    path = tmp_path / "list.pth"
    torch.save([torch.zeros(1)], path)
    with pytest.raises(WeightsError, match=r"list\.pth: holds list; expected tensors by name"):
        encoder_weights.read_tensors(path)


def test_an_unknown_encoder_comes_first() -> None:
    with pytest.raises(ModelError, match="No encoder 'resnet'"):
        encoder_weights.encoder_state("resnet", "imagenet")
