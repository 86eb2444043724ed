"""Files that are known and not read: exports of other tools, with how to go on, and the list of Segcore's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from segcore.data.file_source import Listing
from segcore.errors import DatasetError
from segcore.reading import SHAPE_ERRORS, parse_json

EXPORT_LIST = "export.json"
# A file of the export, by its path -> what it is, and the way out.
EXPORTS: Mapping[str, str] = {
    r"(^|/)task-\d+-annotation-.*-tag-.*\.(png|npy)$": "Label Studio's brush masks don't name their images. Rename "
    "them to images/NAME.jpg masks/NAME_CLASS.png (its JSON export says which task is which image), or export as COCO.",
    r"(^|/)panoptic_[^/]*\.json$": "COCO's panoptic masks are not read. Write masks of ids with panopticapi's "
    "panoptic2semantic_segmentation.py, or add instances_*.json.",
    r"(^|/)annotations\.xml$": 'CVAT\'s XML is not read. Export the task as "Segmentation mask 1.1" or "COCO 1.0".',
    r"(^|/)via_[^/]*\.(json|csv)$": "VGG Image Annotator's files are not read. Export as COCO.",
    r"(^|/)labels/([^/]+/)*[^/]+\.txt$": "YOLO's text files are not read. Export as COCO, or as semantic masks.",
}


def how_to_go_on(files: Iterable[str]) -> str:
    r"""What an export is that no layout reads, and what to do instead; empty where none is known.

    >>> how_to_go_on(["images/a.png", "annotations.xml"])
    'CVAT\'s XML is not read. Export the task as "Segmentation mask 1.1" or "COCO 1.0". '
    """
    known = [(re.compile(pattern), text) for pattern, text in EXPORTS.items()]
    return next((f"{text} " for file in files for pattern, text in known if pattern.search(file)), "")


def is_export_list(listing: Listing, file: str) -> bool:
    """Whether a file is the list that `segcore export` writes into its folder."""
    if PurePosixPath(file).name != EXPORT_LIST:
        return False
    try:
        return isinstance(parse_json(listing.file_source.read(listing.path(file)))["files"], list)
    except (DatasetError, *SHAPE_ERRORS):
        return False
