import json
from pathlib import Path

import pytest
import safetensors.torch
import segmentation_models_pytorch as smp
import torch

from segcore.errors import ModelError, RunError
from segcore.models import create_model, load_model, save_model, weights_digest
from segcore.models.base import AnySize
from segcore.models.registry import MODELS
from segcore.models.state_dict_file import STAND_IN, read_tensors


@pytest.fixture
def model() -> AnySize:
    return create_model("unet", classes=2, decoder_channels=(32, 16, 8, 8, 8)).eval()


@pytest.fixture
def folder(model: AnySize, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "run")
    return tmp_path / "run"


def test_two_files_and_nothing_else_is_touched(model: AnySize, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    save_model(model, tmp_path)
    save_model(model, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_the_config_is_smps_and_names_no_weights(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert config["_model_class"] == "Unet"
    assert config["_segcore_model"] == "unet"
    assert config["encoder_name"] == "tu-tf_efficientnet_lite0"
    assert config["encoder_weights"] is None  # a reader must not download what it is about to overwrite
    assert config["decoder_channels"] == [32, 16, 8, 8, 8]
    assert config["classes"] == 2


def test_weights_that_were_changed_since_are_refused(folder: Path) -> None:
    digest = weights_digest(folder)
    load_model(folder, sha256=digest)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(RunError, match=rf"was changed since it was scored: .* says {digest}"):
        load_model(folder, sha256=digest)


def test_half_size_files_keep_statistics_exact(model: AnySize, folder: Path) -> None:
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    for name, value in model.state_dict().items():
        stored = tensors[name]
        assert stored.dtype == (torch.float16 if value.is_floating_point() and value.ndim > 1 else value.dtype), name
    assert torch.equal(tensors["encoder.model.bn1.running_var"], model.encoder.model.bn1.running_var)


def test_saving_leaves_the_model_alone(model: AnySize, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    save_model(model, tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert "_segcore_model" not in model.config


SMP = [name for name, spec in MODELS.items() if spec.builder.startswith("segcore.models.smp_architectures:")]


@pytest.mark.parametrize("name", SMP)
@pytest.mark.parametrize("encoder", ["tu-tf_efficientnet_lite0", "efficientnet-b0"])
def test_plain_smp_opens_it_strictly(tmp_path: Path, name: str, encoder: str) -> None:
    model = create_model(name, encoder=encoder, encoder_weights="none", classes=2).eval()
    save_model(model, tmp_path, half=False)
    image = torch.randn(1, 3, 128, 128)  # PAN of plain smp takes no smaller one
    loaded = smp.from_pretrained(tmp_path).eval()
    assert type(loaded).__module__.startswith("segmentation_models_pytorch")
    with torch.inference_mode():
        assert torch.equal(loaded(image), model(image))


def test_unused_stages_are_zeros_of_one_byte_that_nobody_takes_for_weights(tmp_path: Path) -> None:
    model = create_model("pspnet", classes=2).eval()
    save_model(model, tmp_path)
    stored = safetensors.torch.load_file(tmp_path / "model.safetensors")
    unused = {name: value for name, value in stored.items() if value.dtype == STAND_IN}
    assert any(name.startswith("encoder.model.blocks.6") for name in unused)
    assert not any(value.any() for value in unused.values())
    used = set(stored) - set(unused)
    assert set(load_model(tmp_path).state_dict()) == used == set(read_tensors(tmp_path))


def test_a_run_from_before_stand_ins_loads(tmp_path: Path) -> None:
    model = create_model("pspnet", classes=2).eval()
    save_model(model, tmp_path, half=False)
    safetensors.torch.save_file(model.state_dict(), tmp_path / "model.safetensors")
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(load_model(tmp_path)(image), model(image))


def test_only_models_of_the_zoo_are_saved(tmp_path: Path) -> None:
    from segcore.models.fcn import FCN

    with pytest.raises(ModelError, match=r"^FCN was not made by create_model; use save_pretrained to save it\.$"):
        save_model(FCN("resnet18", None, classes=2), tmp_path)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_missing_file(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(
        RunError, match=rf"run has no {file}\. Train it again: python train\.py --config .*/config\.yaml$"
    ):
        load_model(folder)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_truncated_file(folder: Path, file: str) -> None:
    content = (folder / file).read_bytes()
    for size in (0, len(content) // 2):
        (folder / file).write_bytes(content[:size])
        with pytest.raises(
            RunError, match=rf"{file} is truncated or damaged \(.*\)\. Train it again: python train\.py"
        ):
            load_model(folder)


@pytest.mark.parametrize(
    "content", [[1], {"model_type": "bert"}, {"_segcore_model": "segnet"}, {"_segcore_model": "unet"}]
)
def test_a_foreign_config(folder: Path, content: object) -> None:
    (folder / "config.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match=r"config\.json was not written by this version of Segcore: .*Train it again"):
        load_model(folder)


def test_foreign_weights(folder: Path) -> None:
    safetensors.torch.save_file({"weight": torch.zeros(3)}, folder / "model.safetensors")
    with pytest.raises(
        RunError, match=r"model\.safetensors was not written by .*: its tensors don't fit U-Net on tu-tf"
    ):
        load_model(folder)


def test_a_failed_write_leaves_the_old_file(model: AnySize, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / "model.safetensors").read_bytes()

    def full_disk(self: Path, content: bytes) -> int:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_model(model, folder, half=False)
    monkeypatch.undo()
    assert (folder / "model.safetensors").read_bytes() == before
    assert len(list(folder.iterdir())) == 2
