"""What the masks say: look-alikes that are labelled differently, classes that a split lacks, shares that shift."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from segcore.data.dataset import SPLITS, Dataset
from segcore.data.leaks.duplicates import ALIKE, Match, Rows, correlations
from segcore.data.leaks.leak_report import (
    MOST_EXAMPLES,
    NAMES,
    Example,
    Finding,
)
from segcore.data.leaks.perceptual_hash import Pictures
from segcore.errors import number
from segcore.labels import IGNORE_INDEX

# Labels on which the masks of two look-alikes agree at least. Measured on CamVid and Cam101: frames 1/15 to 1 s apart
# that look alike agree on 0.82 to 0.97. Below 0.75 are only frames whose mask is wrong: CamVid's Seq05VD_f02610 agrees
# with both of its neighbours on 0.58.
AGREE = 0.75
SAME_AGREE = 0.98  # where all pixels are the same, so should all labels be; small masks are exact there
MOST_LISTED = 6  # classes in a sentence
SHIFT = 2.0  # times as frequent, or as rare, as in training
SHIFT_SHARE = 0.01  # of the pixels in one of the two splits: rarer classes come and go by chance


def disagreements(pictures: Pictures, sequences: Iterable[Sequence[str]], matches: Iterable[Match]) -> list[Finding]:
    """Pairs that look alike, of neighbours in time or found between splits, with masks that differ.

    Args:
        pictures: Of all samples.
        sequences: Ids of the frames of each sequence, in order.
        matches: Found between splits.
    """
    rows = [pictures.rows(sequence) for sequence in sequences]
    pairs = {(int(one), int(two)) for each in rows for one, two in pairwise(each)}
    found = list(matches)
    same = {tuple(sorted((match.row, match.partner))) for match in found if match.exact}
    pairs |= {(match.row, match.partner) for match in found if not match.mirrored}
    if not pairs:
        return []
    ordered = np.array(sorted(pairs), np.intp)
    exact = np.array([tuple(sorted(pair)) in same for pair in ordered.tolist()], bool)
    alike = (correlations(pictures, ordered[:, 0], ordered[:, 1]) >= ALIKE) | exact
    agree = agreement(pictures, ordered[:, 0], ordered[:, 1])
    wrong = np.flatnonzero(alike & (agree < np.where(exact, SAME_AGREE, AGREE)))
    if not len(wrong):
        return []
    wrong = wrong[np.argsort(agree[wrong], kind="stable")]
    examples = tuple(
        Example(pictures.ids[one], pictures.ids[two], f"{100 * agree[pair]:.0f} % of the labels agree")
        for pair, (one, two) in zip(wrong[:MOST_EXAMPLES], ordered[wrong[:MOST_EXAMPLES]].tolist(), strict=True)
    )
    text = (
        f"{len(wrong)} of {number(int(alike.sum()), 'pair')} of frames that look alike have masks that disagree: "
        "one of the two is probably labelled wrongly."
    )
    return [Finding("masks", "warning", "", "", len(wrong), int(alike.sum()), text, examples)]


def agreement(pictures: Pictures, rows: Rows, others: Rows) -> npt.NDArray[np.float64]:
    """Share of the pixels labelled in both masks on which they agree, pair by pair; 1 where there are none."""
    found = np.ones(len(rows))
    for index, (row, other) in enumerate(zip(rows, others, strict=True)):
        one, two = pictures.masks[row], pictures.masks[other]
        both = (one != IGNORE_INDEX) & (two != IGNORE_INDEX)
        if both.any():
            found[index] = (one == two)[both].mean()
    return found


def class_findings(dataset: Dataset, pictures: Pictures, frames: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Classes that are scored and never trained on, or the other way round, and shares that differ much."""
    pixels = {split: pictures.classes[pictures.rows(frames[split])].sum(axis=0, dtype=np.int64) for split in SPLITS}
    names, found = dataset.labels.names, []
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
            listed = ", ".join(names[index] for index in only)
            classes = "1 class" if len(only) == 1 else f"{len(only)} classes"
            if kind == "unlearnable":
                text = f"{classes} of {NAMES[split]} can't be learned, since no training mask holds any: {listed}."
                examples = _holding(pictures, frames[split], only, names)
                found.append(Finding("unlearnable", "warning", split, "train", len(only), occurs, text, examples))
            else:
                text = f"{classes} of training can't be scored, since no {NAMES[split]} mask holds any: {listed}."
                trained = int((pixels["train"] > 0).sum())
                found.append(Finding("unscored", "note", split, "train", len(only), trained, text))
        found += _shifts(pixels["train"], pixels[split], names, split)
    return found


def _holding(
    pictures: Pictures, ids: Sequence[str], classes: Sequence[int], names: Sequence[str]
) -> tuple[Example, ...]:
    """Of each class the sample with most of it."""
    rows = pictures.rows(ids)
    most = {index: pictures.ids[rows[pictures.classes[rows, index].argmax()]] for index in classes}
    return tuple(Example(sample_id, "", names[index]) for index, sample_id in most.items())[:MOST_EXAMPLES]


def _shifts(
    train: npt.NDArray[np.int64], scored: npt.NDArray[np.int64], names: Sequence[str], split: str
) -> list[Finding]:
    before, after = train / train.sum(), scored / scored.sum()
    both = (train > 0) & (scored > 0) & (np.maximum(before, after) >= SHIFT_SHARE)
    ratio = np.where(both, after / np.maximum(before, 1e-12), 1.0)
    by_ratio = np.argsort(-np.abs(np.log(ratio)), kind="stable").tolist()
    far = [index for index in by_ratio if not 1 / SHIFT < ratio[index] < SHIFT]
    if not far:
        return []
    listed = ", ".join(
        f"{names[index]} ({100 * before[index]:.1f} -> {100 * after[index]:.1f} %)" for index in far[:MOST_LISTED]
    )
    listed += f" and {len(far) - MOST_LISTED} more" if len(far) > MOST_LISTED else ""
    text = f"Shares of the pixels that differ at least {SHIFT:g}-fold between training and {NAMES[split]}: {listed}."
    return [Finding("shares", "note", split, "train", len(far), int((train > 0).sum()), text)]
