"""The command line of training: a flag for each setting of `TrainConfig`, which override a YAML recipe."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from segcore.data import check_source
from segcore.errors import ConfigError, SegcoreError, nearest, plain
from segcore.extensions.code_file import require_agreement
from segcore.runs import run_files
from segcore.terminal import print_text
from segcore.training.config import TrainConfig, build, describe
from segcore.training.loggers import check_loggers
from segcore.training.openmp import SPIN
from segcore.training.ray.cluster import check_ray
from segcore.training.recipe_file import read_settings
from segcore.training.setting_types import flag

_DESCRIPTION = """\
Train several architectures on the same data, keep the best epoch of each, score it on the test set.
With no arguments: four models on the embedded drive."""


def parser(prog: str) -> argparse.ArgumentParser:
    """A parser with a flag for each setting; flags that are not given are absent from the namespace."""
    result = argparse.ArgumentParser(prog, description=_DESCRIPTION, allow_abbrev=False)
    result.add_argument("--config", metavar="FILE", help="YAML recipe, or a run's config.yaml; flags go before it")
    result.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped: its folder or id")
    result.add_argument("--print-config", action="store_true", help="print all settings as YAML and stop")
    for name, field in TrainConfig.model_fields.items():
        separator = {"models": ",", "image_size": "x"}.get(name)
        default = separator.join(map(str, field.default)) if separator else field.default
        text = f"{describe(name)}; default {default}".replace("%", "%%")
        choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
        if field.annotation is bool:
            result.add_argument(flag(name), action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text)
        else:
            metavar = "|".join(choices) if choices else name.rsplit("_", 1)[-1].upper()
            result.add_argument(flag(name), metavar=metavar, default=argparse.SUPPRESS, help=text)
    return result


def parse(arguments: Sequence[str], prog: str = "train.py") -> tuple[TrainConfig, bool]:
    """Parse arguments into a config and whether to only print it.

    Raises:
        ConfigError: on an unknown flag or key (the nearest is named), or an invalid value (the choices are listed).
    """
    values, _, only_print = _read(arguments, prog)
    return build(values), only_print


def _read(arguments: Sequence[str], prog: str) -> tuple[dict[str, Any], str | None, bool]:
    """(settings given, run to resume, whether to only print the settings)."""
    given, rest = parser(prog).parse_known_args(arguments)
    if rest:
        flags = [*map(flag, TrainConfig.model_fields), "--config", "--resume", "--print-config", "--help"]
        name = rest[0].partition("=")[0]
        raise ConfigError(f"No option {name!r}.{nearest(name, flags)} {prog} --help lists them.")
    values: dict[str, Any] = vars(given)
    recipe, run, only_print = values.pop("config"), values.pop("resume"), values.pop("print_config")
    settings = read_settings(recipe) if recipe else {}
    if recipe and (Path(recipe).parent / run_files.SUMMARY).is_file():  # of a run, which may be somebody else's
        named = build(settings | values).names_by_setting
        names = [name for setting, names in named.items() if setting not in values for name in names]
        require_agreement(names, Path(recipe))
        kept = Path(recipe).parent / run_files.ONLY
        if settings.get("only") and kept.is_file():  # the images of that run, whatever became of the tag
            settings["only"] = str(kept)
    return settings | values, run, only_print


def main(arguments: Sequence[str] | None = None, prog: str = "train.py") -> int:
    """Run the command. Returns the exit code: 0, 1 (a model failed), 2 (nothing could start) or 130 (interrupted)."""
    os.environ.setdefault(*SPIN)
    # Silence DDP's C++ warnings to programmers (unused parameters, strides); errors are raised as exceptions.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        values, run, only_print = _read(sys.argv[1:] if arguments is None else arguments, prog)
        if run:
            from segcore.training.engine import resume

            runs, wanted = [resume(run, values)], 1
        else:
            config = build(values)
            if only_print:
                print_text(config.to_yaml(), end="")
                return 0
            check_source(config.data)  # before torch, which takes seconds to import
            check_loggers(config.loggers)
            if config.launcher == "ray":
                check_ray()
            from segcore.training.engine import train

            runs, wanted = train(config), len(config.tasks())
    except (SegcoreError, OSError) as error:
        _say(f"{prog}: {plain(error) if isinstance(error, OSError) else error}")
        return 2
    except KeyboardInterrupt:
        _say(f"\n{prog}: interrupted.")
        return 130
    statuses = {run.summary.status for run in runs}
    stopped = len(runs) < wanted and "failed" not in statuses  # Ctrl-C while the last run was scored
    if "interrupted" in statuses or stopped:
        return 130
    return 1 if "failed" in statuses else 0


def _say(text: str) -> None:
    """Print to stderr; of several processes that train together, only in the first one of each machine."""
    if int(os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_LOCALID") or 0) == 0:
        print_text(text, file=sys.stderr)
