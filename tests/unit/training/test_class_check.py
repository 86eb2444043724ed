"""What masks can't teach or score is said before the first epoch."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from segcore.data import Item
from segcore.errors import DatasetError
from segcore.labels import LabelMap
from segcore.training import class_check
from segcore.training.class_check import check_classes, class_notes
from segcore.training.search.console import SearchReporter
from segcore.training.session import Session

LABELS = LabelMap("street", ("sky", "road", "car"), ((1, 1, 1), (2, 2, 2), (3, 3, 3)))


def job(train, val, copies=0):
    """A job whose masks have these pixels of the three classes, one row a mask."""
    masks = {f"t{index}": row for index, row in enumerate(train)} | {f"v{index}": row for index, row in enumerate(val)}
    requested = []

    def pixels(ids, classes):
        requested.extend(ids)
        return np.array([masks[name] for name in ids], np.int64)[:, :classes]

    return SimpleNamespace(
        dataset=SimpleNamespace(labels=LABELS, source="street"),
        plan=SimpleNamespace(
            train=[Item(f"t{index}", copy) for index in range(len(train)) for copy in range(copies + 1)],
            val=[Item(f"v{index}") for index in range(len(val))],
            validates=bool(val),
        ),
        store=SimpleNamespace(pixels=pixels),
        requested=requested,
    )


def test_masks_that_show_every_class_need_no_word():
    assert check_classes(job([[5, 0, 0], [0, 5, 1]], [[9, 0, 0]], copies=2)) == []


def test_masks_are_counted_once_whatever_their_copies():
    counted = job([[5, 0, 0], [0, 5, 1]], [[9, 0, 0]], copies=2)
    check_classes(counted)
    assert counted.requested == ["t0", "t1", "v0"]


@pytest.mark.parametrize(
    ("train", "val", "split"),
    [([[0, 0, 0]], [[1, 0, 0]], "training"), ([[1, 1, 1]], [[0, 0, 0], [0, 0, 0]], "validation")],
)
def test_a_side_without_a_scored_pixel_is_refused(train, val, split):
    with pytest.raises(DatasetError, match=rf"^No pixel of the {split} masks is scored: all are ignored\. .*--void"):
        check_classes(job(train, val))


def test_nothing_is_missed_in_validation_where_there_is_none():
    assert check_classes(job([[5, 3, 1]], [])) == []


def test_one_class_only():
    (note,) = check_classes(job([[0, 7, 0]], [[0, 7, 0]]))
    assert note.startswith("Training shows one class only, road: a model that answers road everywhere is right")


def test_a_class_that_training_never_shows():
    """Such as one that occurs in test alone; a class of validation counts as 0 there."""
    assert class_notes(LABELS, np.array([3, 4, 0]), np.array([3, 0, 0])) == [
        "Training never shows car (1 of 3 classes): no model can learn them."
    ]
    (note,) = class_notes(LABELS, np.array([3, 4, 0]), np.array([0, 0, 8]))
    assert note.endswith("Validation has car, which can't be found and count as 0.")


def test_many_masks_are_counted_by_a_spread_of_them(monkeypatch):
    monkeypatch.setattr(class_check, "MOST", 2)
    counted = job([[5, 0, 0]] * 5, [[9, 0, 0]])
    (note,) = check_classes(counted)
    assert counted.requested == ["t0", "t4", "v0"] and "one class only, sky (counted in 2 of 5 masks)" in note


def test_folds_that_lack_the_same_class_say_it_once():
    output = io.StringIO()
    session = Session(SearchReporter(Console(file=output)))
    for fold, train in enumerate([[5, 5, 0], [4, 4, 0], [4, 0, 4]]):
        counted = job([train], [[1, 1, 0]])
        counted.dataset.fingerprint, counted.plan.fingerprint = "street", f"fold {fold}"
        counted.config = SimpleNamespace(image_size=(8, 8))
        session.check_classes(counted)
    printed = " ".join(output.getvalue().split())
    assert printed.count("Training never shows car") == printed.count("Training never shows road") == 1
