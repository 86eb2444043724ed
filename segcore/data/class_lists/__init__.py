"""Lists of classes as tools write them: which files there are, and how each is read."""

from segcore.data.class_lists.class_files import (
    CLASS_FILES,
    FoundClasses,
    check_agreement,
    find_class_list,
    read_classes,
    read_codes,
    with_class_list,
)
from segcore.data.class_lists.class_list import (
    ADE150_CLASSES,
    CAMVID32_CLASSES,
    CITYSCAPES_IDS,
    CITYSCAPES_TRAIN_IDS,
    VOC21_CLASSES,
    ClassList,
)
from segcore.data.class_lists.class_map import apply_map

__all__ = [
    "ADE150_CLASSES",
    "CAMVID32_CLASSES",
    "CITYSCAPES_IDS",
    "CITYSCAPES_TRAIN_IDS",
    "CLASS_FILES",
    "VOC21_CLASSES",
    "ClassList",
    "FoundClasses",
    "apply_map",
    "check_agreement",
    "find_class_list",
    "read_classes",
    "read_codes",
    "with_class_list",
]
