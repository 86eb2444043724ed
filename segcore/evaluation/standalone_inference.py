"""Predicts images with a model that `segcore export` wrote; Segcore itself is not needed.

    python infer.py MODEL.onnx.json photo.png other.jpg --out masks

Needs numpy, opencv-python-headless and the runtime of the model (onnxruntime or openvino). Writes `NAME-mask.png` for
each image: a grey PNG whose values are the ids of the classes in the JSON file, of the size of the image.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

_AT_ONCE = 1 << 15  # pixels decided at a time: their scores stay in or near the processor's caches
_IN_BLOCKS = 1 << 16  # pixels of blocks decided at a time, of which few classes are looked at


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
    """The best class of each pixel, `[height, width]` uint8, of scores `[C, h, w]` that are enlarged bilinearly."""
    if scores.shape[1:] == (height, width):
        return _argmax(scores)
    return enlarged_argmax(scores, linear_taps(scores.shape[1], height), linear_taps(scores.shape[2], width))


class Taps(NamedTuple):
    """Along one axis, K neighbouring scores that each pixel is a weighted mean of.

    Args:
        starts: `[size]` the first of them, in ascending order; those beyond the last score repeat it.
        weights: `[K, size]` float32, 0 or more; those of a pixel sum to 1.
    """

    starts: np.ndarray
    weights: np.ndarray


def linear_taps(size: int, enlarged: int, *, align_corners: bool = False) -> Taps:
    """Linear interpolation of `size` scores to `enlarged` pixels, as `torch.nn.functional.interpolate` does it."""
    places = np.arange(enlarged, dtype=np.float32)
    if align_corners:
        places = places * np.float32((size - 1) / max(enlarged - 1, 1))
    else:
        places = np.clip((places + np.float32(0.5)) * np.float32(size / enlarged) - np.float32(0.5), 0, size - 1)
    starts = np.minimum(places.astype(np.intp), max(size - 2, 0))
    after = places - starts.astype(np.float32)
    return Taps(starts, np.stack([1 - after, after]))


def joined(outer: Taps, inner: Taps) -> Taps:
    """An interpolation of what another one has interpolated, as one."""
    starts = inner.starts[outer.starts]
    last = len(inner.starts) - 1
    between = [np.minimum(outer.starts + tap, last) for tap in range(len(outer.weights))]
    reach = max(int((inner.starts[place] - starts).max()) for place in between) + len(inner.weights)
    weights = np.zeros((reach, len(starts)), np.float32)
    pixels = np.arange(len(starts))
    for place, share in zip(between, outer.weights, strict=True):
        for tap, weight in enumerate(inner.weights):
            weights[inner.starts[place] + tap - starts, pixels] += share * weight[place]
    return Taps(starts, weights)


def enlarged_argmax(scores: np.ndarray, down: Taps, across: Taps) -> np.ndarray:
    """Interpolate scores and choose the class of each pixel, without interpolating most of them.

    A pixel's score is a weighted mean of a block of scores. Where these have one best class, it is the best of all
    pixels between them. Elsewhere a class can win only if its highest score of the block reaches the highest of all
    classes' lowest: these few classes are interpolated. The result is that of interpolating everything, except where
    the two best classes of a pixel are equal up to float32's rounding; of classes that are equal in all of the block,
    the first wins.

    Args:
        scores: `[C, h, w]` float32, finite, at most 255 classes; left as it is.
        down: The rows of the mask.
        across: Its columns.

    Returns:
        `[rows, columns]` uint8 class ids.
    """
    classes, high, wide = scores.shape
    best = _argmax(scores)
    mask = best.take(down.starts, axis=0).take(across.starts, axis=1)
    (rows, first_row), (columns, first_column) = _groups(down.starts), _groups(across.starts)
    offsets = [(y, x) for x in range(len(across.weights)) for y in range(len(down.weights))]
    mixed = np.zeros((high, wide), bool)
    for i, j in offsets:
        mixed[: high - i, : wide - j] |= best[i:, j:] != best[: high - i, : wide - j]
    lines = scores.transpose(1, 2, 0)
    by_pixel = lines.strides[2] == lines.itemsize  # the classes of a pixel lie side by side
    flat = lines.reshape(-1, classes) if by_pixel else scores.reshape(classes, -1)
    ys, xs = np.nonzero(mixed[first_row][:, first_column])
    step = max(1, _IN_BLOCKS // (len(rows) * len(columns)))
    for start in range(0, len(ys), step):
        y, x = ys[start : start + step], xs[start : start + step]
        row, column = rows.take(y, axis=1), columns.take(x, axis=1)
        y, x = first_row.take(y), first_column.take(x)
        corners = np.empty((len(offsets), len(y), classes), np.float32)
        for corner, (i, j) in zip(corners, offsets, strict=True):
            place = np.minimum(y + i, high - 1) * wide + np.minimum(x + j, wide - 1)
            if by_pixel:
                flat.take(place, axis=0, out=corner, mode="clip")  # the default mode makes a copy first
            else:
                corner[...] = flat.take(place, axis=1).T
        ids = _decide(corners, down.weights[1:].take(row, axis=1), across.weights[1:].take(column, axis=1))
        mask.reshape(-1)[row[:, None] * mask.shape[1] + column] = ids
    return mask


def _groups(starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`[most, G]` neighbouring pixels that start at the same score, and `[G]` that score.

    At both ends of an axis more pixels than elsewhere start at one score: they make several groups. Where a group has
    fewer pixels than most, its first stands again.
    """
    bounds = np.flatnonzero(np.diff(starts, prepend=-1, append=-1))
    most = -(-len(starts) // (len(bounds) - 1))
    groups = -(-np.diff(bounds) // most)
    firsts = np.repeat(bounds[:-1], groups)
    firsts += (np.arange(len(firsts)) - np.repeat(np.cumsum(groups) - groups, groups)) * most
    members = firsts + np.arange(most)[:, None]
    return np.where(members < np.append(firsts[1:], len(starts)), members, firsts), starts[firsts]


def _decide(corners: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """`[rows, columns, n]` classes of the pixels of n blocks.

    Args:
        corners: `[columns' taps x rows' taps, n, C]` scores of the blocks.
        down: `[taps - 1, rows, n]` weights of the pixels' rows, without the first tap.
        across: `[taps - 1, columns, n]` the same of their columns.
    """
    wanted = corners.max(axis=0) >= corners.min(axis=0).max(axis=1)[:, None]
    block, classes = np.nonzero(wanted)
    counts = np.bincount(block)
    order = np.argsort(-counts, kind="stable")  # the blocks with a further class stand first
    sizes = len(counts) - np.cumsum(np.bincount(counts))[:-1]  # how many have a first class, a second, ...
    firsts = (np.cumsum(counts) - counts)[order]
    pairs = np.concatenate([firsts[:size] + rank for rank, size in enumerate(sizes)])
    block, classes = block.take(pairs), classes.take(pairs)
    values = corners.reshape(len(corners), -1).take(block * wanted.shape[1] + classes, axis=1)
    values = values.reshape(len(across) + 1, len(down) + 1, 1, -1).swapaxes(0, 1)
    classes = classes.astype(np.uint8)
    down, across = down.take(order, axis=2)[:, None], across.take(order, axis=2)[:, None]
    best: np.ndarray = np.empty(0, np.float32)
    ids: np.ndarray = np.empty(0, np.uint8)
    end = 0
    for size in sizes:
        some, end = slice(end, end + size), end + size
        lines = _mean(values[..., some], down[..., :size])
        value, index = _mean(lines[:, :, None], across[..., :size]), classes[some]
        if not best.size:
            best, ids = value, np.broadcast_to(index, value.shape).copy()
            continue
        held, chosen = best[..., :size], ids[..., :size]
        wins = (value > held).view(np.uint8)
        wins *= index - chosen  # modulo 256
        chosen += wins
        np.maximum(held, value, out=held)
    answer = np.empty_like(ids)
    answer[..., order] = ids
    return answer


def _mean(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean of points along the first axis; the first one's weight is what the others' leave of 1."""
    total = points[0]
    for point, weight in zip(points[1:], weights, strict=True):
        change = (point - points[0]) * weight
        total = np.add(total, change, out=change)
    return total


def _argmax(scores: np.ndarray) -> np.ndarray:
    """`[h, w]` uint8: the first highest of `[C, h, w]` scores; numpy's own takes twice as long over the first axis."""
    if scores.strides[0] == scores.itemsize:  # the classes of a pixel lie side by side
        return scores.transpose(1, 2, 0).argmax(axis=-1).astype(np.uint8)
    flat = scores.reshape(len(scores), -1)
    ids = np.zeros(flat.shape[1], np.uint8)
    for start in range(0, len(ids), _AT_ONCE):
        part, chosen = flat[:, start : start + _AT_ONCE], ids[start : start + _AT_ONCE]
        best = part.max(axis=0)
        for index, row in enumerate(part):
            wins = (row == best).view(np.uint8)
            wins *= np.uint8(len(scores) - index)  # the first of equals has the highest number
            np.maximum(chosen, wins, out=chosen)
        np.subtract(np.uint8(len(scores)), chosen, out=chosen)
    return ids.reshape(scores.shape[1:])


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
    taken = {Path(path).resolve() for path in options.images}
    for path in options.images:
        image = cv2.imread(path, cv2.IMREAD_COLOR)
        if image is None:
            print(f"{path}: no image that OpenCV can read; expected PNG, JPEG or the like.", file=sys.stderr)
            return 2
        target = options.out / f"{Path(path).stem}-mask.png"
        if target.resolve() in taken:
            print(f"{path}: {target} is another image, or the mask of one. Choose another --out.", file=sys.stderr)
            return 2
        taken.add(target.resolve())
        if not cv2.imwrite(str(target), predict(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))):
            print(f"{target}: can't be written.", file=sys.stderr)
            return 2
        print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
