"""Finds the prediction of each image of a split among the files of a folder or zip, by their names."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize
from urllib.parse import unquote

from segcore.data.dataset import Dataset
from segcore.data.decode import MASK_SUFFIXES
from segcore.data.file_source import Listing
from segcore.data.formats.pairing import image_core, is_image, mask_core
from segcore.errors import DatasetError, listed, number

NAMED = 5  # files or images that a message names
ARRAY_SUFFIXES = (".npz", ".npy")
_AFFIX = re.compile(r"^(?:pred|prediction|out|output)[_-]|[_-](?:pred|preds|prediction|predictions|out|output)$", re.I)
Names = Mapping[str, str]  # what an image may be called -> its id


@dataclass(frozen=True)
class PredictionFiles:
    """The files of one kind of prediction, by the id of their image.

    Args:
        listing: The folder or zip that they lie in.
        masks: Image id -> picture of classes, or array that may be one of classes or of probabilities.
        scores: Image id -> probabilities: an array, or the folder of one 16-bit picture a class.
        notes: What was left out.
    """

    listing: Listing
    masks: Mapping[str, str]
    scores: Mapping[str, str]
    notes: tuple[str, ...] = ()


def match_predictions(listing: Listing, dataset: Dataset, split: str) -> PredictionFiles:
    """Find the prediction of every image of a split.

    A file is matched by its name or the end of its path, to the id of an image or the end of its path; where the names
    differ, without what tools put around them (`_pred`, `_mask`, `_leftImg8bit` and the like).

    Args:
        listing: The folder or zip with the predictions.
        dataset: The dataset of the images.
        split: The split that was predicted.

    Raises:
        DatasetError: when there are no predictions, some are missing, they are of another split or dataset, or two
            are of one image.
    """
    stacks = _stacks(listing.files, dataset.labels.classes)
    inside = {file for files in stacks.values() for file in files}
    files = [file for file in listing.files if _is_prediction(file) and file not in inside]
    if not files and not stacks:
        held = f"it holds {listed(listing.files, NAMED)}" if listing.files else "it is empty"
        raise DatasetError(
            f"{listing.where()}: no predictions, {held}. Expected one file an image: masks "
            f"({', '.join(MASK_SUFFIXES)}) or probabilities ({', '.join(ARRAY_SUFFIXES)})."
        )
    names = image_names(dataset, dataset.split(split).ids)
    pictures, arrays, unmatched = dict[str, str](), dict[str, str](), []
    for file in [*files, *stacks]:
        sample_id = _image_of(file if file in stacks else file.rpartition(".")[0], names)
        kind = arrays if file in stacks or file.lower().endswith(ARRAY_SUFFIXES) else pictures
        if sample_id is None:
            unmatched.append(file)
        elif sample_id in kind:
            raise DatasetError(
                f"{listing.where(file)}: a second prediction of {sample_id!r}, beside {kind[sample_id]}. Remove one, "
                "or give the folder that is meant."
            )
        else:
            kind[sample_id] = file
    masks, scores = (pictures, arrays) if pictures else (arrays, {})
    _check_complete(listing, masks, unmatched, dataset, split)
    left = f"Left out {number(len(unmatched), 'file')} of no image of {split}: {listed(unmatched, NAMED)}."
    notes = [left] * bool(unmatched)
    if scores:
        _check_complete(listing, scores, unmatched, dataset, split)
    return PredictionFiles(listing, masks, scores, tuple(notes))


def image_names(dataset: Dataset, ids: Iterable[str]) -> Names:
    """What each of some images may be called -> its id; names that two of them share are left out."""
    known: defaultdict[str, set[str]] = defaultdict(set)
    for sample_id in ids:
        known[sample_id].add(sample_id)
    exact = set(known)
    for sample_id in exact:
        path = getattr(dataset.record(sample_id), "image_path", "").rpartition(".")[0]
        for name in {sample_id, *_ends(path)} - {""}:
            for alike in {name, image_core(name)} - exact:
                known[alike].add(sample_id)
    return {name: next(iter(images)) for name, images in known.items() if len(images) == 1}


def check_ids(given: Sequence[str], ids: Sequence[str], split: str) -> None:
    """Refuse predictions that are not of exactly the images of a split.

    Raises:
        DatasetError: naming missing and unknown images, and images given twice.
    """
    repeated = [name for name, count in Counter(given).items() if count > 1]
    if repeated:
        raise DatasetError(f"Two predictions of {repeated[0]!r}; expected one for each image.")
    missing, unknown = [name for name in ids if name not in set(given)], [name for name in given if name not in ids]
    lacking = f"{number(len(missing), 'image')} of {split} without a prediction: {listed(missing, NAMED)}"
    parts = [lacking] * bool(missing)
    parts += [f"{number(len(unknown), 'prediction')} of no image of {split}: {listed(unknown, NAMED)}"] * bool(unknown)
    if parts:
        raise DatasetError(f"{'; '.join(parts)}. A score is of all images of a split: give each its prediction.")


def _is_prediction(file: str) -> bool:
    return is_image(file) or file.lower().endswith((*MASK_SUFFIXES, *ARRAY_SUFFIXES))


def _stacks(files: Sequence[str], classes: int) -> dict[str, list[str]]:
    """Folder -> its pictures, of the folders that hold exactly one picture a class, numbered from 0."""
    folders: defaultdict[str, list[str]] = defaultdict(list)
    for file in files:
        folders[file.rpartition("/")[0]].append(file)
    return {
        folder: sorted(inside, key=class_number)
        for folder, inside in folders.items()
        if folder and sorted(map(class_number, inside)) == list(range(classes)) and all(map(is_image, inside))
    }


def class_number(file: str) -> int:
    """The number in the name of a picture of a stack; -1 where its name is no number.

    >>> class_number("a/07.png"), class_number("a/road.png")
    (7, -1)
    """
    stem = file.rpartition("/")[2].rpartition(".")[0]
    return int(stem) if stem.isdecimal() and len(stem) < 10 else -1


def _ends(path: str) -> list[str]:
    """The name at the end of a path, with more and more of its folders before it, as an id is made of them.

    >>> _ends("test/a/7")
    ['test__a__7', 'a__7', '7']
    """
    parts = path.split("/")
    return ["__".join(parts[start:]) for start in range(len(parts))]


def _image_of(stem: str, names: Names) -> str | None:
    """The id of the image that a path without suffix means; None where it is of no single one."""
    name = normalize("NFC", unquote(stem))
    for bare in dict.fromkeys((name, _bare(name), mask_core(name), mask_core(_bare(name)), image_core(_bare(name)))):
        for end in _ends(bare):
            if end in names:
                return names[end]
    return None


def _bare(stem: str) -> str:
    """A path without what marks it as a prediction."""
    folder, slash, name = stem.rpartition("/")
    return folder + slash + (_AFFIX.sub("", name) or name)


def _check_complete(
    listing: Listing, files: Mapping[str, str], unmatched: Sequence[str], dataset: Dataset, split: str
) -> None:
    ids = dataset.splits[split]
    missing = [sample_id for sample_id in ids if sample_id not in files]
    if not missing:
        return
    if not files:
        raise DatasetError(_of_other_images(listing, unmatched, dataset, split))
    left = f" {number(len(unmatched), 'file')} of no such image: {listed(unmatched, NAMED)}." if unmatched else ""
    raise DatasetError(
        f"{listing.where()}: {len(missing)} of {number(len(ids), 'image')} of {split} without a prediction: "
        f"{listed(missing, NAMED)}.{left} A score is of all images of a split: predict these too."
    )


def _of_other_images(listing: Listing, files: Sequence[str], dataset: Dataset, split: str) -> str:
    """Say of which split predictions are, or that they are of another dataset."""
    for other, ids in dataset.splits.items():
        names = image_names(dataset, ids)
        count = sum(_image_of(file.rpartition(".")[0], names) is not None for file in files)
        if count:
            return (
                f"{listing.where()}: predictions of {other} ({count} of its {number(len(ids), 'image')}), none of "
                f"{split}. Give --split {other}, or the predictions of {split}."
            )
    return (
        f"{listing.where()}: predictions of other images than {dataset.name}'s. They are called "
        f"{', '.join(files[:2])}, the images of {split} {', '.join(dataset.splits[split][:2])}. Give predictions of "
        "this dataset, with the names of its images."
    )
