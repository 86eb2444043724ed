"""Transforms of albumentations that the catalog leaves out, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping

_BOXES = "It needs bounding boxes, which are not augmented here."
_VOLUMES = "It is for volumes; pictures here are flat."
_OTHERS = "It mixes in other pictures, which a pipeline of one picture does not have."
_TRAINING = "Training turns images into tensors itself, with the mean and deviation of the encoder."
_STRIPES = "It writes 0 into the mask, which is a class here; XYMasking does the same and keeps or ignores the mask."

LEFT_OUT: Mapping[str, str] = {
    **dict.fromkeys(
        ("AtLeastOneBBoxRandomCrop", "BBoxSafeRandomCrop", "RandomCropNearBBox", "RandomSizedBBoxSafeCrop"), _BOXES
    ),
    **dict.fromkeys(
        ("CenterCrop3D", "CoarseDropout3D", "CubicSymmetry", "Pad3D", "PadIfNeeded3D", "RandomCrop3D", "ToTensor3D"),
        _VOLUMES,
    ),
    **dict.fromkeys(("FDA", "HistogramMatching", "Mosaic", "OverlayElements", "PixelDistributionAdaptation"), _OTHERS),
    **dict.fromkeys(("FromFloat", "Normalize", "ToFloat", "ToTensorV2"), _TRAINING),
    "FrequencyMasking": _STRIPES,
    "TimeMasking": _STRIPES,
    "TimeReverse": "It is HorizontalFlip under a name for sound.",
    "GridElasticDeform": "It leaves gaps of 0 in the mask, which is a class here; ElasticTransform bends too.",
    "Lambda": "It runs code of its own, which a file of settings must not hold.",
    "Morphological": "It grows or shrinks label ids by their number, so that borders of classes move at random.",
    "NoOp": "It does nothing; switch a transform off instead.",
    "TextImage": "It needs a font file and boxes to write into.",
    "ToRGB": "It makes grey pictures RGB; all pictures here are.",
}
