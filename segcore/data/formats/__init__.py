"""The layouts in which a dataset may come.

To add one, write a module with `looks_like` and `read`, and enter it in `FORMATS`. Opening, zips, checks, splits and
augmented copies on disk then work for it; one that lists its training samples in a file also writes that list.
"""

from __future__ import annotations

from segcore.data.formats import cam101, fastai, folder, kaggle, original, segnet
from segcore.data.formats.base import Format

# What each layout looks like, by the name that `--format` takes.
FORMATS: dict[str, Format] = {
    "segnet": Format(
        "CamVid (SegNet), CVAT CamVid 1.0",
        "train/ trainannot/ (val, test, default likewise), with or without train.txt",
        segnet.looks_like,
        segnet.read,
        segnet.add_to_list,
    ),
    "kaggle": Format(
        "CamVid (Kaggle)",
        "train/ train_labels/ (val, test likewise), class_dict.csv",
        kaggle.looks_like,
        kaggle.read,
    ),
    "original": Format(
        "CamVid (original)", "701_StillsRaw_full/ LabeledApproved_full/", original.looks_like, original.read
    ),
    "fastai": Format(
        "CamVid (fast.ai)", "images/NAME.png labels/NAME_P.png codes.txt valid.txt", fastai.looks_like, fastai.read
    ),
    "cam101": Format(
        "Cam101", "train/ test/ with NAME.png and NAME_L.png, label_colors.txt", cam101.looks_like, cam101.read
    ),
    "folder": Format(
        "your own",
        "images/ masks/ (also under train/ val/ test/) with classes.csv or another list of classes",
        folder.looks_like,
        folder.read,
        general=True,
    ),
}
