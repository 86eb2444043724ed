"""How a cluster is divided among trainings; needs no Ray."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from segcore.errors import ConfigError
from segcore.training.command_line import main
from segcore.training.ray import cluster
from segcore.training.ray.cluster import allocate, check_ray, connected
from segcore.training.ray.worker import WorkerTask, train_one


def cpus(*counts):
    return [{"CPU": float(count)} for count in counts]


@pytest.mark.parametrize(
    ("machines", "trainings", "wanted"),
    [
        (cpus(16), 1, (16, 0, 1, 1)),
        (cpus(16), 4, (4, 0, 4, 1)),
        (cpus(16), 5, (3, 0, 5, 1)),
        (cpus(2), 40, (1, 0, 2, 1)),
        (cpus(8, 8), 3, (4, 0, 4, 2)),  # 5 each would leave room for two
        (cpus(16, 4), 1, (16, 0, 1, 1)),
        (cpus(0, 4), 2, (2, 0, 2, 1)),  # a head that only leads
        ([{"CPU": 32.0, "GPU": 4.0}, *cpus(64)], 9, (8, 1, 4, 1)),  # GPUs are what trains
        ([{"CPU": 2.0, "GPU": 4.0}], 4, (1, 1, 2, 1)),
    ],
)
def test_what_a_training_gets(machines, trainings, wanted):
    actual = allocate(machines, trainings, "auto")
    assert (actual.cpus, actual.gpus, actual.at_once, actual.machines) == wanted


def test_threads_of_the_environment_decide():
    actual = allocate(cpus(16, 2), 2, "auto", "4")
    assert (actual.cpus, actual.at_once, actual.machines) == (4, 4, 1)
    assert str(actual) == "1 machine, 4 trainings at a time, 4 CPUs each"


def test_a_gpu_may_be_left_alone():
    actual = allocate([{"CPU": 8.0, "GPU": 1.0}], 2, "cpu")
    assert (actual.cpus, actual.gpus, actual.at_once) == (4, 0, 2)


@pytest.mark.parametrize(
    ("machines", "device", "threads", "message"),
    [
        (cpus(4), "cuda", None, r"Ray has 1 machine, and none with a GPU and a CPU to spare\. Leave --device out"),
        (cpus(0, 0), "auto", None, r"Ray has 2 machines, and none with a CPU to spare\."),
        (cpus(4, 2), "auto", "8", r"OMP_NUM_THREADS is '8', .* largest of this Ray has 4\. Set it to 1 to 4"),
        (cpus(4), "auto", "many", r"OMP_NUM_THREADS is 'many'"),
    ],
)
def test_a_cluster_that_cannot_train(machines, device, threads, message):
    with pytest.raises(ConfigError, match=message):
        allocate(machines, 2, device, threads)


def test_without_ray_the_way_to_install_it_is_told(monkeypatch, capsys):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    assert main(["--launcher", "ray"]) == 2
    assert capsys.readouterr().err == (
        "train.py: --launcher ray: the package ray is not installed. pip install 'segcore[ray]', or leave --launcher "
        "out.\n"
    )


def test_a_ray_client_is_refused(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(ConfigError, match="Run the command on a machine of the cluster, with RAY_ADDRESS=auto"):
        connected().__enter__()


@pytest.mark.parametrize(
    ("address", "reason"),
    [("127.0.0.1:1", ".*refused"), ("head", "expected HOST:PORT, or auto")],
)
@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
def test_a_cluster_that_does_not_answer_is_refused_at_once(monkeypatch, address, reason):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigError, match=f"no Ray to be used at RAY_ADDRESS={address}: {reason}. Start one"):
        connected().__enter__()


@pytest.mark.parametrize(
    "environment", [{"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "2"}, {"SLURM_STEP_NUM_TASKS": "4"}]
)
def test_one_of_several_processes_is_refused(monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="--launcher ray is for one process"):
        check_ray()


def test_a_machine_without_the_folder_of_runs_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    result = train_one(WorkerTask({}, tmp_path / "runs" / "unet", tmp_path / "elsewhere", "", {}, 1))
    assert result.status is None and "Give --out a folder that every machine sees under the same path" in result.refused
    assert Path.cwd() == tmp_path
