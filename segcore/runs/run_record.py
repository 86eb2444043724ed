"""Reading a run from its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.errors import RunError, number, one_line
from segcore.labels import LabelMap
from segcore.models import model_title
from segcore.paths import local_path
from segcore.reading import LARGEST_RECIPE, parse_yaml, read_bytes, read_text
from segcore.runs import cli_hints, run_files, run_lock
from segcore.runs.csv_tables import read_csv_table
from segcore.runs.data_places import find_data
from segcore.runs.json_documents import read_document
from segcore.runs.prediction_images import read_prediction
from segcore.runs.profile import Profile, read_profile, sum_profiles
from segcore.runs.split_variant import SplitVariant
from segcore.runs.summary import Member, Summary
from segcore.runs.titles import ensemble_title, imported_title

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from segcore.arrays import U8Mask
    from segcore.data.leaks import LeakReport
    from segcore.models.base import AnySize
    from segcore.runs.evaluation import Evaluation

HISTORY_COLUMNS = (
    "epoch", "step", "train_loss", "val_loss", "train_miou", "train_pixel_accuracy", "val_miou",
    "val_pixel_accuracy", "lr", "seconds",
)  # fmt: skip
COVERED = ("val", "test")  # splits that a leak check covers
NO_CHECK = "Leak check: none can be made, since nobody knows the images of its training."


@dataclass(frozen=True, eq=False, repr=False)
class RunRecord:
    """One training with its model and results. Every file but the summary is read on access.

    Args:
        path: The run's folder.
        summary: What the run is, its scores and costs.
        version: Another number after every change of its files, and for an ensemble of its members' files. `id` and
            `version` are a key for caches.
    """

    path: Path
    summary: Summary
    version: int

    @property
    def id(self) -> str:
        """The run's id in its store: the name of its folder."""
        return self.path.name

    @property
    def title(self) -> str:
        """The model's name as shown to people, e.g. `FCN-8s` or `Ensemble of U-Net and FCN-8s`."""
        members, imported = self.summary.members, self.summary.imported
        if imported is not None:
            return imported_title(self.summary.model, imported.resized)
        titles = [member.model for member in members]
        return ensemble_title(titles, self.summary.by_vote) if titles else model_title(self.summary.model)

    @property
    def was_trained(self) -> bool:
        """Whether it is a training, unlike an ensemble, imported predictions and the file of a model."""
        return not self.summary.members and self.summary.imported is None

    @property
    def training_unknown(self) -> bool:
        """Whether nobody knows which images it was trained on: it, or a member of it, was imported."""
        members: Sequence[RunRecord] = ()
        if self.summary.members:
            with suppress(RunError):  # a member that is gone
                members = self.members
        return any(one.summary.imported is not None for one in (self, *members))

    @property
    def only_predictions(self) -> bool:
        """Whether it holds imported predictions and no model."""
        return self.summary.imported is not None and self.summary.imported.file is None

    @property
    def model_file(self) -> Path | None:
        """The ONNX or OpenVINO file of a model that was imported; None for every other run.

        Raises:
            RunError: when it is missing.
        """
        imported = self.summary.imported
        return None if imported is None or imported.file is None else self._file(imported.file)

    @property
    def stopped(self) -> str | None:
        """What there is of a training that did not finish, and how to go on with it; None of any other run."""
        info = self.summary
        if info.status not in ("interrupted", "failed"):
            return None
        kept = f", kept is epoch {info.best_epoch + 1}" if info.best_epoch is not None else ""
        why = f": {info.error.rstrip('.')}" if info.error else ""
        how = "" if "train.py" in why else f" {cli_hints.go_on(self.path)}"
        return f"{info.status} after {number(info.epochs or 0, 'epoch')}{kept}{why}.{how}"

    @property
    def members(self) -> tuple[RunRecord, ...]:
        """The runs of an ensemble; empty for any other run.

        Raises:
            RunError: when a member is missing, can't be read, is an ensemble, or was trained again since.
        """
        return tuple(self._read_member(member) for member in self.summary.members)

    @cached_property
    def labels(self) -> LabelMap:
        """The classes that the model predicts."""
        return LabelMap.from_dict(self.summary.labels)

    @property
    def config(self) -> dict[str, Any]:
        """All settings of its training, by name.

        Raises:
            RunError: when `config.yaml` is missing or no YAML mapping.
        """
        path = self._file(run_files.CONFIG)
        try:
            values = parse_yaml(read_text(path, LARGEST_RECIPE))
        except OSError as error:
            raise RunError(f"{path} can't be read ({error.strerror or error}).") from None
        except ValueError as error:
            raise RunError(f"{path} is no YAML ({one_line(error)}). {cli_hints.recovery(self.path)}") from None
        if not isinstance(values, dict):
            raise RunError(f"{path} holds no settings; expected `name: value` lines. {cli_hints.recovery(self.path)}")
        return {str(name): value for name, value in values.items()}

    @property
    def note(self) -> str:
        """What its user wrote about it; empty where nothing."""
        path = self.path / run_files.NOTE
        try:
            return read_bytes(path).decode("utf-8", errors="replace").strip()
        except OSError:
            return ""

    @property
    def history(self) -> pd.DataFrame:
        """The training by epoch: `HISTORY_COLUMNS` and perhaps more; no rows before the first epoch has ended.

        Raises:
            RunError: when `metrics.csv` is no such table.
        """
        hint = cli_hints.recovery(self.path)
        return read_csv_table(self.path / run_files.METRICS, HISTORY_COLUMNS, HISTORY_COLUMNS, hint)

    @property
    def profile(self) -> Profile | None:
        """The cost of its model: size, operations and latency by backend; None where `segcore profile` never ran.

        The profile of an ensemble is the sum of its members' profiles; None where one of them is unknown.

        Raises:
            RunError: when `profile.json` is truncated, foreign or of another schema.
        """
        if not self.summary.members:
            return read_profile(self.path)
        try:
            profiles = [member.profile for member in self.members]
        except RunError:
            return None
        known = [profile for profile in profiles if profile is not None]
        return sum_profiles(known) if len(known) == len(profiles) else None

    @property
    def weights(self) -> Path:
        """Path of `model.safetensors`.

        Raises:
            RunError: when it is missing, or the run is an ensemble or was imported.
        """
        if self.summary.members:
            names = ", ".join(member.id for member in self.summary.members)
            raise RunError(f"Run {self.id!r} is an ensemble and has no weights of its own, only its members: {names}.")
        if self.model_file is not None:
            raise RunError(
                f"Run {self.id!r} has no weights that PyTorch reads; its model is the file {self.model_file}."
            )
        if self.summary.imported is not None:
            raise RunError(f"Run {self.id!r} holds imported predictions and has no weights.")
        return self._file(run_files.WEIGHTS)

    def load_model(self) -> AnySize:
        """The trained model: float32, on the CPU, in `eval()`; its weights must be the ones that were scored.

        Raises:
            RunError: as `segcore.models.load_model`, and where their checksum is not the summary's.
            CodeError: when the run's own code has to be run and nobody on this machine has agreed to that.
        """
        from segcore.models import load_model

        return load_model(self.path, sha256=self.summary.weights_sha256)

    def resized_to(self, height: int, width: int) -> RunRecord:
        """This run as if images were resized to another size for its model; itself where that takes any size."""
        fed = self.summary.input
        if fed.height is None:
            return self
        other = fed.model_copy(update={"height": height, "width": width})
        return replace(self, summary=self.summary.model_copy(update={"input": other}))

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the stored evaluations, e.g. `test` and `test+flip`."""
        folder = self.path / run_files.EVALUATION
        if not folder.is_dir():
            return ()
        return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."))

    def leak(self, split: str, *sources: str) -> str | None:
        """The warning that must stand beside a score on `val` or `test`; `None` when no leak is known.

        The result of `segcore data check`, where it is stored, replaces the result of the check before training.

        Args:
            split: Name of a stored evaluation; variants such as `test+flip` have the images of their split.
            sources: Where the data may be now, if not where it was for training.
        """
        report, split = self.leak_report(*sources), SplitVariant.parse(split).split
        return report.sentence(split) if report is not None else (self.summary.dataset.leaks or {}).get(split)

    def leak_report(self, *sources: str) -> LeakReport | None:
        """The stored report of `segcore data check` on this data and split; None without one that compared pictures.

        There is none of a run whose training images nobody knows.

        Args:
            sources: Where the data may be now, if not where it was for training.
        """
        from segcore.data.leaks.report_storage import stored_for_fingerprints

        if self.training_unknown:
            return None
        info = self.summary.dataset
        places = (*sources, find_data(info) or info.source)
        report = stored_for_fingerprints(places, info.fingerprint, info.split_fingerprint)
        return report if report is not None and report.pictures else None

    def evaluation(self, split: str) -> Evaluation | None:
        """The stored evaluation of this name, such as `test` or `test+flip`; `None` when there is none.

        Raises:
            RunError: when its files are missing, truncated or foreign.
        """
        from segcore.runs.evaluation import Evaluation

        folder = self.path / run_files.EVALUATION / split
        return Evaluation.read(folder, self.labels) if folder.is_dir() else None

    def prediction(self, split: str, sample_id: str) -> U8Mask:
        """The stored prediction of an image, `[H, W]` uint8 class ids, without reading the evaluation's tables.

        Raises:
            RunError: when it is missing, broken or no palette PNG.
        """
        return read_prediction(self.path / run_files.EVALUATION / split, sample_id)

    def has_prediction(self, split: str, sample_id: str) -> bool:
        """Whether the prediction of an image of a split is stored; no table is read."""
        folder = self.path / run_files.EVALUATION / split / run_files.PREDICTIONS
        return (folder / run_files.file_name(sample_id)).is_file()

    def plot_curves(self, *, width: int = 260) -> alt.HConcatChart:
        """Draw loss, mIoU and pixel accuracy by epoch, training dashed and validation solid; the large marker is kept.

        Args:
            width: Width of each plot in px.

        Raises:
            RunError: when no epoch is known; the message says why.
        """
        from segcore.runs.display import plot_curves

        return plot_curves(self, width)

    def __repr__(self) -> str:
        info, known = self.summary, {"val": self.summary.val, "test": self.summary.test}
        scores = ", ".join(f"{split} mIoU {score.miou:.3f}" for split, score in known.items() if score) or "no scores"
        return f"<Run {self.id}: {self.title} on {info.dataset.name}, {info.status}; {scores}>"

    def _repr_html_(self) -> str:
        """What it is and what it scored, for notebooks."""
        from segcore.runs.display import run_html

        return run_html(self)

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise RunError(f"Run {self.id!r} has no {name}. {cli_hints.recovery(self.path)}")
        return path

    def _read_member(self, member: Member) -> RunRecord:
        path = member.folder(self.path)
        about = f"Run {self.id!r} is an ensemble, and its member {member.id!r}"
        hint = f"Put it back, or make another: segcore evaluate RUN --with RUN. The stored scores of {self.id!r} stay."
        if not path.is_dir():
            raise RunError(f"{about} is not at {path}. {hint}")
        run = load_run(path)
        if run.summary.members:  # a folder edited by hand could contain itself, without end
            raise RunError(f"{about} at {path} is another ensemble; expected a run that was trained. {hint}")
        if run.summary.created != member.created:
            raise RunError(f"{about} was trained again since ({run.summary.created}; it was {member.created}). {hint}")
        return run


def load_run(path: str | Path, known: RunRecord | None = None) -> RunRecord:
    """Open a run by its folder; only `summary.json` is read.

    Args:
        path: The folder.
        known: The run as it was read before, which is given back where nothing in its folder has changed since.

    Raises:
        RunError: when the folder is missing or its summary is missing, truncated, foreign or of another schema.
    """
    if known is not None and _unchanged(known):
        return known
    folder = local_path(path, RunError)
    if folder.name in ("", ".."):  # `segcore evaluate .`
        folder = folder.resolve()
    if not folder.is_dir():
        raise RunError(f"No run at {path}; expected a folder that train.py wrote. `segcore runs` lists what there is.")
    file = folder / run_files.SUMMARY
    if not file.is_file():
        if run_lock.never_began(folder):
            raise RunError(
                f"The training of {folder.name!r} never began: its process ended before the first step, and left no "
                f"results. Begin it: {cli_hints.train_again(folder)}"
            )
        raise RunError(f"Run {folder.name!r} has no {run_files.SUMMARY}. {cli_hints.recovery(folder)}")
    own = version(folder)
    summary = run_lock.as_it_is(folder, read_document(file, Summary, cli_hints.recovery(folder)))
    return RunRecord(folder, summary, _with_members(own, folder, summary))


def _unchanged(run: RunRecord) -> bool:
    """Whether nothing in a run's folder has changed; never of one whose process, if it lives, tells what it is."""
    summary = run.summary
    if summary.status != "training" and (summary.val is not None or summary.test is not None):
        with suppress(FileNotFoundError, NotADirectoryError):
            return run.version == _with_members(version(run.path), run.path, summary)
    return False


