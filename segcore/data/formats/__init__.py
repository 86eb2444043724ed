"""Layouts a dataset may come in; each module recognises one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from segcore.data.file_source import Listing
from segcore.data.formats import cam101, fastai, folder, kaggle, original, segnet
from segcore.data.formats.base import DetectedDataset


@dataclass(frozen=True)
class Format:
    """A layout.

    Args:
        summary: What it looks like, for people.
        recognise: The samples found in a folder, or None when it is not this layout.
        relist: Where train.txt lists the training samples: its text with copies behind their frames.
    """

    summary: str
    recognise: Callable[[Listing], DetectedDataset | None]
    relist: Callable[[str, Mapping[str, Sequence[tuple[str, str]]]], str] | None = None


FORMATS: dict[str, Format] = {
    "camvid (SegNet)": Format(
        "train/ trainannot/ (val, test likewise), masks as ids 0-11", segnet.recognise, segnet.relist
    ),
    "camvid (Kaggle)": Format("train/ train_labels/ (val, test likewise), class_dict.csv", kaggle.recognise),
    "camvid (original)": Format("701_StillsRaw_full/ LabeledApproved_full/", original.recognise),
    "camvid (fast.ai)": Format("images/NAME.png labels/NAME_P.png codes.txt valid.txt", fastai.recognise),
    "cam101": Format("train/ test/ with NAME.png and NAME_L.png, label_colors.txt", cam101.recognise),
    "folder": Format(
        "images/ masks/ (also under train/ val/ test/) with label_colors.txt, classes.csv or classes.json",
        folder.recognise,
    ),
}
