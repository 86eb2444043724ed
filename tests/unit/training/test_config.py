"""Settings: flags, recipes, and what is refused with which words."""

import re
from pathlib import Path

import pytest

from segcore.augment import presets
from segcore.errors import AugmentError, ConfigError, SegcoreError, UnknownModel
from segcore.training import TrainConfig
from segcore.training.command_line import parse
from segcore.training.config import build
from segcore.training.recipe_file import read_settings
from segcore.training.registry import parse_loss


@pytest.mark.parametrize(
    ("flags", "error", "message"),
    [
        (
            ["--epoch", "3"],
            ConfigError,
            r"^No option '--epoch'\. Did you mean '--epochs'\? train\.py --help lists them\.$",
        ),
        (["stray"], ConfigError, r"^No option 'stray'\."),
        (
            ["--epochs", "0"],
            ConfigError,
            r"^epochs \(--epochs\) is '0': .*greater than or equal to 1.*\(1 to 10000\)\.$",
        ),
        (["--lr", "fast"], ConfigError, r"^lr \(--lr\) is 'fast': .*valid number"),
        (["--models", "unett"], UnknownModel, r"^No model 'unett'\. Did you mean 'unet'\? Choose one of fcn32s, "),
        (["--models", ""], ConfigError, r"^models \(--models\) is ''"),
        (
            ["--loss", "ce+diec"],
            ConfigError,
            r"^No loss 'diec'\. Did you mean 'dice'\? Choose one of ce, weighted_ce, dice, focal, ",
        ),
        (
            ["--loss", "0*ce"],
            ConfigError,
            r"^Loss '0\*ce': '0' is no factor; expected a positive number, as in ce\+0\.5\*dice\.$",
        ),
        (
            ["--optimizer", "adan"],
            ConfigError,
            r"^No optimizer 'adan'\. Did you mean 'adam'\? Choose one of sgd, adam, ",
        ),
        (["--schedule", "onecycle"], ConfigError, r"^No schedule 'onecycle'\. Did you mean 'one-cycle'\?"),
        (["--split", "blok"], ConfigError, r"^split \(--split\) is 'blok': Input should be 'auto', 'given', 'block'"),
        (
            ["--image-size", "300"],
            ConfigError,
            r"^image_size \(--image-size\) is '300': expected HEIGHTxWIDTH, e\.g\. 224x320",
        ),
        (["--image-size", "8x8"], ConfigError, r"^image_size \(--image-size\) is '8x8': .*greater than or equal to 32"),
        (["--augment", "ligth"], AugmentError, r"^No pipeline 'ligth'\. Did you mean 'light'\?"),
        (
            ["--labels", "camvid12"],
            ConfigError,
            r"^No class set 'camvid12'\. .*Choose one of camvid32, camvid11, cityscapes19,",
        ),
        (
            ["--freeze", "9"],
            ConfigError,
            r"^freeze \(--freeze\) is '9': expected none, encoder, schedule, or a number of stages from 1 to 5",
        ),
        (
            ["--model-options", "{unet"],
            ConfigError,
            r"^model_options \(--model-options\) is '\{unet': expected YAML, e\.g\.",
        ),
        (
            ["--model-options", "{unet: 1}"],
            ConfigError,
            r"^model_options \(--model-options\) is '\{unet: 1\}': unet: .* dictionary",
        ),
        (["--model-options", "{unett: {a: 1}}"], UnknownModel, r"^No model 'unett'"),
        (["--val-fraction", "1"], ConfigError, r"^val_fraction \(--val-fraction\) is '1': .*less than 1"),
    ],
)
def test_a_bad_flag_is_named(flags, error, message):
    with pytest.raises(error, match=message):
        parse(flags)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch: 3\n", r"^mine\.yaml: No setting 'epoch'\. Did you mean 'epochs'\? There are data, labels, "),
        ("epochs: many\n", r"^mine\.yaml: epochs \(--epochs\) is 'many': "),
        ("- 1\n", r"^mine\.yaml: not a recipe; expected lines such as 'epochs: 10'\.$"),
        ("a: [1\n", r"^mine\.yaml, line 2: not YAML: "),
        ("augment: {version: 1, transforms: [{Rotat: {}}]}\n", r"^mine\.yaml: No transform 'Rotat'"),
    ],
)
def test_a_bad_recipe_is_named(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SegcoreError, match=message):
        read_settings(path)


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"^Can't read the recipe '.*absent\.yaml': No such file or directory\.$"):
        parse(["--config", str(tmp_path / "absent.yaml")])
    (tmp_path / "mine.yaml").touch()
    with pytest.raises(ConfigError, match=r"mine\.yml': No such file or directory\. Did you mean '.*mine\.yaml'\?$"):
        parse(["--config", str(tmp_path / "mine.yml")])