def _with_members(own: int, folder: Path, summary: Summary) -> int:
    """A run's version; an ensemble's profile is read from its members' folders, with files replaced by renaming."""
    others = [_modified(member.folder(folder)) for member in summary.members]
    return hash((own, *others)) if others else own


def version(folder: Path) -> int:
    """A number made of the modification times of the run's files and folders, and of whether its training died.

    Of all of them: where the clock was put back, a change is older than what was there before it.
    """
    # Plain strings: with 60 runs a page checks 600 files, and making Path objects takes longer than the checks.
    changed = []
    for path in (str(folder), *_watched(str(folder))):  # the folder itself may be gone: that is a change, too
        with suppress(FileNotFoundError, NotADirectoryError):
            changed.append(os.stat(path).st_mtime_ns)  # noqa: PTH116
    return hash((*changed, os.path.exists(f"{folder}/{run_lock.FILE}") and run_lock.is_dead(folder)))  # noqa: PTH110


def _modified(folder: Path) -> int:
    """Modification time of a folder in ns; 0 where it is missing."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return folder.stat().st_mtime_ns
    return 0


def _watched(folder: str) -> Iterator[str]:
    yield from (f"{folder}/{name}" for name in (*run_files.MARKS, run_files.NOTE))
    evaluation = f"{folder}/{run_files.EVALUATION}"
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(evaluation) as splits:
        yield evaluation
        for split in sorted(splits, key=lambda entry: entry.name):  # the order is part of `version`
            yield split.path
            yield from (
                f"{split.path}/{name}" for name in (run_files.IMAGES, run_files.CONFUSION, run_files.PREDICTIONS)
            )
