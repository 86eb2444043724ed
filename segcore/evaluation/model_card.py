"""The model card of an export: what the model is, what it scored, what it takes and gives, and its limits."""

from __future__ import annotations

from typing import Any

from segcore.errors import SegcoreError
from segcore.evaluation.comparison import Comparison
from segcore.metrics import POLICY
from segcore.runs import RunRecord

_SCORES = ("miou", "pixel_accuracy")


def model_card(run: RunRecord, note: dict[str, Any], model_file: str) -> str:
    """Markdown for beside an exported model.

    Args:
        run: The run that was exported.
        note: The content of the JSON file beside the model.
        model_file: Name of the model's file.
    """
    summary, data = run.summary, run.summary.dataset
    height, width = note["input"]["shape"][2:]
    files, runtime = ", ".join(note["files"]), "onnxruntime" if note["format"] == "onnx" else "openvino"
    sections = [
        f"# {run.title}: {run.id}",
        f"{run.title} on {summary.encoder}, {(summary.parameters or 0) / 1e6:.2f} M parameters, trained by Segcore "
        f"({summary.created}) and written for {note['format']} in {note['weights_precision']}: {files}.",
        "## Data",
        f"{data.name}: {data.train} training, {data.val} validation and {data.test} test images, split: {data.split}. "
        f"Fingerprint {data.fingerprint}.",
        *(f"{split}: {sentence}" for split, sentence in (data.leaks or {}).items()),
        "## Scores",
        _scores(run, note["weights_precision"]),
        "## Use",
        f"```sh\npip install numpy opencv-python-headless {runtime}\n"
        f"python infer.py {model_file}.json photo.png --out masks\n```",
        f"Input: one image `[1, 3, {height}, {width}]` float32, {note['input']['values']}; resized "
        f"{note['input']['resize']}. Output: logits `[1, {len(note['classes'])}, {height}, {width}]`.",
        "## Classes",
        "\n".join(f"{entry['id']}. {entry['name']} {tuple(entry['color'])}" for entry in note["classes"]),
        "## Licence",
        f"The encoder began with the weights `{summary.encoder_weights or 'none'}`. Segcore records no licence of them "
        "or of the data: look it up where they come from before you pass this model on.",
        "## Limits",
        f"It knows these {len(note['classes'])} classes alone and gives one of them to every pixel, also of images "
        "that look nothing like its data. The scores hold for the data named above. It was not tested for any use "
        "where a wrong pixel can hurt somebody.",
    ]
    return "\n\n".join(sections) + "\n"


def _scores(run: RunRecord, precision: str) -> str:
    """A table of the stored scores of the test split, or else of validation, with 95 % intervals."""
    split = next((name for name in ("test", "val") if name in run.splits), None)
    if split is None:
        return "None are stored: `segcore evaluate` makes them."
    rows = []
    try:
        for key in _SCORES:
            comparison = Comparison.of([run], split, key)
            interval = comparison.row(run.id).interval
            if interval is not None:
                rows.append(
                    f"| {comparison.metric.title} | {interval.value:.3f} | {interval.low:.3f} to {interval.high:.3f} |"
                )
    except SegcoreError as error:
        return f"They can't be read: {error}"
    table = "\n".join(["| score | value | 95 % |", "|---|---:|---|", *rows])
    rounded = f" {precision} weights round them: they are of the model before." if precision != "fp32" else ""
    return f"{table}\n\nOn {split}, in float32.{rounded} {POLICY}"
