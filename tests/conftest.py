"""What every test shares."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from fixtures import runs
from hypothesis import Phase, settings

from segcore.runs import RunStore
from segcore.training.openmp import SPIN

os.environ["SEGCORE_USER_DATA"] = str(Path(__file__).with_name("no-user-data"))  # nobody's own tags in the tests
os.environ.setdefault(*SPIN)  # read when torch is imported

# No deadline: the first example of a test also pays for its imports. Derandomised: the same examples on every run.
settings.register_profile("segcore", deadline=None, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=300)  # pytest --hypothesis-profile=thorough
# Whether a test fails is all that `make mutation` asks: no smaller example is looked for.
settings.register_profile("mutation", deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
settings.load_profile("segcore")

MAIN = sys.modules["__main__"]


@pytest.hookimpl(optionalhook=True)  # of xdist
def pytest_xdist_make_scheduler(config, log):
    """Tests of one file stay in one process, and those of the browser too: they share its server and its tab."""
    from xdist.scheduler import LoadFileScheduling

    class ByRoom(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return "tests/browser" if nodeid.startswith("tests/browser/") else nodeid.split("::")[0]

    return ByRoom(config, log)


@pytest.fixture(autouse=True)
def main_module():
    """Streamlit's AppTest leaves its page as `__main__`, which multiprocessing would then run in every new process."""
    yield
    sys.modules["__main__"] = MAIN


@pytest.fixture
def store(tmp_path):
    """An empty store of runs."""
    return RunStore(tmp_path / "checkpoints")


@pytest.fixture
def fake_run():
    """`fake_run(store, name, model=..., labels=..., epochs=..., ids=...)` writes a whole run, no model needed."""
    return runs.fake_run
