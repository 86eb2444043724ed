"""The model card of a run or of an export: what the model is, its data, its scores, its use and its limits."""

from __future__ import annotations

from shlex import quote
from typing import Any

import numpy as np

from segcore.errors import SegcoreError
from segcore.evaluation.comparison import Comparison
from segcore.metrics import POLICY
from segcore.runs import RunRecord
from segcore.runs.run_files import WEIGHTS

MADE_BY = "trained by Segcore"  # by which a card is known
_SCORES = ("miou", "pixel_accuracy")
_NO_LICENCE = (
    "Segcore records no licence of them or of the data: look it up where they come from before you pass this model on."
)


def run_card(run: RunRecord, licence: str = "") -> str:
    """Markdown for inside a run's folder, for whoever gets the folder.

    Args:
        run: A training that is scored.
        licence: What is known of the licences of data and weights, as sentences; empty says that nothing is recorded.
    """
    summary = run.summary
    epochs = "epoch" if summary.epochs == 1 else "epochs"
    after = ", after those of its start" if summary.init else ""
    trained = f"{summary.epochs} {epochs} in {(summary.train_seconds or 0) / 60:.0f} min on {summary.device}{after}"
    sections = [
        *_opening(run, f"{MADE_BY} ({summary.created}): {trained}. First weights: {summary.first_weights}."),
        *_data(run),
        *(("## Command", f"```sh\n{summary.command}\n```") if summary.command else ()),
        *_scored(run, "fp32"),
        "## Use",
        f"```sh\nsegcore predict {quote(run.id)} photo.png --out masks\n```",
        f"It is fed images of {summary.input.height}x{summary.input.width}, and gives masks of the photo's own size. "
        f"SHA-256 of `{WEIGHTS}`: `{summary.weights_sha256 or 'not recorded'}`; loading checks it.",
        *_licence(run, licence),
        *_limits(run),
    ]
    return "\n\n".join(sections) + "\n"


def export_card(run: RunRecord, note: dict[str, Any], model_file: str) -> str:
    """Markdown for beside an exported model.

    Args:
        run: The run that was exported.
        note: The content of the JSON file beside the model.
        model_file: Name of the model's file.
    """
    summary = run.summary
    height, width = note["input"]["shape"][2:]
    files, runtime = ", ".join(note["files"]), "onnxruntime" if note["format"] == "onnx" else "openvino"
    sections = [
        *_opening(
            run,
            f"{MADE_BY} ({summary.created}) and written for {note['format']} in {note['weights_precision']}: {files}.",
        ),
        *_data(run),
        *_scored(run, note["weights_precision"]),
        "## Use",
        f"```sh\npip install numpy opencv-python-headless {runtime}\n"
        f"python infer.py {model_file}.json photo.png --out masks\n```",
        f"Input: one image `[1, 3, {height}, {width}]` float32, {note['input']['values']}; resized "
        f"{note['input']['resize']}. Output: logits `[1, {len(note['classes'])}, {height}, {width}]`.",
        "## Classes",
        "\n".join(f"{entry['id']}. {entry['name']} {tuple(entry['color'])}" for entry in note["classes"]),
        *_licence(run),
        *_limits(run),
    ]
    return "\n\n".join(sections) + "\n"


def _opening(run: RunRecord, made: str) -> tuple[str, ...]:
    summary = run.summary
    return (
        f"# {run.title}: {run.id}",
        f"{run.title} on {summary.encoder}, {(summary.parameters or 0) / 1e6:.2f} M parameters, {made}",
    )


def _data(run: RunRecord) -> tuple[str, ...]:
    data = run.summary.dataset
    return (
        "## Data",
        f"{data.name}: {data.train} training, {data.val} validation and {data.test} test images, split: {data.split}. "
        f"Fingerprint {data.fingerprint}.",
        *(f"{split}: {sentence}" for split, sentence in (data.leaks or {}).items()),
    )


def _scored(run: RunRecord, precision: str) -> tuple[str, ...]:
    """Tables of the stored scores of the test split, or else of validation, with 95 % intervals, and IoU by class."""
    split = next((name for name in ("test", "val") if name in run.splits), None)
    if split is None:
        return "## Scores", "None are stored: `segcore evaluate` makes them."
    rows = []
    try:
        for key in _SCORES:
            comparison = Comparison.of([run], split, key)
            interval = comparison.row(run.id).interval
            if interval is not None:
                rows.append(
                    f"| {comparison.metric.title} | {interval.value:.3f} | {interval.low:.3f} to {interval.high:.3f} |"
                )
        evaluation = run.evaluation(split)
        by_class = evaluation.scores.iou if evaluation is not None else np.empty(0)
    except SegcoreError as error:
        return "## Scores", f"They can't be read: {error}"
    rounded = f" {precision} weights round them: they are of the model before." if precision != "fp32" else ""
    return (
        "## Scores",
        "\n".join(["| score | value | 95 % |", "|---|---:|---|", *rows]),
        f"On {split}, in float32.{rounded} {POLICY}",
        "\n".join(
            [
                "| class | IoU |",
                "|---|---:|",
                *(
                    f"| {name} | {'not in it' if np.isnan(iou) else f'{iou:.3f}'} |"
                    for name, iou in zip(run.labels.names, by_class, strict=False)
                ),
            ]
        ),
    )


def _licence(run: RunRecord, licence: str = "") -> tuple[str, ...]:
    summary = run.summary
    return "## Licence", f"First weights: {summary.first_weights}. {licence or _NO_LICENCE}"


def _limits(run: RunRecord) -> tuple[str, ...]:
    return (
        "## Limits",
        f"It knows these {run.labels.classes} classes alone and gives one of them to every pixel, also of images "
        "that look nothing like its data. The scores hold for the data named above. It was not tested for any use "
        "where a wrong pixel can hurt somebody.",
    )
