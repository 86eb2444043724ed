"""The layouts in which a dataset may come.

To add one, write a module with `looks_like` and `read`, and enter it in `FORMATS`. Opening, zips, checks, splits and
augmented copies on disk then work for it; one that lists its training samples in files names them in `train_lists`.
"""

from __future__ import annotations

from segcore.data.formats import (
    ade20k,
    bdd100k,
    cam101,
    camvid_gray,
    camvid_original,
    cityscapes,
    class_folders,
    coco,
    fastai,
    folder,
    huggingface,
    kaggle,
    keras_segmentation,
    labelme,
    nnunet,
    roboflow,
    segnet,
    supervisely,
    vistas,
    voc,
)
from segcore.data.formats.base import Format

# What each layout looks like, by the name that `--format` takes.
FORMATS: dict[str, Format] = {
    "folder": Format(
        "images and masks in folders",
        "images/ masks/ (also under train/ val/ test/) with classes.csv or another list of classes",
        folder.looks_like,
        folder.read,
        general=True,
    ),
    "segnet": Format(
        "CamVid (SegNet), CVAT CamVid 1.0",
        "train/ trainannot/ (val, test, default likewise), with or without train.txt",
        segnet.looks_like,
        segnet.read,
    ),
    "kaggle": Format(
        "CamVid (Kaggle)",
        "train/ train_labels/ (val, test likewise), class_dict.csv",
        kaggle.looks_like,
        kaggle.read,
    ),
    "original": Format(
        "CamVid (original)",
        "701_StillsRaw_full/ LabeledApproved_full/",
        camvid_original.looks_like,
        camvid_original.read,
    ),
    "fastai": Format(
        "CamVid (fast.ai)", "images/NAME.png labels/NAME_P.png codes.txt valid.txt", fastai.looks_like, fastai.read
    ),
    "camvid-gray": Format(
        "CamVid (gray)", "CamVid_RGB/ with CamVidGray/ or CamVid_Label/", camvid_gray.looks_like, camvid_gray.read
    ),
    "cam101": Format(
        "Cam101", "train/ test/ with NAME.png and NAME_L.png, label_colors.txt", cam101.looks_like, cam101.read
    ),
    "roboflow": Format(
        "Roboflow", "train/ valid/ test/ with NAME.jpg, NAME_mask.png, _classes.csv", roboflow.looks_like, roboflow.read
    ),
    "cvat-mask": Format(
        "CVAT Segmentation mask 1.1",
        "JPEGImages/ SegmentationClass/ ImageSets/Segmentation/ labelmap.txt",
        voc.looks_like_cvat,
        voc.read,
    ),
    "labelme-voc": Format(
        "labelme's VOC export", "JPEGImages/ SegmentationClass/ class_names.txt", voc.looks_like_labelme, voc.read
    ),
    "voc": Format(
        "Pascal VOC", "VOC2012/ with JPEGImages/ SegmentationClass/ ImageSets/Segmentation/", voc.looks_like, voc.read
    ),
    "cityscapes": Format(
        "Cityscapes", "leftImg8bit/train/CITY/ gtFine/train/CITY/", cityscapes.looks_like, cityscapes.read
    ),
    "ade20k": Format(
        "ADE20K", "images/training annotations/training objectInfo150.txt", ade20k.looks_like, ade20k.read
    ),
    "bdd100k": Format("BDD100K", "images/10k/train labels/sem_seg/masks/train", bdd100k.looks_like, bdd100k.read),
    "vistas": Format(
        "Mapillary Vistas", "training/images training/v1.2/labels config_v1.2.json", vistas.looks_like, vistas.read
    ),
    "nnunet": Format(
        "nnU-Net", "imagesTr/NAME_0000.png labelsTr/NAME.png dataset.json", nnunet.looks_like, nnunet.read
    ),
    "keras": Format(
        "keras_segmentation",
        "images_prepped_train/ annotations_prepped_train/",
        keras_segmentation.looks_like,
        keras_segmentation.read,
    ),
    "class-folders": Format(
        "one folder a class",
        "images/NAME.jpg masks/CLASS/NAME.png (or masks/NAME/CLASS.png), binary masks",
        class_folders.looks_like_folders,
        class_folders.read_folders,
    ),
    "class-files": Format(
        "one file a class",
        "NAME.jpg NAME_CLASS.png, or images/NAME.jpg masks/NAME_CLASS.png, binary masks",
        class_folders.looks_like_files,
        class_folders.read_files,
    ),
    "coco": Format(
        "COCO",
        "annotations/instances_train.json (or train/_annotations.coco.json) with images",
        coco.looks_like,
        coco.read,
        general=True,
    ),
    "labelme": Format(
        "labelme", "NAME.jpg NAME.json (also under train/ val/ test/)", labelme.looks_like, labelme.read, general=True
    ),
    "supervisely": Format(
        "Supervisely",
        "meta.json DATASET/img/NAME.jpg DATASET/ann/NAME.jpg.json",
        supervisely.looks_like,
        supervisely.read,
    ),
    "huggingface": Format(
        "Hugging Face datasets",
        "data/train-00000-of-00001.parquet, or train/data-00000-of-00001.arrow (save_to_disk); image, label",
        huggingface.looks_like,
        huggingface.read,
    ),
}
