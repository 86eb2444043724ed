"""The layouts in which a dataset may come.

To add one, write a module with a function `recognise` and enter it in `FORMATS`. Opening, zips, checks, splits and
augmented copies on disk then work for it; one that lists its training samples in a file also writes that list.
"""

from __future__ import annotations

from segcore.data.formats import cam101, fastai, folder, kaggle, original, segnet
from segcore.data.formats.base import Format

# In this order: the first layout that recognises a folder is taken.
FORMATS: dict[str, Format] = {
    "camvid (SegNet)": Format(
        "train/ trainannot/ (val, test likewise), masks as ids 0-11", segnet.recognise, segnet.add_to_list
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
