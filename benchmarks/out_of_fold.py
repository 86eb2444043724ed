"""Do out-of-fold intervals hold the truth? Cross-validations of real classifiers on drawn data, whose truth is known.

    python benchmarks/out_of_fold.py [--trainings 1000]

Every cross-validation draws new images, trains two recipes on the folds, scores each image by the model that has not
seen it, and gives the intervals of both scores and of their difference, as `segcore leaderboard` does. An image has
pixels of four classes in a random mix, and a light of its own that shifts all its features; in video the light changes
slowly. *Full* assigns a pixel to the nearest class mean, whitened, of all its features. *Part* sees less, drawn by its
seed, so that each of its trainings has luck of its own: few of the training images; random mixtures of the features; or
some of the features, where luck is mostly not to miss the one that matters. The last two have long tails: a few
trainings are far worse than the others.

The truth is what a recipe scores when trained on as many images as a fold's training set holds: 400 further
trainings, each scored on 60 new images, their pixels counted together.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from segcore.arrays import F64, I64
from segcore.metrics import Sums, resample, statistic
from segcore.metrics.block_bootstrap import block_length

CLASSES, FEATURES, PIXELS = 4, 6, 60
RECIPES = ("full", "part")
TRUTH_TRAININGS, TRUTH_IMAGES = 400, 60
RESAMPLES = 500
MEANS = np.random.default_rng(3).normal(0, 0.8, (CLASSES, FEATURES))  # of the classes, in every setting


@dataclass(frozen=True)
class Setting:
    """What is simulated.

    Args:
        images: Images of a cross-validation.
        folds: Number of folds.
        seen: How many of its training images, mixtures or features a training of *part* sees.
        luck: Which of them.
        video: Whether the light changes slowly, and folds are blocks of time.
    """

    images: int
    folds: int
    seen: int
    luck: Literal["images", "mixtures", "features"] = "images"
    video: bool = False


SETTINGS = (
    Setting(60, 3, 6),
    Setting(40, 5, 6),
    Setting(200, 5, 6, video=True),
    Setting(60, 10, 6),
    Setting(40, 5, 6, "features"),
    Setting(40, 5, 4, "mixtures"),
    Setting(60, 3, 5, "mixtures"),
    Setting(60, 5, 6, video=True),
)


@dataclass(frozen=True)
class Pictures:
    """N images: `features` [N, P, F] and `truth` [N, P]."""

    features: F64
    truth: I64


def draw(setting: Setting, images: int, rng: np.random.Generator) -> Pictures:
    """Draw images."""
    mixes = rng.dirichlet(np.ones(CLASSES), images)
    truth = (rng.random((images, PIXELS, 1)) > mixes.cumsum(axis=1)[:, None, :-1]).sum(axis=2)
    light = rng.normal(0, 0.6, (images, FEATURES))
    if setting.video:
        for index in range(1, images):
            light[index] = 0.8 * light[index - 1] + 0.6 * light[index]
    return Pictures(MEANS[truth] + light[:, None] + rng.normal(0, 1, (images, PIXELS, FEATURES)), truth)


def train_and_predict(train: Pictures, test: F64, recipe: str, setting: Setting, rng: np.random.Generator) -> I64:
    """`[N, P]` classes of test images, by a classifier trained on others."""
    view, chosen = np.eye(FEATURES), np.arange(len(train.truth))
    if recipe == "part" and setting.luck == "images":
        chosen = rng.choice(chosen, setting.seen, replace=False)
    elif recipe == "part" and setting.luck == "mixtures":
        view = rng.normal(size=(FEATURES, setting.seen))
    elif recipe == "part":
        view = view[:, rng.permutation(FEATURES)[: setting.seen]]
    features, truth = train.features[chosen].reshape(-1, FEATURES) @ view, train.truth[chosen].ravel()
    means = np.stack([features[truth == index].mean(axis=0) for index in range(CLASSES)])
    residuals = features - means[truth]
    if recipe == "full":
        whiten = np.linalg.cholesky(np.linalg.inv(residuals.T @ residuals / len(residuals)))
    else:
        whiten = np.diag(1 / residuals.std(axis=0))
    centres, pixels = means @ whiten, test @ view @ whiten
    return (pixels @ centres.T - (centres**2).sum(axis=1) / 2).argmax(axis=2)


def counts(truth: I64, prediction: I64) -> Sums:
    """Sums of the confusion counts of images."""
    right = np.where(truth == prediction, truth, -1)
    return Sums(*((values[..., None] == np.arange(CLASSES)).sum(axis=1) for values in (right, truth, prediction)))


def truths(setting: Setting, rng: np.random.Generator) -> dict[str, float]:
    """The mIoU of each recipe over many trainings and images."""
    size = setting.images - setting.images // setting.folds
    sums = {recipe: np.zeros((3, CLASSES)) for recipe in RECIPES}
    for _ in range(TRUTH_TRAININGS):
        train, test = draw(setting, size, rng), draw(setting, TRUTH_IMAGES, rng)
        for recipe in RECIPES:
            scored = counts(test.truth, train_and_predict(train, test.features, recipe, setting, rng))
            sums[recipe] += [part.sum(axis=0) for part in (scored.right, scored.true, scored.predicted)]
    return {recipe: float((right / (true + guess - right)).mean()) for recipe, (right, true, guess) in sums.items()}


def cross_validate(setting: Setting, rng: np.random.Generator) -> tuple[list[Sums], I64]:
    """(out-of-fold counts of each recipe, fold of each image)."""
    pictures = draw(setting, setting.images, rng)
    folds = np.arange(setting.images) % setting.folds
    if setting.video:
        folds = np.sort(folds)
    predicted = {recipe: np.zeros_like(pictures.truth) for recipe in RECIPES}
    for fold in range(setting.folds):
        train = Pictures(pictures.features[folds != fold], pictures.truth[folds != fold])
        for recipe in RECIPES:
            test = pictures.features[folds == fold]
            predicted[recipe][folds == fold] = train_and_predict(train, test, recipe, setting, rng)
    return [counts(pictures.truth, predicted[recipe]) for recipe in RECIPES], folds


def coverage(setting: Setting, trials: int, seed: int) -> dict[str, float]:
    """Share of the intervals that hold the truth, of images alone and of images and folds, and their widths."""
    rng = np.random.default_rng(seed)
    known = truths(setting, rng)
    gap = known["full"] - known["part"]
    held = {name: [] for name in ("images", "images diff", "folds", "folds diff")}
    width: list[tuple[float, float]] = []
    for trial in range(trials):
        scored, folds = cross_validate(setting, rng)
        block = 1
        if setting.video:
            block = block_length(np.array([statistic("miou").per_image(one) for one in scored]))
        ends = []
        for name, division in (("images", None), ("folds", folds)):
            samples = resample(scored, "miou", block, RESAMPLES, trial, folds=division)
            for place, recipe in enumerate(RECIPES):
                interval = samples.interval(place)
                held[name].append(interval.low <= known[recipe] <= interval.high)
            pair = samples.pair(0, 1)
            held[f"{name} diff"].append(pair.low <= gap <= pair.high)
            ends.append(pair.high - pair.low)
        width.append((ends[0], ends[1]))
    mean = np.mean(width, axis=0)
    return {name: float(np.mean(values)) for name, values in held.items()} | {
        "gap": gap, "width images": float(mean[0]), "width folds": float(mean[1])
    }  # fmt: skip


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description="Do out-of-fold intervals hold the truth?")
    parser.add_argument("--trainings", type=int, default=1000, help="cross-validations a setting (default: 1000)")
    wanted = parser.parse_args().trainings
    print(
        "| images | folds | seen | video | true gap | score: images | and folds | gap: images | and folds | ± points |"
    )
    print("|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|")
    begun = time.perf_counter()
    for seed, setting in enumerate(SETTINGS):
        found = coverage(setting, wanted, seed)
        shares = " | ".join(f"{100 * found[name]:.1f} %" for name in ("images", "folds", "images diff", "folds diff"))
        video = "yes" if setting.video else "no"
        seen = f"{setting.seen} {setting.luck}"
        cells = f"{setting.images} | {setting.folds} | {seen} | {video} | {100 * found['gap']:.1f}"
        widths = f"{50 * found['width images']:.1f}, {50 * found['width folds']:.1f}"
        print(f"| {cells} | {shares} | {widths} |", flush=True)
    print(f"\n{wanted} cross-validations a row, {time.perf_counter() - begun:.0f} s.")


if __name__ == "__main__":
    main()
