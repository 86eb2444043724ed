"""The command `segcore search`, which finds settings by cross-validation."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segcore.cli.arguments import Commands
from segcore.errors import ConfigError, nearest
from segcore.paths import path_text

_DESCRIPTION = """\
Try settings on K folds of the training set, cut by blocks of time, and write the best as a recipe of train.py. The same
command continues a search that was stopped; processes started with the same command share the trials."""


def add_search(commands: Commands) -> None:
    """Add the parser of `segcore search`."""
    parser = commands.add_parser("search", help="find settings by cross-validation", description=_DESCRIPTION)
    parser.add_argument(
        "--space", type=path_text, required=True, metavar="FILE", help="YAML of what is searched; see docs/search.md"
    )
    parser.add_argument("--trials", type=int, required=True, metavar="N", help="trials in total, earlier ones included")
    parser.add_argument("--folds", type=int, required=True, metavar="K", help="parts of the training set, 2 or more")
    parser.add_argument(
        "--data", type=path_text, metavar="SOURCE", help="a folder, a zip, or drive (default: the recipe's data)"
    )
    parser.add_argument(
        "--out", type=path_text, default="checkpoints", metavar="DIR", help="folder of runs (default: checkpoints)"
    )
    parser.add_argument("--name", metavar="NAME", help="name of the search (default: name of the space file)")
    parser.add_argument(
        "--storage", metavar="FILE|URL", help="where the study is stored (default: a file in the search's folder)"
    )
    parser.add_argument("--resume", action="store_true", help="only continue a search, never start one")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the sampler (default: 0)")
    parser.add_argument("--sampler", default="tpe", metavar="NAME", help="tpe, random or grid (default: tpe)")
    parser.add_argument(
        "--prune", action=argparse.BooleanOptionalAction, default=True, help="stop trials below the median (default)"
    )
    parser.add_argument(
        "--launcher", default="local", choices=("local", "ray"), help="train trials here in turn (default), or on Ray"
    )
    parser.add_argument("settings", nargs="*", metavar="-- FLAGS", help="flags of train.py, for all trials")
    parser.set_defaults(run=run_search)


def run_search(arguments: argparse.Namespace) -> int:
    """Run `segcore search`; returns the exit code."""
    from segcore.data import check_source
    from segcore.training.loggers import check_loggers
    from segcore.training.openmp import SPIN
    from segcore.training.ray.cluster import check_ray
    from segcore.training.search.space_file import read_space

    if arguments.trials < 1:
        raise ConfigError(f"--trials is {arguments.trials}; expected 1 or more.")
    if arguments.folds < 2:
        raise ConfigError(f"--folds is {arguments.folds}; expected 2 or more.")
    if not 0 <= arguments.seed < 2**32:
        raise ConfigError(f"--seed is {arguments.seed}; expected 0 to {2**32 - 1}.")
    given = _settings(arguments.settings)
    if arguments.data is not None:
        given["data"] = arguments.data
    space = read_space(arguments.space, given)
    if arguments.launcher == "ray":
        check_ray()
    config = space.config(space.example)
    check_source(config.data)  # before torch, which takes seconds to import
    check_loggers(config.loggers)
    os.environ.setdefault(*SPIN)
    from segcore.training.search.loop import SearchPlan, search
    from segcore.training.search.study import SAMPLERS

    if arguments.sampler not in SAMPLERS:
        close = nearest(arguments.sampler, SAMPLERS)
        raise ConfigError(f"No sampler {arguments.sampler!r}.{close} Choose one of {', '.join(SAMPLERS)}.")
    plan = SearchPlan(
        space,
        trials=arguments.trials,
        folds=arguments.folds,
        name=arguments.name or Path(arguments.space).stem,
        out=arguments.out,
        storage=arguments.storage,
        sampler=arguments.sampler,
        seed=arguments.seed,
        resume=arguments.resume,
        prune=arguments.prune,
    )
    if arguments.launcher == "ray":
        from segcore.training.search.ray import search_on_ray

        search_on_ray(plan)
    else:
        search(plan)
    return 0


def _settings(flags: Sequence[str]) -> dict[str, Any]:
    """Parse the settings of train.py given after `--`."""
    from segcore.training.command_line import parser
    from segcore.training.config import TrainConfig
    from segcore.training.setting_types import flag

    namespace, rest = parser("segcore search ... --").parse_known_args(flags)
    if rest:
        name = rest[0].partition("=")[0]
        close = nearest(name, map(flag, TrainConfig.model_fields))
        raise ConfigError(f"No option {name!r} of train.py behind `--`.{close} train.py --help lists them.")
    values = vars(namespace)
    for name in [name for name in values if name not in TrainConfig.model_fields]:
        if values.pop(name):
            raise ConfigError(f"{flag(name)} can't be given behind `--`. A recipe is `base: FILE` in the space file.")
    return values
