"""nnU-Net's raw data (v2): `imagesTr/NAME_0000.png labelsTr/NAME.png`, dataset.json.

Isensee, Jaeger, Kohl, Petersen, Maier-Hein: nnU-Net, 2021; documentation/dataset_format.md there.
"""

from __future__ import annotations

from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.class_choice import listed
from segcore.data.formats.pairing import images_in, pair_splits, without_suffix
from segcore.data.formats.split_names import split_folders
from segcore.errors import DatasetError

CHANNEL = "_0000"


def looks_like(listing: Listing) -> bool:
    """Whether there are imagesTr/, labelsTr/ and dataset.json."""
    return {"imagesTr", "labelsTr"} <= listing.folders and "dataset.json" in listing.files


def read(listing: Listing) -> DetectedDataset:
    """`imagesTr/ labelsTr/` and, where they are, `imagesTs/ labelsTs/`; the classes are those of dataset.json.

    Raises:
        DatasetError: when there are no such folders, or an image's channels are files of their own.
        LabelError: when dataset.json lists no classes.
    """
    images = split_folders(listing, "images{split}")
    for folder in images.values():
        for file in images_in(folder):
            if file.rpartition(".")[0].endswith("_0001"):
                raise DatasetError(
                    f"{folder.where(file)}: a second channel in a file of its own; expected one RGB or grey image, "
                    f"NAME{CHANNEL}.png. Join the channels into one file."
                )
    pairs = pair_splits(images, split_folders(listing, "labels{split}"), image_stem=without_suffix(CHANNEL))
    if not pairs:
        raise DatasetError(f"{listing.where()}: no images in imagesTr/ with masks in labelsTr/.")
    return listed(listing).dataset(pairs, splits=images)
