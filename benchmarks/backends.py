"""Eager torch against OpenVINO and ONNX Runtime: time of one image, and the share of pixels with the same class.

    python benchmarks/backends.py                          # the DeepLabV3+ and the PSPNet that come with Segcore
    python benchmarks/backends.py --train drive --labels camvid11 --epochs 12    # trains both at 360x480 first
    python benchmarks/backends.py --train ../shared/data/camvid

All sides take turns, image by image, in one process of two threads, on the frames of the run's own test split at
360x480. The model alone: from a uint8 image to float32 logits of its size, normalising it included. End to end,
picture in and mask out: resizing a frame to 360x480, the model, and the class of each pixel (`Predictor.mask`).
Deciding alone, from the logits of the model to the mask, is timed apart, where the model ends before its enlargement
(OpenVINO) and where it ends at the size of the image.

int8 is calibrated on 300 training images before anything is timed: a minute or two on the first run, kept afterwards.

Two torch sides, both float32: `plain`, the model as it is built, on a contiguous image, which is what most people run;
and `torch`, Segcore's own, which is channels-last. Ratios are against the faster of the two.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from segcore.training.openmp import SPIN

os.environ.setdefault(*SPIN)

import numpy as np
import torch

from segcore.arrays import U8Image, U8Mask
from segcore.data import resize
from segcore.evaluation import Predictor, decide
from segcore.evaluation.backends import available, open_backend
from segcore.evaluation.postprocess import Logits
from segcore.evaluation.predictor import enlarged_classes
from segcore.evaluation.standalone_inference import decide as best_classes
from segcore.models import load_model
from segcore.runs import RunRecord, load_run
from segcore.runs.reproduce import open_data

HEIGHT, WIDTH, THREADS = 360, 480, 2
WARM_UP = 3
MODELS = ("deeplabv3plus", "pspnet")
SIDES = ("torch fp32", "openvino fp32", "openvino bf16", "openvino int8", "onnxruntime fp32")

Model = Callable[[U8Image], Logits]
Mask = Callable[[U8Image], U8Mask]


def mask_of(model: Model) -> Mask:
    """Picture to mask with a model whose logits have the size of the image."""
    return lambda image: best_classes(np.asarray(model(image)), *image.shape[:2])


def plain(run: RunRecord) -> Model:
    """The model as it is built, and an image as most people make it."""
    model, fed = load_model(run.path), run.summary.input
    mean, std = (torch.tensor(values)[:, None, None] for values in (fed.mean, fed.std))

    def logits(image: U8Image) -> Logits:
        with torch.inference_mode():
            tensor = torch.from_numpy(image).permute(2, 0, 1).contiguous()
            return model(((tensor.float() / 255 - mean) / std)[None])[0]

    return logits


def sides(run: RunRecord) -> dict[str, tuple[Model, Mask]]:
    """Name -> model, and picture to mask, of what is installed and what this processor computes in."""
    eager = plain(run)
    made: dict[str, tuple[Model, Mask]] = {"plain fp32": (eager, mask_of(eager))}
    for name in SIDES:
        backend, precision = name.split()
        if backend not in available():
            print(f"  {name}: not installed")
            continue
        try:
            predictor = Predictor(run, backend=backend, precision=precision, device="cpu")
            made[name] = predictor.forward, predictor.mask
        except Exception as error:  # a processor without bf16
            print(f"  {name}: {error}")
    return made


def compare(run: RunRecord, frames: list[U8Image], rounds: int) -> None:
    """Print a table of one run."""
    images = [np.ascontiguousarray(resize(frame, HEIGHT, WIDTH)) for frame in frames]
    every = sides(run)
    expected = [np.asarray(every["plain fp32"][0](image)).argmax(axis=0) for image in images]
    same = {
        name: np.mean([mask(image) == truth for image, truth in zip(images, expected, strict=True)])
        for name, (_, mask) in every.items()
    }
    alone: dict[str, list[float]] = {name: [] for name in every}
    whole: dict[str, list[float]] = {name: [] for name in every}
    for turn in range(WARM_UP + rounds):
        frame, image = frames[turn % len(frames)], images[turn % len(frames)]
        for name, (model, mask) in every.items():
            start = time.perf_counter()
            model(image)
            middle = time.perf_counter()
            mask(np.ascontiguousarray(resize(frame, HEIGHT, WIDTH)))
            end = time.perf_counter()
            if turn >= WARM_UP:
                alone[name].append(1000 * (middle - start))
                whole[name].append(1000 * (end - middle))
    median = {name: (statistics.median(alone[name]), statistics.median(whole[name])) for name in every}
    base = min(("plain fp32", "torch fp32"), key=lambda name: median[name][0])
    print(f"{run.title}, {run.id}, {run.labels.classes} classes; ratios against {base}")
    for name, (model_ms, whole_ms) in median.items():
        print(
            f"  {name:17s}"
            f" model {model_ms:6.1f} ms  {median[base][0] / model_ms:5.2f}x  {1000 / model_ms:5.1f} frames/s"
            f"   end to end {whole_ms:6.1f} ms  {median[base][1] / whole_ms:5.2f}x  {1000 / whole_ms:5.1f} frames/s"
            f"   same class on {100 * same[name]:.2f} %"
        )
    print_int8(median)
    print_deciding(run, images, rounds)


def print_deciding(run: RunRecord, images: list[U8Image], rounds: int) -> None:
    """Print the time of deciding alone: from float32 logits to the class of each pixel."""
    logits = [np.ascontiguousarray(plain(run)(image)) for image in images]
    cases: dict[str, list[Callable[[], object]]] = {
        "logits of the image's size": [lambda one=one: best_classes(one, HEIGHT, WIDTH) for one in logits],
        "class, confidence and entropy": [lambda one=one: decide(one, HEIGHT, WIDTH) for one in logits],
    }
    if "openvino" in available():
        backend, before = open_backend(run, "openvino", "fp32", "cpu"), "logits before the enlargement"
        coarse = [backend.coarse(image) for image in images[:1]]
        if coarse[0] is not None:
            kept = [one._replace(logits=one.logits.copy(order="K")) for one in map(backend.coarse, images) if one]
            cases[before] = [lambda one=one: enlarged_classes(one, (HEIGHT, WIDTH), (HEIGHT, WIDTH)) for one in kept]
    for name, calls in cases.items():
        walls, processors = [], []
        for turn in range(WARM_UP + rounds):
            wall, processor = time.perf_counter(), time.process_time()
            calls[turn % len(calls)]()
            walls.append(1000 * (time.perf_counter() - wall))
            processors.append(1000 * (time.process_time() - processor))
        walls, processors = walls[WARM_UP:], processors[WARM_UP:]
        print(
            f"  deciding, {name:30s} {statistics.median(walls):6.1f} ms, "
            f"processor {statistics.median(processors):.1f} ms, at least {min(processors):.1f}"
        )


def print_int8(median: dict[str, tuple[float, float]]) -> None:
    """Print what int8 gains over the other precisions of OpenVINO."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    print(f"  VNNI: {'yes' if 'vnni' in flags else 'not on this processor'}")
    for other in ("openvino bf16", "openvino fp32", "plain fp32"):
        if "openvino int8" in median and other in median:
            alone, whole = (median[other][part] / median["openvino int8"][part] for part in (0, 1))
            print(f"  openvino int8 against {other}: model {alone:.2f}x, end to end {whole:.2f}x")


