"""A run with a real, untrained model on a folder of images; and scored runs of four models on a toy dataset."""

import pytest
import torch
from fixtures.app import make_data, make_runs
from fixtures.tiny import camvid_folder

from segcore.data import open_dataset
from segcore.labels import CAMVID11
from segcore.models import create_model, save_model
from segcore.runs import RunWriter, load_run


@pytest.fixture
def folder(tmp_path):
    """Two training and three test frames in SegNet's layout, void as id 11."""
    return camvid_folder(tmp_path / "camvid", train=2, test=3)


@pytest.fixture
def run(store, fake_run, folder):
    """An untrained FCN-32s, recorded as trained on `folder`."""
    run = fake_run(store, "fake-fcn", model="fcn32s", source=str(folder), evaluated=False)
    torch.manual_seed(0)
    model = create_model("fcn32s", encoder="resnet18", encoder_weights="none", classes=CAMVID11.classes)
    save_model(model, run.path)
    fingerprint = open_dataset(folder, labels="camvid11").fingerprint
    dataset = run.summary.dataset.model_copy(update={"fingerprint": fingerprint, "name": "camvid"})
    RunWriter(run.path).write_summary(run.summary.model_copy(update={"dataset": dataset}))
    return load_run(run.path)


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """(dataset, folder of four scored runs), not to be changed."""
    folder = tmp_path_factory.mktemp("toy")
    data = make_data(folder / "toy")
    make_runs(folder / "runs", data, ("fcn8s", "unet", "pspnet", "deeplabv3plus"))
    return data, folder / "runs"
