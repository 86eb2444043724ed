"""How many predictions a second `segcore import` scores. Run: python benchmarks/importing.py [--images 1000].

Masks of the embedded drive, 960x720, are the ground truth. Predictions are the same masks with borders
moved by up to 3 px and with patches of another class, which gives scores as a trained model has them. They are imported
as ids, as palette pictures and, fewer of them, as colours and probabilities.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from segcore.data import open_dataset
from segcore.evaluation.imports import import_folder
from segcore.labels import CAMVID32

HEIGHT, WIDTH = 720, 960
FEW = 100  # of the slower forms


def predicted(truth: np.ndarray, generator: np.random.Generator, classes: int) -> np.ndarray:
    """The truth with moved borders and some patches of another class; no pixel is void."""
    mask = np.roll(truth, generator.integers(-3, 4, 2), (0, 1))
    for _ in range(6):
        top, left = generator.integers(0, HEIGHT - 90), generator.integers(0, WIDTH - 120)
        mask[top : top + 90, left : left + 120] = generator.integers(classes)
    return np.where(mask >= classes, 0, mask).astype(np.uint8)


def write_data(root: Path, images: int) -> None:
    """Write a dataset in SegNet's layout and its predictions in each form."""
    drive, generator = open_dataset("drive"), np.random.default_rng(0)
    labels = drive.labels
    picture = Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    folders = ("train", "trainannot", "test", "testannot", "ids", "palette", "colours", "probabilities")
    for folder in folders:
        (root / folder).mkdir()
    rows = [f"{red} {green} {blue} {name}\n" for name, (red, green, blue) in CAMVID32.entries]
    (root / "label_colors.txt").write_text("".join(rows))
    for number in range(images):
        truth = np.roll(drive.mask(drive.ids[number % len(drive.ids)]), 7 * number, 1)
        truth = np.where(truth == 255, labels.classes, truth).astype(np.uint8)
        mask, name = predicted(truth, generator, labels.classes), f"frame{number:04}.png"
        for split in ("test", "train")[: 1 + (number == 0)]:
            picture.save(root / split / name, compress_level=1)
            Image.fromarray(truth).save(root / f"{split}annot" / name)
        Image.fromarray(mask).save(root / "ids" / name)
        indexed = Image.fromarray(mask)
        indexed.putpalette(labels.palette.tobytes())
        indexed.save(root / "palette" / name)
        if number < FEW:
            Image.fromarray(labels.to_rgb(mask)).save(root / "colours" / name)
            shares = np.where(np.arange(labels.classes)[:, None, None] == mask, 0.7, 0.3 / (labels.classes - 1))
            np.save(root / "probabilities" / name.replace(".png", ".npy"), shares.astype(np.float16))


def speed(name: str, count: int, call: Callable[[], object]) -> None:
    """Print images a second and processor time an image of one import."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{name}: {count} images, {count / wall:.0f} a second, {1000 * processor / count:.1f} ms of processor each")


def subset(root: Path, count: int) -> Path:
    """A dataset of the first images alone."""
    small = root / "few"
    for folder in ("train", "trainannot", "test", "testannot"):
        (small / folder).mkdir(parents=True)
        for path in sorted((root / folder).iterdir())[:count]:
            (small / folder / path.name).hardlink_to(path)
    (small / "label_colors.txt").hardlink_to(root / "label_colors.txt")
    return small


def main() -> None:
    """Write the data, import it in every form, and print the speeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000, help="how many predictions of 960x720 (default: 1000)")
    images = parser.parse_args().images
    print(f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f}, {WIDTH}x{HEIGHT}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_data(root, images)
        few = min(images, FEW)
        for form, data, count in (
            ("ids", root, images),
            ("palette", root, images),
            ("colours", subset(root, few), few),
            ("probabilities", root / "few", few),
        ):
            dataset = open_dataset(data)
            dataset.fingerprint  # noqa: B018 - reads all files once, whoever asks first
            speed(
                form,
                count,
                lambda form=form, dataset=dataset: import_folder(
                    root / form, dataset, name=form, out=root / "runs", progress=False
                ),
            )


if __name__ == "__main__":
    main()
