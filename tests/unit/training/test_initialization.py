import json
import pickle
import warnings
from pathlib import Path

import huggingface_hub
import pytest
import torch
from fixtures.runs import fake_ensemble, fake_run
from safetensors.torch import save_file

from segcore.errors import ConfigError, RunError, WeightsError
from segcore.training import initialization
from segcore.training.config import build
from segcore.training.initialization import read_initial


def test_a_run_names_its_classes_its_model_and_its_normalisation(tmp_path: Path) -> None:
    run = fake_run(tmp_path, "street-unet", model="fpn", evaluated=False)
    save_file({"a": torch.ones(2)}, run.path / "model.safetensors")
    for given in (str(run.path), run.id, str(run.path / "model.safetensors")):
        weights, norm = read_initial(given, tmp_path)
        assert weights.classes == run.labels.names and list(weights.tensors) == ["a"]
        assert weights.made_as.startswith("FPN on tu-tf_efficientnet_lite0 (--models fpn --encoder ")
        assert norm is not None and norm.mean == run.summary.input.mean


def test_a_folder_of_transformers_names_its_classes(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"1": "road", "0": "sky"}}))
    weights, norm = read_initial(str(tmp_path), tmp_path)
    assert weights.classes == ("sky", "road") and norm is None
    (tmp_path / "config.json").write_text("{")
    assert read_initial(str(tmp_path), tmp_path)[0].classes is None


def test_runs_without_weights_are_refused(tmp_path: Path) -> None:
    runs = [fake_run(tmp_path, name, evaluated=True, seed=seed) for seed, name in enumerate(("one", "two"))]
    fake_ensemble(runs, "both")
    with pytest.raises(RunError, match="is an ensemble and has no weights of its own, only its members: one, two"):
        read_initial("both", tmp_path)
    (runs[0].path / "model.safetensors").unlink()
    with pytest.raises(RunError, match=r"model\.safetensors"):
        read_initial("one", tmp_path)


def test_ids_with_dots_are_found(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, fake_run(tmp_path, "v1.2", evaluated=False).path / "model.safetensors")
    assert list(read_initial("v1.2", tmp_path)[0].tensors) == ["a"]
    with pytest.raises(RunError, match=r"'v1\.3'. Did you mean 'v1\.2'"):
        read_initial("v1.3", tmp_path)
    with pytest.raises(WeightsError, match=r"v1\.pth: no such file of weights"):
        read_initial("v1.pth", tmp_path)


def test_of_several_runs_the_mean_is_read(tmp_path: Path) -> None:
    for name, value in (("one", 1.0), ("two", 2.0)):
        save_file({"a": torch.tensor([value])}, fake_run(tmp_path, name, evaluated=False).path / "model.safetensors")
    weights, norm = read_initial(f"one,{tmp_path / 'two'}", tmp_path)
    assert weights.tensors["a"].item() == 1.5 and norm is not None
    assert weights.source == f"the mean of {tmp_path / 'one'} and {tmp_path / 'two'}"
    other = fake_run(tmp_path, "three", evaluated=False)
    save_file({"a": torch.tensor([3.0])}, other.path / "model.safetensors")
    norms = other.summary.input.model_copy(update={"mean": (0.1, 0.2, 0.3)})
    (other.path / "summary.json").write_text(other.summary.model_copy(update={"input": norms}).model_dump_json())
    with pytest.raises(
        WeightsError, match=r"^--init one, three: .* different normalisations .*, so the mean .* no model"
    ):
        read_initial("one, three", tmp_path)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    for name in ("model.pth", "model.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps({"state_dict": Trap()}))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pytest.raises(WeightsError, match=r"can't be read as weights|refused"):
                read_initial(str(tmp_path / name), tmp_path)
        assert not [warning for warning in caught if "pickle protocol" in str(warning.message)]
    assert not (tmp_path / "ran").exists()


def test_a_hub_that_cannot_be_reached_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(initialization, "hub_reachable", lambda: False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=r"^hub:nobody/segformer: .* can't be reached and it is not in the local"):
        read_initial("hub:nobody/segformer", tmp_path)
    with pytest.raises(WeightsError, match=r"hf download nobody/segformer --local-dir FOLDER\) and give --init FOLDER"):
        read_initial("hub:nobody/segformer@v1", tmp_path)


def test_the_hub_is_asked_for_weights_and_names_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "0123456789abcdef"
    folder.mkdir()
    save_file({"a": torch.ones(2)}, folder / "model.safetensors")
    wanted = {}
    monkeypatch.setattr(initialization, "hub_reachable", lambda: True)
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda name, **options: wanted.update(options, name=name) or str(folder)
    )
    weights, _ = read_initial("hub:me/mine@v2", tmp_path)
    assert (wanted["name"], wanted["revision"]) == ("me/mine", "v2") and "config.json" in wanted["allow_patterns"]
    assert weights.source == "hub:me/mine@v2 (0123456789ab)"


def test_the_setting_is_a_path_a_run_or_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    assert build({"init": "mine/"}).init == str(tmp_path / "mine")
    assert [build({"init": name}).init for name in ("street-unet", "hub:a/b", "null", None)] == [
        "street-unet",
        "hub:a/b",
        None,
        None,
    ]
    for empty in ("", "mine,"):
        with pytest.raises(ConfigError, match=rf"init \(--init\) is '{empty}': .* is no path: it is empty"):
            build({"init": empty})
    several = f"{tmp_path / 'mine'},street-unet,hub:a/b"
    assert build({"init": "mine, street-unet,hub:a/b"}).init == several == build({"init": several}).init
    assert build({"init": ["mine", "street-unet", "hub:a/b"]}).init == several
    Path("a,b").mkdir()
    assert build({"init": "a,b"}).init == str(tmp_path / "a,b")
    with pytest.raises(ConfigError, match=r"init \(--init\) is \[1\]"):
        build({"init": [1]})
    assert build({"init": "mine", "encoder_weights": "none", "freeze": "encoder"}).freeze == "encoder"
