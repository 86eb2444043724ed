"""A toy dataset and runs on it."""

import pytest
from fixtures.app import make_data, make_runs

from segcore.runs import load_run


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """(dataset, folder of four runs), not to be changed."""
    folder = tmp_path_factory.mktemp("toy-report")
    data = make_data(folder / "toy")
    make_runs(folder / "runs", data, ("fcn8s", "unet", "pspnet", "deeplabv3plus"))
    return data, folder / "runs"


@pytest.fixture
def run(toy):
    return load_run(toy[1] / "unet")