def test_flags_go_before_the_recipe(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("epochs: 3\nbatch-size: 2\nimage_size: 96x128\n")
    config, only_print = parse(["--config", str(path), "--epochs", "5", "--models", "unet, pspnet"])
    assert (config.epochs, config.batch_size, config.image_size, config.models) == (5, 2, (96, 128), ("unet", "pspnet"))
    assert not only_print


def test_a_runs_config_is_whole_and_alone(tmp_path):
    config = build(
        {"models": "unet,fcn8s", "augment": "driving", "model_options": {"fcn8s": {"head_dropout": 0.1}, "unet": {}}}
    )
    mine = config.for_run("fcn8s")
    assert mine.models == ("fcn8s",) and mine.model_options == {"fcn8s": {"head_dropout": 0.1}}
    assert mine.augment == presets()["driving"].to_dict()
    assert set(mine.values()) == set(TrainConfig.model_fields)
    path = tmp_path / "config.yaml"
    path.write_text(mine.to_yaml())
    assert parse(["--config", str(path)])[0] == mine
    assert build(mine.values()) == mine


def test_a_sum_of_losses_is_read():
    assert parse_loss("ce + 0.5*dice") == ((1.0, "ce"), (0.5, "dice"))


@pytest.mark.parametrize("name", ["quick", "cam101", "camvid", "finetune-camvid", "finetune-own"])
def test_shipped_recipes_are_read(name):
    config, _ = parse(["--config", str(Path(__file__).parents[3] / "configs" / f"{name}.yaml")])
    assert config.models and all(side % 32 == 0 for side in config.image_size)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--freeze", "encoder", "--encoder-weights", "none"], "random weights would stay random"),
        (["--freeze", "2", "--unfreeze", "{1: 0}"], "unfreeze is given and freeze is 2. Write --freeze schedule"),
        (["--cache-features"], "cache_features needs a frozen encoder and freeze is none"),
        (
            ["--freeze", "schedule", "--cache-features", "--progressive", "{0: 96x128, 1: 224x320}"],
            "progressive changes it while the encoder is frozen (96x128 and 224x320). Unfreeze it before",
        ),
        (["--folds", "3", "--fold", "3"], "fold is 3 of 3 folds; expected 0 to folds - 1"),
        (["--folds", "1"], "folds is 1; expected 2 or more, or 0"),
        (["--progressive", "{0: 256x256}"], "progressive trains at 256x256 and image_size is 224x320"),
        (["--progressive", "{6: 64x64}"], "progressive names epoch 6, and the last is 5, counted from 0"),
        (["--freeze", "schedule", "--unfreeze", "{9: 0}"], "unfreeze names epoch 9, and the last is 5, counted from 0"),
        (["--class-weights", "{car: 4}"], "class_weights are given and loss is ce+dice, which has none. Write --loss"),
        (["--class-weights", "medain"], "No class weights 'medain'. Did you mean 'median'?"),
        (["--loggers", "tensorbord"], "No logger 'tensorbord'. Did you mean 'tensorboard'?"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(flags, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse(flags)


def test_features_are_kept_where_sizes_change_once_the_encoder_trains():
    config = parse(["--freeze", "schedule", "--cache-features", "--progressive", "{0: 96x128, 2: 224x320}"])[0]
    assert [config.frozen_at(epoch) for epoch in (1, 2)] == ["encoder", "3"]


def test_files_of_encoder_weights_are_kept_from_the_root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.pth").touch()
    (tmp_path / "imagenet").mkdir()
    given = [build({"encoder_weights": name}).encoder_weights for name in ("own.pth", "gone.pth", "imagenet")]
    assert given == [str(tmp_path / "own.pth"), "gone.pth", "imagenet"]


def test_stages_thaw_at_their_epochs():
    config, _ = parse(["--freeze", "schedule", "--unfreeze", "{2: 3, 4: 0}"])
    assert [config.frozen_at(epoch) for epoch in range(6)] == ["encoder", "encoder", "3", "3", "none", "none"]
    config, _ = parse(["--freeze", "schedule", "--epochs", "10"])  # by thirds
    assert [config.frozen_at(epoch) for epoch in range(10)] == ["encoder"] * 4 + ["3"] * 3 + ["none"] * 3


def test_sizes_grow_at_their_epochs():
    config, _ = parse(["--progressive", "{0: 96x128, 2: 160x224, 4: 224x320}"])
    assert [config.size_at(epoch) for epoch in (0, 1, 2, 3, 4, 5)] == [(96, 128)] * 2 + [(160, 224)] * 2 + [
        (224, 320)
    ] * 2


def test_a_config_is_as_many_tasks_as_models_seeds_and_folds():
    config, _ = parse(["--models", "unet,fcn8s", "--seed", "3", "--repeats", "2", "--folds", "2", "--launcher", "ray"])
    tasks = config.tasks()
    assert [task.run_name("x") for task in tasks[:4]] == [
        "x-unet-seed3-fold0", "x-unet-seed3-fold1", "x-unet-seed4-fold0", "x-unet-seed4-fold1",
    ]  # fmt: skip
    assert len(tasks) == 8 and all(task.tasks() == [task] for task in tasks)
    assert {task.launcher for task in tasks} == {"local"}
    assert {task.split_seed for task in tasks} == {3}  # all repeats are validated on the same images
    item = config.model_copy(update={"split_seed": "each"}).tasks()
    assert [task.split_seed for task in item[:4]] == [3, 3, 4, 4]
    assert parse(["--split-seed", "7"])[0].tasks()[0].plan_seed == 7
    assert len(config.model_copy(update={"fold": 1}).tasks()) == 4
