"""Finds the weights that the setting `init` names: of a run, a folder, a file, or a model on the hub."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import torch

from segcore.errors import ConfigError, RunError, SegcoreError, WeightsError, first_line, listed, number
from segcore.models import create_model, model_title, set_trainable
from segcore.models.base import AnySize
from segcore.models.encoder_weights import hub_reachable
from segcore.models.encoders import Normalization
from segcore.models.initial_weights import InitialWeights, Transfer, class_axes, mean_of, start_from
from segcore.models.state_dict_file import FOLDER_FILES, SUFFIXES, read_tensors, weights_file
from segcore.paths import local_path
from segcore.reading import parse_json, read_text
from segcore.runs import RunStore, load_run
from segcore.runs.run_files import SUMMARY
from segcore.runs.run_record import RunRecord
from segcore.runs.summary import InitInfo
from segcore.training.config import TrainConfig
from segcore.training.setting_types import initial_places

HUB = "hub:"
CONFIG = "config.json"  # of a save_pretrained folder; transformers writes the names of the classes into it


def read_initial(given: str, runs: str | Path) -> tuple[InitialWeights, Normalization | None]:
    """The weights that `--init` names, and the normalisation that their model was trained with, where that is known.

    Args:
        given: The folder or id of a run, a `save_pretrained` folder, a file of weights, or `hub:ID[@REVISION]`; of
            several, with commas between them, the mean of their weights is returned.
        runs: The folder of runs in which an id is looked up.

    Raises:
        WeightsError: when there is no such file, it can't be read as data, the hub can't be reached, or several differ
            in their architecture, classes or normalisation.
        RunError: when there is no such run, or it has no weights.
    """
    read = [_read_one(place, runs) for place in initial_places(given)]
    norms = {norm for _, norm in read if norm is not None}
    if len(norms) > 1:
        raise WeightsError(
            f"--init {given}: their models were trained with different normalisations "
            f"({', '.join(map(str, norms))}), so the mean of their weights is no model. Give runs that went on from "
            "one start."
        )
    return mean_of([weights for weights, _ in read]), next(iter(norms), None)


def _read_one(given: str, runs: str | Path) -> tuple[InitialWeights, Normalization | None]:
    if given.startswith(HUB):
        folder = hub_folder(given.removeprefix(HUB))
        return InitialWeights(f"{given} ({folder.name[:12]})", read_tensors(folder), _named_classes(folder)), None
    path = local_path(given, WeightsError)
    if not path.exists() and len(path.parts) == 1:
        try:
            path = RunStore(runs).folder(path.name)
        except RunError:
            if path.suffix.lower() not in SUFFIXES:  # it was no file either
                raise
    folder = path if path.is_dir() else path.parent
    if (folder / SUMMARY).is_file():
        return _of_run(load_run(folder), path)
    file = weights_file(path)
    return InitialWeights(str(path), read_tensors(file), _named_classes(file.parent)), None


def _of_run(run: RunRecord, path: Path) -> tuple[InitialWeights, Normalization]:
    info = run.summary
    file = path if path.is_file() else run.weights
    made_as = f"{model_title(info.model)} on {info.encoder} (--models {info.model} --encoder {info.encoder})"
    weights = InitialWeights(str(path), read_tensors(file), run.labels.names, made_as)
    return weights, Normalization(info.input.mean, info.input.std)


def hub_folder(name: str) -> Path:
    """A model's files from the Hugging Face hub, or from its local cache when the hub can't be reached.

    Args:
        name: `owner/model`, or `owner/model@revision`.

    Raises:
        WeightsError: when they can't be had.
    """
    repository, _, revision = name.partition("@")
    reachable = hub_reachable()
    try:
        return Path(
            huggingface_hub.snapshot_download(
                repository,
                revision=revision or None,
                allow_patterns=[CONFIG, *FOLDER_FILES],
                local_files_only=not reachable,
            )
        )
    except Exception as error:  # httpx, huggingface_hub and the file system each raise their own
        hub = huggingface_hub.constants.ENDPOINT
        why = first_line(error) if reachable else f"{hub} can't be reached and it is not in the local cache"
        raise WeightsError(
            f"{HUB}{name}: {why}. Download it where there is a network (hf download {repository} --local-dir FOLDER) "
            "and give --init FOLDER."
        ) from error


def _named_classes(folder: Path) -> tuple[str, ...] | None:
    """The names of the classes in a folder's `config.json` (`id2label`); None where there are none."""
    try:
        config = parse_json(read_text(folder / CONFIG))
    except (OSError, ValueError):
        return None
    names = config.get("id2label") if isinstance(config, dict) else None
    if not isinstance(names, dict) or not names or not all(str(key).isdecimal() for key in names):
        return None
    by_id = {int(key): str(name) for key, name in names.items()}
    return tuple(by_id[key] for key in sorted(by_id)) if sorted(by_id) == list(range(len(by_id))) else None


def prepare_model(
    model: AnySize, config: TrainConfig, weights: InitialWeights | None, classes: tuple[str, ...]
) -> Transfer | None:
    """Start a model from weights, where there are some, and freeze what the first epoch freezes; in place.

    Raises:
        WeightsError: when (nearly) nothing fits, or something frozen would stay random.
        ModelError: when it has no such parts as some epoch freezes.
        ConfigError: when its features can't be cached.
    """

    def build(count: int) -> AnySize:
        try:
            with torch.device("meta"):  # shapes are all that is needed
                return create_architecture(config, count)
        except (SegcoreError, RuntimeError, NotImplementedError):  # a user's model that computes when it is made
            return create_architecture(config, count)

    if config.cache_features and not (model.cuts_after_encoder and model.encoder_part is not None):
        raise ConfigError(
            f"--cache-features keeps what an encoder sees, and {model_title(config.models[0])} is not divided into an "
            "encoder and what follows. Leave it out."
        )
    transfer = start_from(model, weights, classes, class_axes(model, build, len(classes))) if weights else None
    first, later = config.frozen_at(0), {config.frozen_at(epoch) for epoch in range(1, config.epochs)}
    for frozen in (first, *sorted(later), first):  # what can't be frozen later is refused now
        set_trainable(model, frozen)
    if weights and transfer:
        _check_frozen(model, weights, transfer)
    return transfer


def _check_frozen(model: AnySize, weights: InitialWeights, transfer: Transfer) -> None:
    """Refuse weights that lack what is frozen."""
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    fresh = [name for name in frozen if name not in transfer.taken]
    if fresh:
        raise WeightsError(
            f"{weights.source}: nothing fits {len(fresh)} of the {number(len(frozen), 'tensor')} that are frozen "
            f"({listed(fresh, 4)}), so random weights would stay random. Train them too (--freeze none), or start from "
            "weights that have them."
        )


def create_architecture(config: TrainConfig, classes: int, encoder_weights: str = "none") -> AnySize:
    """The model of a task, with these encoder weights, whatever its settings say.

    Raises:
        ModelError: when it can't be built.
    """
    name = config.models[0]
    return create_model(
        name,
        encoder=config.encoder,
        encoder_weights=encoder_weights,
        classes=classes,
        **config.model_options.get(name, {}),
    )


def init_info(weights: InitialWeights, transfer: Transfer) -> InitInfo:
    """What a run's summary says about its start."""
    return InitInfo(
        source=weights.source,
        tensors=transfer.tensors,
        taken=len(transfer.taken),
        classes=dict(transfer.classes),
        fresh=transfer.fresh,
        not_taken=transfer.not_taken,
        unused=len(transfer.unused),
    )
