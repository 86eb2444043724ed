"""Predicts images with a model that `segcore export` wrote; Segcore itself is not needed.

    python infer.py MODEL.onnx.json photo.png other.jpg --out masks

Needs numpy, opencv-python-headless and the runtime of the model (onnxruntime or openvino). Writes `NAME.png` for each
image: a grey PNG whose values are the ids of the classes in the JSON file, of the size of the image.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

_AT_ONCE = 1 << 20  # enlarged scores held at a time: 4 MB, in or near the processor's caches


def load(description: str | Path) -> Callable[[np.ndarray], np.ndarray]:
    """Open an exported model.

    Args:
        description: The JSON file beside it.

    Returns:
        A function from an image, `[H, W, 3]` uint8 RGB of any size, to its mask, `[H, W]` uint8 class ids.
    """
    path = Path(description)
    note = json.loads(path.read_text("utf-8"))
    model = path.parent / note["files"][0]
    scores_of = (_onnx if note["format"] == "onnx" else _openvino)(model)
    _, _, height, width = note["input"]["shape"]
    rule = note["input"]["normalization"]
    mean, std = (np.array(rule[name], np.float32)[:, None, None] for name in ("mean", "std"))

    def predict(image: np.ndarray) -> np.ndarray:
        fed = resize(image, height, width).transpose(2, 0, 1).astype(np.float32) / 255
        scores = scores_of(np.ascontiguousarray(fed if rule["inside"] else (fed - mean) / std)[None])[0]
        return decide(scores, *image.shape[:2])

    return predict


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The image at the model's size: by area averaging where it shrinks, bilinear where it grows."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def decide(scores: np.ndarray, height: int, width: int) -> np.ndarray:
    """The best class of each pixel of scores `[C, h, w]` that are enlarged bilinearly to (height, width)."""
    mask = np.empty((height, width), np.uint8)
    top, below, down = _positions(scores.shape[1], height)
    left, right, across = _positions(scores.shape[2], width)
    step = max(1, _AT_ONCE // (len(scores) * width))
    for start in range(0, height, step):
        part = slice(start, start + step)
        rows = _between(scores[:, top[part]], scores[:, below[part]], down[part, None])
        mask[part] = _between(rows[..., left], rows[..., right], across).argmax(axis=0)
    return mask


def _positions(size: int, enlarged: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each enlarged row or column: the two that it lies between, and the fraction from one to the other."""
    places = (np.arange(enlarged, dtype=np.float32) + np.float32(0.5)) * np.float32(size / enlarged) - np.float32(0.5)
    places = np.clip(places, 0, size - 1)
    before = places.astype(np.intp)
    return before, np.minimum(before + 1, size - 1), places - before.astype(np.float32)


def _between(start: np.ndarray, end: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    return np.asarray(start + (end - start) * fraction)


def _onnx(path: Path) -> Callable[[np.ndarray], Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0]


def _openvino(path: Path) -> Callable[[np.ndarray], Any]:
    import openvino

    # float32 also where the processor has bf16: as exact as the scores that were stored.
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(path), "CPU", settings)
    return lambda images: compiled([images])[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Predict the images on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL.json", help="the description beside the model")
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--out", type=Path, default=Path("masks"), help="folder for the masks (default: masks)")
    options = parser.parse_args(arguments)
    predict = load(options.model)
    options.out.mkdir(parents=True, exist_ok=True)
    for path in options.images:
        image = cv2.imread(path, cv2.IMREAD_COLOR)
        if image is None:
            print(f"{path}: no image that OpenCV can read; expected PNG, JPEG or the like.", file=sys.stderr)
            return 2
        target = options.out / f"{Path(path).stem}.png"
        cv2.imwrite(str(target), predict(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)))
        print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
