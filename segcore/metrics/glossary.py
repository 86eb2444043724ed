"""Explains scores to readers: the counting policy, one sentence for each term and a paragraph for each topic."""

from __future__ import annotations

from segcore.metrics.registry import CLASS_SCORES, SCORES

POLICY = (
    "Pixels are counted over the whole split at the ground truth's own size, ignored pixels (void, unless it is one "
    "of the classes) are left out, and a mean over classes is over the classes present in the ground truth of that "
    "split."
)

# One sentence a term, short enough for a tooltip.
HELP: dict[str, str] = {
    **{key: score.help for key, score in {**SCORES, **CLASS_SCORES}.items()},
    "nll": "Negative log likelihood: minus the log of the probability given to the true class; 0 is best.",
    "temperature": "Temperature: logits are divided by it to be calibrated on validation; above 1: overconfident.",
    "confidence": "Confidence: the softmax probability of the predicted class.",
    "interval": "95 % interval: how far the score would move with other images of the same kind.",
    "probability": "Probability that one is better than the other on other images of the same kind; 50 % is a tie.",
}

EXPLAIN: dict[str, str] = {
    "Counting": (
        "Each pixel of each image falls into one cell of a confusion matrix: its true class by the predicted one. "
        "Masks are compared at the ground truth's own size, with no padding. Pixels whose truth is void are in no "
        "cell, whatever was predicted there."
    ),
    "mIoU": (
        "The matrices of all images are summed, and IoU is a class's diagonal cell over its row plus its column minus "
        "that cell. mIoU is the mean over classes. This is the number that papers report."
    ),
    "Image mIoU": (
        "The mIoU of each image by itself, over the classes in that image, and then the mean over images. An image of "
        "few classes counts as much as one of many, and a class counts where it occurs. It is not comparable with mIoU "
        "and usually lower, since small things in single images are missed as a whole."
    ),
    "Absent classes": (
        "A class that the ground truth of the split does not hold has no IoU: it is left out of every mean, and named. "
        "Pixels wrongly called so still count against the class they are of. A class that is there and is never "
        "predicted scores 0."
    ),
    "Pixel accuracy": (
        "Right pixels over scored pixels. A model that finds only road and sky can have 80 %. Where void was trained "
        "as a class (--void class) it is counted as one, and the score without it stands beside: pixels whose truth is "
        "void left out, calling another pixel void still wrong."
    ),
    "Other means": (
        "Mean accuracy averages the recall of classes, mean Dice their F1. Frequency-weighted IoU weights each IoU by "
        "the class's share of true pixels. Precision of a class that is never predicted is 0."
    ),
    "Boundary IoU": (
        "The IoU of two bands along the inside of true and predicted borders: large insides, which every model gets "
        "right, are left out (Cheng et al. 2021). Bands are 2 % of the diagonal wide, and 3 px. A border towards void "
        "is none, in truth and prediction; the frame of the image is one, as in the authors' code."
    ),
    "Boundary F1": (
        "Precision is the share of the predicted border with a true border of the class within 3 px, recall the other "
        "way round, F1 their harmonic mean (Csurka et al. 2013), counted over the split. Borders are one pixel wide; "
        "towards void and at the frame of the image there is none."
    ),
    "Calibration": (
        "Scored pixels in 15 bins of confidence; in each, mean confidence against the share that is right. ECE is the "
        "mean gap, weighted by pixels (Guo et al. 2017). The temperature is fitted on the validation split alone and "
        "applied to the others; it changes no class."
    ),
    "Intervals": (
        "The images, or blocks of neighbouring frames of a video, are drawn again many times, and every draw is "
        "scored; the interval holds 95 % of the scores, widened where blocks are few. All models get the same draws, "
        "so that the interval of a difference leaves out what makes images hard for both. It tells what other images "
        "of the kind would change, and nothing of another training."
    ),
}
