"""`train.py` as typed: its help, its settings printed, and how it ends when it can't start."""

import subprocess
import sys

import pytest

from segcore.training import TrainConfig
from segcore.training.command_line import main, parse
from segcore.training.config import describe


def test_every_setting_has_a_flag_and_a_description(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for name in TrainConfig.model_fields:
        assert f"--{name.replace('_', '-')}" in text
        assert len(describe(name)) > 8


def test_printed_settings_are_a_recipe(tmp_path, capsys):
    flags = [
        "--model-options",
        "{unet: {decoder_channels: [64, 32, 16, 8, 8]}}",
        "--void",
        "class",
        "--skip-incomplete",
    ]
    assert main([*flags, "--print-config"]) == 0
    printed = capsys.readouterr().out
    path = tmp_path / "printed.yaml"
    path.write_text(printed)
    assert main(["--config", str(path), "--print-config"]) == 0
    assert capsys.readouterr().out == printed
    assert parse(["--config", str(path)])[0] == parse(flags)[0]


def test_an_error_has_no_traceback_and_its_own_exit_code(capsys):
    assert main(["--models", "unett"]) == 2
    assert capsys.readouterr().err.startswith("train.py: No model 'unett'. Did you mean 'unet'?")


def test_a_full_disk_is_said(capsys, monkeypatch):
    def full(config):
        raise OSError(28, "No space left on device", "checkpoints/x/summary.json")

    monkeypatch.setattr("segcore.training.engine.train", full)
    assert main([]) == 2
    assert capsys.readouterr().err == "train.py: checkpoints/x/summary.json: No space left on device.\n"


def test_help_needs_no_torch():
    code = (
        "import sys\nfrom segcore.training.command_line import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print({'torch', 'lightning', 'albumentations', 'pandas'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.endswith("set()\n")


def test_what_can_not_start_is_said_before_torch_is_imported():
    code = (
        "import sys\nfrom segcore.training import loggers\nfrom segcore.training.command_line import main\n"
        "loggers.find_spec = lambda name: None\n"
        "codes = main(['--data', '/no/such/place']), main(['--loggers', 'mlflow'])\n"
        "print(codes, {'torch', 'lightning', 'pandas'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "(2, 2) set()\n"
    assert result.stderr == (
        "train.py: /no/such/place: no such file or folder. Give a folder, a zip, or 'drive' for the embedded data.\n"
        "train.py: --loggers mlflow: the package mlflow is not installed. pip install 'segcore[mlflow]', or leave "
        "mlflow out of --loggers.\n"
    )
