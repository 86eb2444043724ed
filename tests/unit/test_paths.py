import argparse
import os
from pathlib import Path

import pytest

from segcore.augment import load_pipeline
from segcore.cli import main
from segcore.data import open_dataset
from segcore.errors import AugmentError, ConfigError, DatasetError, PathError, RunError
from segcore.models.encoder_weights import encoder_state
from segcore.paths import local_path, path_exists, path_text
from segcore.report.atomic_output import check_folder
from segcore.runs import RunStore, find_run
from segcore.training.config import build
from segcore.training.recipe_file import read_settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_it_is_expanded(home: Path) -> None:
    assert path_text("~/my runs/") == f"{home}/my runs"
    assert path_text("~") == str(home)
    assert path_text(f"file://{home}/my%20street") == path_text(f"file://localhost{home}/my street/")
    assert path_text("/") == "/"
    assert path_text("../data//") == "../data"


def test_a_relative_path_is_not_taken_for_a_name() -> None:
    assert path_text("./drive") == "./drive"  # without ./ it would be the embedded drive
    assert path_text("./light") == "./light"
    assert path_text("imagenet") == "imagenet"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", r"^'' is no path: it is empty"),
        ("  ", r"it is empty"),
        ("s3://bucket/data", r"^s3://bucket/data: an address \(s3\).* Download it first, e\.g\. with 'aws s3 cp"),
        ("https://example.com/a.zip", r"Download it first, e\.g\. with 'curl -LO'"),
        ("gs:/bucket", r"an address \(gs\)"),
        ("file://server/share", r"names the machine 'server'"),
        ("~nobody-of-this-name/x", r"no usable path"),
        ("light" + "x" * 5000, r"^'lightxxxxx.*' is no path: a name of 5,005 bytes is in it; 255 are the most"),
        ("~/" + "x" * 300, r"a name of 300 bytes"),
        ("missing/" + 130 * "\u00fc", r"a name of 260 bytes"),
        ("x/" * 2100, r"it has more than 4,095 bytes"),
        ("s3://" + "x" * 5000, r"an address \(s3\)"),
        ("a\0b", r"^'a\\x00b' is no path: it holds a zero"),
        ("\ud800", r"it holds half of a character"),
    ],
)
def test_what_is_no_path_here(given: str, message: str) -> None:
    with pytest.raises(PathError, match=message):
        path_text(given)
    assert not path_exists(given)


@pytest.mark.skipif(os.name == "nt", reason="they are paths there")
def test_a_windows_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PathError, match=r"a Windows path, .* In WSL it is /mnt/c/Users/me/data\."):
        path_text("C:\\Users\\me\\data")
    with pytest.raises(PathError, match="Mount the share first"):
        path_text("\\\\server\\share")
    monkeypatch.chdir(tmp_path)
    Path("C:\\data").mkdir()
    assert path_text("C:\\data") == "C:\\data"  # it is there, whatever it looks like


def test_every_door_expands(home: Path) -> None:
    (home / "pipeline.yaml").write_text("version: 1\ntransforms: [HorizontalFlip]\n")
    (home / "recipe.yaml").write_text(
        "out: ~/runs/\ndata: ~/street\nencoder_weights: ~/w.pth\naugment: ~/pipeline.yaml\n"
    )
    load_pipeline("~/pipeline.yaml")
    config = build(read_settings("~/recipe.yaml"))
    assert (config.out, config.data) == (f"{home}/runs", f"{home}/street")
    assert (config.encoder_weights, config.augment) == (f"{home}/w.pth", f"{home}/pipeline.yaml")
    assert RunStore("~/runs").root == home / "runs"
    assert check_folder("~/export") == (home / "export").resolve()
    with pytest.raises(DatasetError, match=rf"^{home}/street: no such file"):
        open_dataset("~/street")
    with pytest.raises(RunError, match="No run at"):
        find_run("~/runs/unet", "~/runs")
    with pytest.raises(Exception, match=rf"{home}/w\.pth: no such file"):
        encoder_state("resnet18", "~/w.pth")


def test_every_door_names_an_address() -> None:
    address = "s3://bucket/x.yaml"
    doors = [
        (DatasetError, open_dataset),
        (AugmentError, load_pipeline),
        (ConfigError, read_settings),
        (RunError, RunStore),
        (RuntimeError, lambda given: local_path(given, RuntimeError)),  # type: ignore[arg-type]
    ]
    for error, door in doors:
        with pytest.raises(error, match=r"an address \(s3\)"):
            door(address)
    for name in ("out", "data", "augment", "encoder_weights"):
        with pytest.raises(ConfigError, match=rf"^{name} \(--{name.replace('_', '-')}\) is 's3:.*an address"):
            build({name: address})


def test_commands_refuse_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--runs", "s3://bucket/runs"]) == 2
    assert main(["report", "--out", ""]) == 2
    assert main(["train", "--out", ""]) == 2
    error = capsys.readouterr().err
    assert "segcore: s3://bucket/runs: an address" in error
    assert "segcore: '' is no path: it is empty" in error
    assert "segcore train: out (--out) is ''" in error


def test_it_is_an_argparse_type(home: Path) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=path_text)
    assert parser.parse_args(["--out", "~/x/"]).out == f"{home}/x"
