"""Findings about masks: look-alikes labelled differently, classes that a split lacks, class shares that differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from segcore.arrays import F64, I64
from segcore.data.dataset import SPLITS, Dataset
from segcore.data.leaks.duplicates import ALIKE, Match, Rows, correlations
from segcore.data.leaks.leak_report import MOST_EXAMPLES, NAMES, Example, Finding
from segcore.data.leaks.perceptual_hash import ImageHashes
from segcore.errors import listed, number
from segcore.labels import IGNORE_INDEX

# Share of the labels on which the masks of two look-alikes should agree. Measured on CamVid and Cam101: frames 1/15 to
# 1 s apart that look alike agree on 0.82 to 0.97. Only frames with a wrong mask are below 0.75: CamVid's Seq05VD_f02610
# agrees with both of its neighbours on 0.58.
AGREE = 0.75
SAME_AGREE = 0.98  # the same for identical images, whose labels should all be the same
MOST_LISTED = 6  # classes in a sentence
SHIFT = 2.0  # a class is listed when it is this many times as frequent, or as rare, as in training
SHIFT_SHARE = 0.01  # share of the pixels a class needs in one of the two splits; rarer classes vary by chance


def disagreements(images: ImageHashes, sequences: Iterable[Sequence[str]], matches: Iterable[Match]) -> list[Finding]:
    """Pairs that look alike, among neighbours in time and matches between splits, whose masks differ.

    Args:
        images: Hashes of all samples.
        sequences: Ids of the frames of each sequence, in order.
        matches: Look-alikes between splits.
    """
    matches = list(matches)
    pairs = {(int(one), int(two)) for ids in sequences for one, two in pairwise(images.rows(ids))}
    same = {tuple(sorted((match.row, match.partner))) for match in matches if match.exact}
    pairs |= {(match.row, match.partner) for match in matches if not match.mirrored}
    if not pairs:
        return []
    ordered = np.array(sorted(pairs), np.intp)
    exact = np.array([tuple(sorted(pair)) in same for pair in ordered.tolist()], bool)
    alike = (correlations(images, ordered[:, 0], ordered[:, 1]) >= ALIKE) | exact
    agree = agreement(images, ordered[:, 0], ordered[:, 1])
    wrong = np.flatnonzero(alike & (agree < np.where(exact, SAME_AGREE, AGREE)))
    if not len(wrong):
        return []
    wrong = wrong[np.argsort(agree[wrong], kind="stable")]
    examples = tuple(
        Example(images.ids[one], images.ids[two], f"{100 * agree[pair]:.0f} % of the labels agree")
        for pair, (one, two) in zip(wrong[:MOST_EXAMPLES], ordered[wrong[:MOST_EXAMPLES]].tolist(), strict=True)
    )
    text = (
        f"{len(wrong)} of {number(int(alike.sum()), 'pair')} of frames that look alike have masks that disagree: "
        "one of the two is probably labelled wrongly."
    )
    return [Finding("masks", "warning", "", "", len(wrong), int(alike.sum()), text, examples)]


def agreement(images: ImageHashes, rows: Rows, others: Rows) -> F64:
    """Share of the pixels labelled in both masks on which they agree, pair by pair; 1 where there are none.

    Returns:
        `[len(rows)]` float64 in 0..1.
    """
    result = np.ones(len(rows))
    for index, (row, other) in enumerate(zip(rows, others, strict=True)):
        one, two = images.masks[row], images.masks[other]
        both = (one != IGNORE_INDEX) & (two != IGNORE_INDEX)
        if both.any():
            result[index] = (one == two)[both].mean()
    return result


def class_findings(dataset: Dataset, images: ImageHashes, frames: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Classes that are scored and never trained on, or trained on and never scored, and shares that differ much.

    Args:
        dataset: The dataset that was split.
        images: Hashes of its samples.
        frames: Ids of the scored frames, by split.
    """
    pixels = {split: images.classes[images.rows(frames[split])].sum(axis=0, dtype=np.int64) for split in SPLITS}
    names, findings = dataset.labels.names, []
    if not pixels["train"].sum():
        return []
    for split in ("val", "test"):
        if not pixels[split].sum():
            continue
        occurs = int((pixels[split] > 0).sum())
        for kind, there, lacking in (("unlearnable", split, "train"), ("unscored", "train", split)):
            only = np.flatnonzero((pixels[there] > 0) & (pixels[lacking] == 0)).tolist()
            if not only:
                continue
            which = ", ".join(names[index] for index in only)
            classes = "1 class" if len(only) == 1 else f"{len(only)} classes"
            if kind == "unlearnable":
                text = f"{classes} of {NAMES[split]} can't be learned, since no training mask holds any: {which}."
                examples = _holding(images, frames[split], only, names)
                findings.append(Finding("unlearnable", "warning", split, "train", len(only), occurs, text, examples))
            else:
                text = f"{classes} of training can't be scored, since no {NAMES[split]} mask holds any: {which}."
                trained = int((pixels["train"] > 0).sum())
                findings.append(Finding("unscored", "note", split, "train", len(only), trained, text))
        findings += _shifts(pixels["train"], pixels[split], names, split)
    return findings


def _holding(
    images: ImageHashes, ids: Sequence[str], classes: Sequence[int], names: Sequence[str]
) -> tuple[Example, ...]:
    """For each class the sample with most pixels of it."""
    rows = images.rows(ids)
    most = {index: images.ids[rows[images.classes[rows, index].argmax()]] for index in classes}
    return tuple(Example(sample_id, "", names[index]) for index, sample_id in most.items())[:MOST_EXAMPLES]


def _shifts(train: I64, scored: I64, names: Sequence[str], split: str) -> list[Finding]:
    """The finding on classes whose share of the pixels differs much between training and another split."""
    before, after = train / train.sum(), scored / scored.sum()
    both = (train > 0) & (scored > 0) & (np.maximum(before, after) >= SHIFT_SHARE)
    ratio = np.where(both, after / np.maximum(before, 1e-12), 1.0)
    by_ratio = np.argsort(-np.abs(np.log(ratio)), kind="stable").tolist()
    far = [index for index in by_ratio if not 1 / SHIFT < ratio[index] < SHIFT]
    if not far:
        return []
    shares = [f"{names[index]} ({100 * before[index]:.1f} -> {100 * after[index]:.1f} %)" for index in far]
    which = listed(shares, MOST_LISTED)
    text = f"Shares of the pixels that differ at least {SHIFT:g}-fold between training and {NAMES[split]}: {which}."
    return [Finding("shares", "note", split, "train", len(far), int((train > 0).sum()), text)]
