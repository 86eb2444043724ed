"""Cases d and k: data sets that are small or odd, from training to score.

d01 (few images) is in `unit/data/test_split.py`, d04 (a last batch of one) in `unit/training/test_train_dataset.py`,
d07 and d08 (absent and single classes) in `unit/training/test_class_check.py`, d10 and f02 (odd sizes, smp reads every
architecture) in `contract/test_models.py` and `unit/models/test_storage.py`.
"""

import numpy as np
import pytest
from fixtures import cases
from fixtures.layouts import mask
from fixtures.tiny import TINY
from sklearn.metrics import confusion_matrix, jaccard_score

from segcore.training.command_line import parse
from segcore.training.engine import train

SIZES = {"train/a": (1, 1), "train/b": (90, 33), "train/c": (20, 200), "val/d": (47, 65), "test/e": (33, 97)}
SIZES |= {"test/f": (1, 1), "test/g": (120, 40)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(dataset, run): one image a batch, of sizes far apart; a mask of void alone; `car` in no mask of test."""
    scenes = {name: mask(index, 3, size) for index, (name, size) in enumerate(SIZES.items())}
    scenes["train/b"][:] = 255
    for name in ("test/e", "test/g"):
        scenes[name][scenes[name] == 2] = 255
    scenes["test/f"][:] = 1
    root = cases.folder(tmp_path_factory.mktemp("odd") / "odd", scenes)
    keys = {name.replace("/", "__"): ids for name, ids in scenes.items()}
    splits = {"train": 3, "val": 1, "test": 3}
    dataset = cases.opens_as(root, {key.partition("__")[2]: ids for key, ids in keys.items()}, splits=splits)
    flags = [*TINY, "--batch-size", "1", "--data", str(root), "--models", "fcn8s", "--out", str(root.parent / "runs")]
    config, _ = parse([*flags, "--loss", "ce+dice+lovasz"])
    (run,) = train(config)
    return dataset, run


def test_images_of_any_size_train_one_by_one(trained):
    """d02 d03 d05 d11."""
    _, run = trained
    assert (run.summary.status, run.summary.error) == ("finished", None)
    assert np.isfinite(run.history[["train_loss", "val_loss", "val_miou"]].to_numpy()).all()


def test_scores_are_those_of_scikit_learn_at_the_masks_own_sizes(trained):
    """k02: ignored pixels, sizes of their own, a class that test does not have."""
    dataset, run = trained
    evaluation = run.evaluation("test")
    truth = [dataset.mask(name) for name in evaluation.ids]
    predicted = [evaluation.prediction(name) for name in evaluation.ids]
    assert [ids.shape for ids in predicted] == [ids.shape for ids in truth]
    scored = [ids != 255 for ids in truth]
    flat_truth = np.concatenate([ids[keep] for ids, keep in zip(truth, scored, strict=True)])
    flat = np.concatenate([ids[keep] for ids, keep in zip(predicted, scored, strict=True)])
    assert (evaluation.total == confusion_matrix(flat_truth, flat, labels=range(3))).all()
    iou = jaccard_score(flat_truth, flat, labels=[0, 1], average=None)  # car is absent and left out of the mean
    assert run.summary.test.miou == pytest.approx(iou.mean())


def test_too_many_classes(tmp_path):
    """d09: Mapillary's or ADE20K's full lists."""
    cases.folder(tmp_path, cases.truth(1), "name\n" + "".join(f"c{index}\n" for index in range(300)))
    cases.refused(r"classes\.csv: 300 classes; expected 1 to 255", tmp_path)
