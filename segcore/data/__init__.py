"""Datasets: opening them in any layout, splitting them, weighing their classes.

Names are loaded when first used, so that `import segcore.data` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segcore.data.balance import ClassBalance as ClassBalance
    from segcore.data.balance import class_balance as class_balance
    from segcore.data.catalog import check_source as check_source
    from segcore.data.catalog import open_dataset as open_dataset
    from segcore.data.check import find_problems as find_problems
    from segcore.data.dataset import SPLITS as SPLITS
    from segcore.data.dataset import Dataset as Dataset
    from segcore.data.dataset import Record as Record
    from segcore.data.dataset import SplitView as SplitView
    from segcore.data.decode import decode_image as decode_image
    from segcore.data.download import fetch as fetch
    from segcore.data.formats import FORMATS as FORMATS
    from segcore.data.sample import Sample as Sample
    from segcore.data.sizes import resize as resize
    from segcore.data.sizes import resize_pair as resize_pair
    from segcore.data.split import METHODS as METHODS
    from segcore.data.split import Item as Item
    from segcore.data.split import SplitPlan as SplitPlan
    from segcore.data.split import plan_split as plan_split
    from segcore.data.upload import Upload as Upload
    from segcore.data.upload import read_upload as read_upload

_LAZY = {
    "ClassBalance": "balance",
    "class_balance": "balance",
    "check_source": "catalog",
    "open_dataset": "catalog",
    "find_problems": "check",
    "SPLITS": "dataset",
    "Dataset": "dataset",
    "Record": "dataset",
    "SplitView": "dataset",
    "decode_image": "decode",
    "fetch": "download",
    "FORMATS": "formats",
    "resize": "sizes",
    "resize_pair": "sizes",
    "Sample": "sample",
    "METHODS": "split",
    "Item": "split",
    "SplitPlan": "split",
    "plan_split": "split",
    "Upload": "upload",
    "read_upload": "upload",
}
__all__ = [
    "FORMATS",
    "METHODS",
    "SPLITS",
    "ClassBalance",
    "Dataset",
    "Item",
    "Record",
    "Sample",
    "SplitPlan",
    "SplitView",
    "Upload",
    "check_source",
    "class_balance",
    "decode_image",
    "fetch",
    "find_problems",
    "open_dataset",
    "plan_split",
    "read_upload",
    "resize",
    "resize_pair",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    if name in _LAZY:
        return getattr(import_module(f"segcore.data.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'segcore.data' has no attribute {name!r}")
