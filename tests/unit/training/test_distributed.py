"""What processes that train together compute and agree on, beside what one computes on the whole batch."""

import json
import os
import socket

import numpy as np
import pytest
import torch
from fixtures.processes import ended, free_port, start, surroundings
from timm.layers import BatchNormAct2d
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from segcore.errors import ConfigError, DatasetError, TrainingError
from segcore.models import create_model
from segcore.training import distributed, session
from segcore.training.distributed import World, cluster, is_lost, share_batch_statistics
from segcore.training.losses import SegmentationLoss
from segcore.training.registry import LOSSES, parse_loss

GONE = "[pair.cc:561] gloo: Connection closed by peer [127.0.0.1]:45744"  # as torch says it


# The same work by one process and by two; each returns tensors by name.


def layer(kind):
    torch.manual_seed(1)
    result = {
        "plain": lambda: nn.BatchNorm2d(3, momentum=0.3),
        "timm": lambda: BatchNormAct2d(3, eps=0.01),
        "flat": lambda: nn.BatchNorm1d(3),
    }[kind]()
    with torch.no_grad():
        result.weight.uniform_(-2, 2)
        result.bias.uniform_(-2, 2)
    return result


def pictures(kind, dtype):
    """5 of three channels, one far from zero: squares of it would lose float32's digits."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(5, 3, *(() if kind == "flat" else (4, 6)), generator=generator, dtype=torch.float64)
    x[:, 1] += 300
    x[:, 2] *= 1e-3
    return x.to(dtype).to(memory_format=torch.channels_last if x.ndim == 4 else torch.contiguous_format)


def normalized(world):
    """Output, gradients and statistics of batch norms."""
    result = {}
    for kind in ("plain", "timm", "flat"):
        for dtype in (torch.float64, torch.float32, torch.bfloat16):
            module = layer(kind).to(torch.float64 if dtype == torch.float64 else torch.float32)
            share_batch_statistics(module, world)
            x = pictures(kind, dtype)[world.rank :: world.size].detach().requires_grad_()
            y = module(x)
            (y.square() * pictures(kind, y.dtype)[world.rank :: world.size].sin()).sum().backward()
            assert y.dtype == dtype and x.grad.dtype == dtype
            gradients = torch.stack([module.weight.grad, module.bias.grad])
            world.sum_(gradients)  # as DDP does
            name = f"{kind} {str(dtype).removeprefix('torch.')}"
            result |= {f"{name} y": y.detach(), f"{name} dx": x.grad, f"{name} dw": gradients}
            result |= {f"{name} {key}": value for key, value in module.state_dict().items() if "running" in key}
            result[f"{name} eval"] = module.eval()(x.detach()).detach()
    return result


def stepped(world):
    """Weights after one step of SGD, in float64: what then differs is no rounding."""
    torch.manual_seed(0)
    model = create_model("unet", encoder="mobilenet_v2", encoder_weights=None, classes=3).double().train()
    losses = "+".join(name for name in LOSSES if name != "ohem")
    loss = SegmentationLoss(parse_loss(losses), class_weights=torch.tensor([1.0, 2.0, 3.0]), total=world.total)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(5, 3, 32, 64, generator=generator, dtype=torch.float64)
    target = torch.randint(0, 3, (5, 32, 64), generator=generator)
    target[torch.rand(target.shape, generator=generator) < 0.2] = 255
    target[1] = 255  # all that the second process's first image has
    called = model
    if world.size > 1:
        share_batch_statistics(model, world)
        called = DistributedDataParallel(model, broadcast_buffers=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    value = loss(called(world.shard(x)), world.shard(target))
    value.backward()
    optimizer.step()
    return {"loss": value.detach(), **{f"step {name}": value for name, value in model.state_dict().items()}}


def work(out):
    """In each of two processes: all of it, and what they agree on."""
    world = World.find("cpu")
    torch.save(normalized(world) | stepped(world), out / f"{world.rank}.pt")
    counts = torch.tensor([2**53 + 1, world.rank], dtype=torch.int64)  # float64 has no such number
    world.sum_(counts)
    output = {
        "world": [world.rank, world.size, world.local, world.local_rank],
        "broadcast": world.broadcast(f"of {world.rank}"),
        "any_rank": world.any_rank(world.rank == 1, False, True),
        "sum": counts.tolist(),
        "scores": _scores(world),
        "data": _data(world),
    }
    (out / f"{world.rank}.json").write_text(json.dumps(output))


def _scores(world):
    """The first process scores and lets the other wait."""
    seen = []
    if world.first:
        bar = distributed.keep_waiting(world, lambda done, total: seen.append(done), interval=0)
        for done in range(4):
            bar(done, 4)
    return [distributed.wait_for_scores(world, f"summary of {world.rank}"), seen]


def _data(world):
    class Seen:
        name, source, fingerprint = "pets", "here", f"print{world.rank}"

    try:
        session.check_same_data(world, Seen, Seen)
    except DatasetError as error:
        return str(error)
    return None


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    out = tmp_path_factory.mktemp("pair")
    assert ended(start(work, out)) == [0, 0]
    parts = [torch.load(out / f"{rank}.pt") for rank in (0, 1)]
    return parts, [json.loads((out / f"{rank}.json").read_text()) for rank in (0, 1)]


def interleaved(parts, name):
    """What two processes made of their images, in the order of the batch."""
    first, second = (part[name] for part in parts)
    whole = first.new_empty((len(first) + len(second), *first.shape[1:]))
    whole[::2], whole[1::2] = first, second
    return whole


@pytest.mark.parametrize("kind", ["plain", "timm", "flat"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_batch_norm_is_that_of_the_whole_batch(pair, kind, dtype):
    parts, _ = pair
    module = layer(kind).to(torch.float64)
    x = pictures(kind, getattr(torch, dtype)).double().requires_grad_()
    y = module(x)
    (y.square() * pictures(kind, getattr(torch, dtype)).double().sin()).sum().backward()
    expected = {"y": y, "dx": x.grad, "dw": torch.stack([module.weight.grad, module.bias.grad])}
    expected |= {key: value for key, value in module.state_dict().items() if "running" in key}
    expected["eval"] = module.eval()(x)
    rounding = {"float64": 1e-11, "float32": 2e-4, "bfloat16": 0.03}[dtype]
    for name, value in expected.items():
        result = interleaved(parts, f"{kind} {dtype} {name}") if name in ("y", "dx", "eval") else None
        result = parts[0][f"{kind} {dtype} {name}"] if result is None else result
        by_channel = tuple(dim for dim in range(value.ndim) if dim != 1) if name in ("y", "dx", "eval") else ()
        scale = value.abs().amax(by_channel, keepdim=True) if by_channel else value.abs()
        if dtype == "bfloat16" and name == "dx":  # its gradient is rounded before it comes in
            scale = scale + 0.1 * scale.max()
        assert ((result.double() - value).abs() <= rounding * scale + 1e-12).all(), (name, result, value)


def test_a_step_of_two_processes_is_that_of_one(pair):
    parts, expected = pair[0], stepped(World())
    for name, value in expected.items():
        for part in parts:
            torch.testing.assert_close(part[name], value, rtol=0, atol=1e-9, msg=name)


def test_what_they_agree_on(pair):
    first, second = pair[1]
    assert (first["world"], second["world"]) == ([0, 2, 2, 0], [1, 2, 2, 1])
    assert first["broadcast"] == second["broadcast"] == "of 0"
    assert first["any_rank"] == second["any_rank"] == [True, False, True]
    assert first["sum"] == second["sum"] == [2**54 + 2, 1]


def test_the_others_wait_for_the_scores_of_the_first(pair):
    assert pair[1][0]["scores"] == ["summary of 0", [0, 1, 2, 3]]
    assert pair[1][1]["scores"] == ["summary of 0", []]


def test_other_data_in_one_process_is_told_there(pair):
    first, second = (output["data"] for output in pair[1])
    assert first is None
    assert "pets has fingerprint print1, split print1 in process 2, and print0" in second


def test_one_process_computes_as_if_there_were_no_others():
    world, x = World(), torch.randn(3)
    assert world.total(x) is x and world.gather(x).equal(x[None]) and world.broadcast("a") == "a" and world.first
    assert world.any_rank(True, False) == [True, False] and world.shard([1, 2]) == [1, 2]
    kept = x.clone()
    world.sum_(x)
    assert x.equal(kept)


# Who started it


@pytest.fixture
def empty(monkeypatch):
    """An environment that nobody has written into."""
    for name in list(os.environ):
        if name.startswith(("SLURM_", "TORCHELASTIC_", "MASTER_")) or name in surroundings(0, 2, 0):
            monkeypatch.delenv(name)
    return monkeypatch


def notes(patch, **values):
    for name, value in values.items():
        patch.setenv(name, str(value))


def test_a_process_that_a_user_starts_is_alone(empty):
    assert World.find("cpu") == World() and not torch.distributed.is_initialized()


@pytest.mark.parametrize("starter", ["torchrun", "srun"])
def test_one_process_of_torchrun_or_srun_is_alone_as_well(empty, starter):
    notes(empty, **surroundings(0, 1, 1234, starter))
    assert World.find("cpu") == World() and not torch.distributed.is_initialized()


def test_a_task_of_srun_knows_its_place_and_where_to_meet(empty):
    notes(empty, **surroundings(3, 8, 1234, "srun"), SLURM_JOB_NAME="train", SLURM_NODELIST="login1")
    notes(empty, SLURM_STEP_NODELIST="gpu[07-09,12]", SLURM_NODEID=1, SLURM_LOCALID=0)
    result = cluster()
    assert (result.global_rank(), result.local_rank(), result.world_size(), result.node_rank()) == (3, 0, 8, 1)
    assert (result.main_address, result.main_port) == ("gpu07", 1234)


@pytest.mark.parametrize("name", ["bash", "interactive"])
def test_an_interactive_shell_of_slurm_is_one_process(empty, name):
    notes(empty, **surroundings(0, 4, 1234, "srun"), SLURM_JOB_NAME=name)
    assert World.find("cpu") == World()


def test_a_batch_script_without_srun_is_one_process(empty):
    notes(
        empty, SLURM_NTASKS=4, SLURM_PROCID=0, SLURM_LOCALID=0, SLURM_NODEID=0, SLURM_JOB_ID=7, SLURM_JOB_NAME="train"
    )
    assert World.find("cpu") == World()


def test_torchrun_inside_of_slurm_is_torchruns(empty):
    notes(empty, **surroundings(0, 4, 1234, "srun"))
    notes(empty, **surroundings(1, 2, 5678))
    assert (cluster().global_rank(), cluster().world_size(), cluster().main_port) == (1, 2, 5678)


def test_tasks_that_are_not_spread_over_nodes_are_refused(empty):
    notes(empty, **surroundings(0, 4, 1234, "srun"))
    empty.delenv("SLURM_NTASKS_PER_NODE")
    with pytest.raises(ConfigError, match=r"SLURM starts 4 tasks .* Give --ntasks-per-node in place of --ntasks\."):
        World.find("cpu")


def test_more_processes_than_gpus_are_refused(empty):
    notes(empty, **surroundings(1, 2, 1234))
    empty.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match=r"Process 2 of this machine finds 1 GPUs; .*--gpus-per-node"):
        World.find("cuda")


def test_a_port_that_is_taken_is_told(empty):
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        notes(empty, **surroundings(0, 2, port))
        with pytest.raises(ConfigError, match=rf"can't meet at 127\.0\.0\.1:{port}: .*torchrun --master-port PORT"):
            World.find("cpu")


# Losing each other


def test_a_lost_process_is_told_and_other_errors_are_not_hidden(monkeypatch):
    def fail(text):
        def all_reduce(*_):
            raise RuntimeError(text)

        monkeypatch.setattr(distributed.distributed, "all_reduce", all_reduce)

    fail(GONE)
    for call in (lambda: World(0, 2).any_rank(True), lambda: World(0, 2).total(torch.ones(2))):
        with pytest.raises(TrainingError, match="Another process of this training ended"):
            call()
    fail("sizes differ")
    with pytest.raises(RuntimeError, match=r"^sizes differ$"):
        World(0, 2).sum_(torch.ones(2))
    assert is_lost(RuntimeError(GONE)) and not is_lost(RuntimeError("sizes differ")) and not is_lost(OSError(GONE))


def test_the_sum_does_not_change_what_it_is_given(monkeypatch):
    monkeypatch.setattr(distributed.distributed, "all_reduce", lambda values: values.mul_(2))
    x = torch.ones(3, requires_grad=True)
    total = World(0, 2).total(x)
    total.sum().backward()
    np.testing.assert_array_equal([x.tolist(), total.tolist(), x.grad.tolist()], [[1] * 3, [2] * 3, [2] * 3])