def trained(data: str, labels: str | None, epochs: int, out: Path) -> list[RunRecord]:
    """Both models on 360x480 images of a dataset."""
    from segcore.training import train
    from segcore.training.config import build

    settings = {
        "data": data, "labels": labels, "models": list(MODELS), "image_size": (HEIGHT, WIDTH), "batch_size": 8,
        "epochs": epochs, "augment": "driving", "out": str(out),
    }  # fmt: skip
    return train(build(settings))


def main() -> None:
    """Both models."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", nargs="+", default=[f"checkpoints/drive-{name}" for name in MODELS])
    parser.add_argument("--rounds", type=int, default=40, help="images that are timed on every side")
    parser.add_argument("--train", metavar="DATA", help="train both models on this first, instead of --runs")
    parser.add_argument("--labels", help="with --train: regroup the classes, e.g. camvid11")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--keep", metavar="DIR", help="with --train: keep the runs here")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    print(f"{HEIGHT}x{WIDTH}, {THREADS} threads, torch {torch.__version__}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        runs = (
            trained(arguments.train, arguments.labels, arguments.epochs, Path(arguments.keep or folder))
            if arguments.train
            else [load_run(path) for path in arguments.runs]
        )
        for run in runs:
            dataset = open_data(run)
            compare(
                run.resized_to(HEIGHT, WIDTH),
                [dataset.image(name) for name in dataset.split("test").ids[:12]],
                arguments.rounds,
            )


if __name__ == "__main__":
    main()
