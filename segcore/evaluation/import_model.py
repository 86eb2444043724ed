"""Imports a model in an ONNX or OpenVINO file as a run that predicts, and is never trained."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import numpy as np

from segcore.data.dataset import Dataset
from segcore.data.predictions.classes import with_map
from segcore.data.resizing import resize
from segcore.errors import EvaluationError, RunError, plain
from segcore.evaluation.backends.file_description import EXAMPLE, FileDescription, read_description
from segcore.evaluation.backends.file_model import BACKENDS_OF, FileModel, fitted, open_runtime
from segcore.evaluation.backends.registry import check_choice
from segcore.labels import LabelMap, auto_palette
from segcore.paths import local_path
from segcore.runs import InputInfo, RunRecord, load_run, run_files
from segcore.runs.imported import imported_summary
from segcore.runs.run_store import new_run
from segcore.runs.summary import Imported

FORMATS: Final = {".onnx": "ONNX", ".xml": "OpenVINO"}
FILES: Final[Mapping[str, Literal["model.onnx", "model.xml"]]] = {".onnx": "model.onnx", ".xml": "model.xml"}


def is_model_file(path: str | Path) -> bool:
    """Whether a path is named as a model's file is."""
    return Path(path).suffix.lower() in FORMATS


def import_model(
    model: str | Path,
    dataset: Dataset,
    *,
    description: str | Path | None = None,
    name: str | None = None,
    out: str | Path = "checkpoints",
    map: str | None = None,
) -> RunRecord:
    """Copy a model into a run of its own, which predicts and is evaluated like any other; nothing is scored yet.

    Args:
        model: An `.onnx` file, or OpenVINO's `.xml` with its `.bin` beside it.
        dataset: The data that it is to be scored on, in whose classes it predicts.
        description: YAML or JSON on what the file can't say; None for the JSON file beside it, as `segcore export`
            writes one.
        name: The model's name, which also names the run's folder; None for the name of the file.
        out: Folder of runs.
        map: Path of a CSV of lines `from,to`, from the classes of the model to those of the dataset.

    Raises:
        EvaluationError: when the file can't be opened here, or doesn't fit its description.
        LabelError: when one of its classes has no place in the dataset.
        RunError: when there is a run of that name.
    """
    source = _source(model)
    backend = BACKENDS_OF[source.suffix.lower()][0]
    check_choice(backend, "auto", to_run=True)
    described = read_description(_description_file(source, description))
    path = run_files.folder_of(local_path(out, RunError), name or source.stem, "run")
    if path.exists():
        raise RunError(f"There is a run called {path.name!r} already: {path}. Choose another --name, or remove it.")
    runtime = open_runtime(source, backend)
    described = fitted(described, runtime, source.name)
    class_ids = _class_ids(described, dataset.labels, map)
    _try(FileModel(runtime, described, class_ids, source.name), described, dataset)
    file = FILES[source.suffix.lower()]
    summary, config = imported_summary(
        path,
        name or source.stem,
        dataset,
        Imported(
            source=str(source.absolute()), rule=f"{FORMATS[source.suffix.lower()]}, {described.output}", file=file
        ),
        _input(described),
    )
    with new_run(path) as writer:
        try:
            shutil.copyfile(source, writer.path / file)
            if file == "model.xml":
                shutil.copyfile(source.with_suffix(".bin"), writer.path / "model.bin")
        except OSError as error:
            raise EvaluationError(f"The model can't be copied: {plain(error)}") from None
        values = described.model_dump(mode="json")
        writer.write_config(config | {"description": values, "class_ids": class_ids})
        writer.write_summary(summary)
    return load_run(path)


def _source(model: str | Path) -> Path:
    """The model's file.

    Raises:
        EvaluationError: when it is missing or of another kind.
    """
    source = local_path(model, EvaluationError)
    if not is_model_file(source):
        raise EvaluationError(f"{source}: no model that can be imported; expected MODEL.onnx, or OpenVINO's MODEL.xml.")
    if not source.is_file():
        raise EvaluationError(f"{source}: there is no such file.")
    return source


def _description_file(source: Path, given: str | Path | None) -> Path:
    """The description that was given, or the one beside the model."""
    beside = source.with_name(f"{source.name}.json")
    if given is not None:
        return local_path(given, EvaluationError)
    if not beside.is_file():
        raise EvaluationError(
            f"{source.name} can't say how images are fed to it and what its output means, and there is no "
            f"{beside.name} beside it, as `segcore export` writes one. Describe it, --description FILE, with these "
            f"lines:\n{EXAMPLE}"
        )
    return beside


def _class_ids(description: FileDescription, labels: LabelMap, map: str | None) -> list[int]:
    """For each class of the model the id in the dataset's labels; 255 for one that is not scored there."""
    names = description.classes
    own = LabelMap("the model", names, auto_palette(len(names)))
    table = own.mapping_to(with_map(own, labels, map))[: len(names)].tolist()
    lacking = [name for index, name in enumerate(labels.names) if index not in table]
    if lacking and (description.output != "ids" or len(lacking) == labels.classes):
        raise EvaluationError(
            f"The model has no class for {', '.join(lacking)} of {labels.name}; it has {', '.join(names)}. Say which "
            "of its classes these are, lines 'from,to': --map FILE.csv; or regroup those of the data: --data-map "
            "FILE.csv."
        )
    return [int(index) for index in table]


def _try(model: FileModel, description: FileDescription, dataset: Dataset) -> None:
    """Predict one image, so that a model which doesn't fit its description is refused before it becomes a run."""
    image = dataset.image(dataset.ids[0])
    height, width = description.size or image.shape[:2]
    model(np.ascontiguousarray(resize(image, height, width)))


def _input(description: FileDescription) -> InputInfo:
    height, width = description.size or (None, None)
    scale = 1 if description.range == "0..1" else 255
    step = -1 if description.channels == "BGR" else 1
    mean, std = ([value / scale for value in values[::step]] for values in (description.mean, description.std))
    return InputInfo.model_validate({"height": height, "width": width, "mean": mean, "std": std})
