"""Reads the files of predictions: masks of classes, or probabilities. A pickle is never read."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from segcore.arrays import F32Logits
from segcore.data.decode import MaskPixels, array_pixels, read_mask, readable
from segcore.data.file_source import FileSource, list_files
from segcore.data.predictions.matching import ARRAY_SUFFIXES, class_number
from segcore.errors import DatasetError, one_line
from segcore.reading import DECODER_ERRORS

KEYS = ("probabilities", "softmax", "probs", "arr_0")  # of an .npz with several arrays: nnU-Net 2, nnU-Net 1, ...
TOLERANCE = 0.01  # by which probabilities of a pixel may miss 1: float16, or 16 bits, of 150 classes
_DEPTH = 65535


def read_prediction(file_source: FileSource, path: str) -> MaskPixels | npt.NDArray[np.floating]:
    """Read a prediction: the pixels of a mask, or an array of three axes, which are probabilities.

    Args:
        file_source: The folder or zip that it lies in.
        path: A picture, an `.npy`, an `.npz`, or a folder of one 16-bit picture a class.

    Raises:
        DatasetError: when it can't be read, holds Python objects, or is neither.
    """
    where = f"{file_source.root}/{path}"
    suffix = path.lower()[-4:]
    if suffix in ARRAY_SUFFIXES:
        array = _load(file_source.read(path), where)
        return _mask_or_probabilities(array, where)
    if "." not in path.rpartition("/")[2]:
        return _stack(file_source, path)
    return read_mask(file_source.read(path), where)


def as_prediction(array: npt.ArrayLike, where: str) -> MaskPixels | npt.NDArray[np.floating]:
    """An array `[H, W]` of ids as the pixels of a mask, or probabilities with the classes on the first or last axis.

    Raises:
        DatasetError: when it is neither.
    """
    return _mask_or_probabilities(np.asarray(array), where)


def logits_of(values: npt.NDArray[np.floating], where: str, classes: int, size: tuple[int, int]) -> F32Logits:
    """Logits whose softmax is the given probabilities: their logarithms.

    Enlarging logarithms bilinearly and taking the softmax is the same as enlarging the model's logits, which differ
    from them by one number a pixel.

    Args:
        values: `[C, h, w]` or `[h, w, C]` probabilities; the size says which.
        where: Name for messages.
        classes: Number C of classes.
        size: Their (height, width).

    Returns:
        `[C, h, w]` float32.

    Raises:
        DatasetError: when the shape fits neither, or both, or the values are no probabilities that sum to 1.
    """
    height, width = size
    first, last = values.shape == (classes, height, width), values.shape == (height, width, classes)
    if first == last:
        what = "fits both" if first else "is neither"
        other = {(*values.shape[1:], values.shape[0]), values.shape} if values.ndim == 3 else set()
        counts = [shape[2] for shape in other if shape[:2] == (height, width)]
        way_out = (
            f"These are of {counts[0]} classes: list them with --classes FILE, or leave out those that the data lacks"
            if counts and not first
            else "Where the size is the model's own, state it: --resize HxW"
        )
        raise DatasetError(
            f"{where}: probabilities of {list(values.shape)}; expected [C, H, W] or [H, W, C] with {classes} classes "
            f"of {height}x{width}, and this {what}. {way_out}."
        )
    shares = np.asarray(values if first else np.moveaxis(values, -1, 0), np.float32)
    low, high = float(shares.min()), float(shares.max())
    if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):  # NaN is neither
        raise DatasetError(
            f"{where}: values from {low:g} to {high:g}, so these are logits or the like; expected probabilities. Apply "
            "softmax over the classes before saving them."
        )
    total = shares.sum(axis=0)
    if np.abs(total - 1).max() > TOLERANCE:
        raise DatasetError(
            f"{where}: the probabilities of a pixel sum to {total.min():.3f} to {total.max():.3f}; expected 1. A "
            "sigmoid a class is no distribution over classes: save the softmax, or the masks alone."
        )
    return np.log(np.maximum(shares, np.finfo(np.float32).tiny))


def _load(data: bytes, where: str) -> npt.NDArray[np.generic]:
    """The array of an `.npy`, or the one of an `.npz`."""
    try:
        stored = np.load(io.BytesIO(data), allow_pickle=False)
        return stored if isinstance(stored, np.ndarray) else stored[_key(list(stored.files), where)]
    except DECODER_ERRORS as error:
        pickled = " Python objects (a pickle) are never loaded: they could run any code." * ("pickle" in str(error))
        raise DatasetError(
            f"{where}: not a readable array ({one_line(error)}).{pickled} Save it again with numpy.save or numpy.savez."
        ) from None


def _key(names: list[str], where: str) -> str:
    chosen = names if len(names) == 1 else [name for name in KEYS if name in names]
    if not chosen:
        raise DatasetError(
            f"{where}: holds the arrays {', '.join(names) or 'none'}; expected one, or one called {KEYS[0]}."
        )
    return chosen[0]


def _mask_or_probabilities(array: npt.NDArray[np.generic], where: str) -> MaskPixels | npt.NDArray[np.floating]:
    values = array
    if values.ndim == 4:  # nnU-Net writes a picture as a volume of one slice; torch as a batch of one
        ones = [axis for axis in (0, 1) if values.shape[axis] == 1]
        values = values.squeeze(ones[0]) if ones else values
    if values.ndim == 3 and values.dtype.kind == "f":
        return values.astype(np.float32, copy=False)
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    if values.ndim == 2 and values.dtype.kind in "biuf":
        return array_pixels(values, where)
    raise DatasetError(
        f"{where}: {array.dtype} {list(array.shape)}; expected ids [H, W], or probabilities [C, H, W] or [H, W, C] as "
        "floats."
    )


def _stack(file_source: FileSource, folder: str) -> npt.NDArray[np.floating]:
    """`[C, h, w]` probabilities of a folder of 16-bit pictures, 65535 for certain, in the order of their numbers."""
    where = f"{file_source.root}/{folder}"
    files = [file for file in list_files(file_source.root).below(folder).files if "/" not in file]
    return np.stack(
        [_plane(file_source.read(f"{folder}/{file}"), f"{where}/{file}") for file in sorted(files, key=class_number)]
    )


def _plane(data: bytes, where: str) -> npt.NDArray[np.floating]:
    with readable(data, where):
        image = Image.open(io.BytesIO(data))
        image.load()
    if image.mode not in ("I;16", "I;16B", "I"):
        raise DatasetError(
            f"{where}: a picture of mode {image.mode} in a folder of one picture a class; expected 16 bits of grey, "
            "where 65535 is certain."
        )
    return np.asarray(np.asarray(image) / _DEPTH, np.float32)
