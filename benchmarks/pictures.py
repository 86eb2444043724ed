"""Pictures of the predictions page: overlay, error and disagreement of 8 models of one 960x720 image.

From stored predictions, decoding included: Segcore's palette layers over one photo, against the straightforward way,
which blends RGB pictures with numpy and writes each with Pillow. Both in this run. Usage: python benchmarks/pictures.py
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
from PIL import Image

from segcore.arrays import U8
from segcore.data import open_dataset
from segcore.labels import CAMVID32 as LABELS
from segcore.visual import encode_disagreement, encode_errors, encode_jpeg, encode_layer, encode_png

MODELS, REPEATS, LIMIT = 8, 9, 120.0  # ms
THREADS = 2


def stored(folder: Path) -> tuple[U8, U8, list[Path]]:
    """A frame of the drive, its truth, and 8 stored predictions, as wrong as real ones: frayed borders, islands."""
    dataset = open_dataset("drive")
    sample = dataset[dataset.splits["test"][5]]
    rng = np.random.default_rng(0)
    paths = []
    for index in range(MODELS):
        height, width = sample.mask.shape
        # Every block of 6 px looks somewhere near: borders fray, as those of a coarse feature map do.
        reach = 4 + 2 * index
        down, right = rng.integers(-reach, reach + 1, (2, height // 6, width // 6)).repeat(6, 1).repeat(6, 2)
        rows, columns = np.mgrid[:height, :width]
        mask = sample.mask[(rows + down).clip(0, height - 1), (columns + right).clip(0, width - 1)]
        mask = np.where(mask == 255, 0, mask).astype(np.uint8)
        for left, top in rng.integers(0, (width - 60, height - 60), (6, 2)):
            mask[top : top + 50, left : left + 60] = rng.integers(0, dataset.labels.classes)
        paths.append(folder / f"{index}.png")
        paths[-1].write_bytes(encode_png(mask, dataset.labels.palette))
    return sample.image, sample.mask, paths


def decode(path: Path) -> U8:
    """Ids of a stored palette PNG."""
    with Image.open(path) as picture:
        return np.array(picture)


def segcore(image: U8, truth: U8, paths: list[Path]) -> list[bytes]:
    """A photo, and 17 layers over it."""
    with ThreadPoolExecutor(THREADS) as pool:
        masks = list(pool.map(decode, paths))
        common = pool.submit(encode_disagreement, masks, truth)
        photo = pool.submit(encode_jpeg, image)
        layers = list(pool.map(lambda mask: (encode_layer(mask, LABELS), encode_errors(mask, truth, LABELS)), masks))
        return [photo.result(), common.result(), *(layer for pair in layers for layer in pair)]


def blended(image: U8, truth: U8, paths: list[Path], **options: int) -> list[bytes]:
    """17 RGB pictures, each a PNG: what one writes first."""

    def png(picture: npt.NDArray[np.generic]) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(picture.astype(np.uint8)).save(buffer, "PNG", **options)
        return buffer.getvalue()

    palette = LABELS.palette
    masks = [decode(path) for path in paths]
    found = []
    for mask in masks:
        found.append(png(0.5 * image + 0.5 * palette[mask]))
        errors = np.where((mask != truth)[..., None], palette[mask], 0.35 * image)
        errors[truth == 255] = 128
        found.append(png(errors))
    votes = np.stack([(np.stack(masks) == index).sum(axis=0) for index in range(LABELS.classes)])
    different = (votes > 0).sum(axis=0)
    shade = ((different - 1) / (MODELS - 1))[..., None]
    return [*found, png((1 - shade) * 0.35 * image + shade * np.array([255, 196, 60]))]


def milliseconds(work: Callable[[], list[bytes]]) -> tuple[float, int]:
    """(median wall time of one call after a warm-up, bytes of its pictures)."""
    size = sum(map(len, work()))
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * median(times), size


def main() -> None:
    """Print times and bytes of both, and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        image, truth, paths = stored(Path(folder))
        ours, ours_bytes = milliseconds(lambda: segcore(image, truth, paths))
        size = f"{truth.shape[1]}x{truth.shape[0]}"
        print(f"{MODELS} models, {size}: {MODELS} overlays, {MODELS} error maps, 1 disagreement; {THREADS} threads")
        print(f"segcore: palette layers    {ours:7.0f} ms  {ours_bytes / 1e6:5.2f} MB   limit {LIMIT:.0f} ms")
        for name, options in (("RGB, Pillow's defaults", {}), ("RGB, compress_level=1", {"compress_level": 1})):
            theirs, their_bytes = milliseconds(lambda options=options: blended(image, truth, paths, **options))
            print(f"{name:26} {theirs:7.0f} ms  {their_bytes / 1e6:5.2f} MB   {theirs / ours:.0f} times")


if __name__ == "__main__":
    main()
