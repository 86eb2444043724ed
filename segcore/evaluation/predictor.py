"""A run's model applied to an image of any size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segcore.data import resize
from segcore.errors import EvaluationError
from segcore.runs import RunRecord, load_run

if TYPE_CHECKING:
    import torch

U8Image = npt.NDArray[np.uint8]  # [H, W, 3] RGB
F32Map = npt.NDArray[np.float32]  # [H, W]

_CHUNK = 1 << 21  # logits upsampled at a time: 8 MB, near the caches, and a photo of any size fits in memory


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of an image, at the image's own size.

    Args:
        mask: `[H, W]` uint8 class ids.
        confidence: `[H, W]` float32 softmax probability of the predicted class.
        entropy: `[H, W]` float32 entropy of the softmax over its maximum log C: 0 is certain, 1 a uniform guess.
    """

    mask: npt.NDArray[np.uint8]
    confidence: F32Map
    entropy: F32Map


class Predictor:
    """`Predictor(run)(image)`; may be called from many threads.

    The image is resized to the run's input size (area where it shrinks, bilinear where it grows) and normalised as
    in training; the logits are upsampled bilinearly to the image's size before the softmax.

    Args:
        run: A run, or the path of its folder.
        device: `auto` (CUDA where there is one, else the CPU) or a torch device such as `cpu` and `cuda:1`.

    Raises:
        RunError: when the run or its weights can't be read.
        EvaluationError: when the device is not there.
    """

    def __init__(self, run: RunRecord | str | Path, *, device: str = "auto") -> None:
        import torch

        from segcore.models import load_model

        self.run = run if isinstance(run, RunRecord) else load_run(run)
        self.labels = self.run.labels
        self.device = choose_device(device)
        self._model = load_model(self.run.path).eval().to(self.device, memory_format=torch.channels_last)
        fed = self.run.summary.input
        self._size = fed.height, fed.width
        self._mean, self._std = (
            torch.tensor(values, device=self.device)[:, None, None] for values in (fed.mean, fed.std)
        )

    def __call__(self, image: U8Image) -> Prediction:
        """Predict one image.

        Args:
            image: `[H, W, 3]` RGB uint8, any size.

        Raises:
            EvaluationError: when it is no such image, or the model's scores are not finite.
        """
        import torch

        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise EvaluationError(
                f"Can't predict an image of {image.dtype} {list(image.shape)}; expected uint8 [H, W, 3] RGB."
            )
        height, width = image.shape[:2]
        fitted = resize(image, self._size[0] or height, self._size[1] or width)
        with torch.inference_mode():
            # [H, W, 3] seen as [1, 3, H, W] is channels-last as it lies in memory.
            tensor = torch.tensor(fitted, device=self.device).permute(2, 0, 1)[None]
            logits = self._model((tensor.float() / 255 - self._mean) / self._std)[0].float()
            if logits.shape[0] != self.labels.classes:
                raise EvaluationError(
                    f"The model of run {self.run.id!r} has {logits.shape[0]} classes, "
                    f"its labels {self.labels.classes}; config.json and summary.json are not of one run."
                )
            if not torch.isfinite(logits).all():
                raise EvaluationError(
                    f"The model of run {self.run.id!r} gives scores that are not finite, so its training diverged. "
                    f"Train it again with a lower learning rate: python train.py --config {self.run.path}/config.yaml"
                )
            return _decide(logits, height, width)


def choose_device(device: str) -> torch.device:
    """The torch device of a name; `auto` is CUDA where there is one, else the CPU.

    Raises:
        EvaluationError: when there is no such device here.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # each backend refuses in its own way
        raise EvaluationError(
            f"No device {device!r} here ({str(error).splitlines()[0]}). Choose auto, cpu or cuda."
        ) from None
    return chosen


def _decide(logits: torch.Tensor, height: int, width: int) -> Prediction:
    """`[C, h, w]` logits -> class, confidence and entropy of `[height, width]` pixels, some rows at a time.

    Bilinear as `torch.nn.functional.interpolate(..., align_corners=False)`; rows and columns are interpolated one
    after the other, so that a slab of rows can be had by itself.
    """
    import torch
    from torch.nn.functional import interpolate

    classes, rows, _ = logits.shape
    mask = np.empty((height, width), np.uint8)
    confidence, entropy = np.empty((2, height, width), np.float32)
    # Centre of each row to be made, in rows of the logits.
    centers = ((torch.arange(height, device=logits.device) + 0.5) * (rows / height) - 0.5).clamp(0, rows - 1)
    above = centers.floor().long()
    below = (above + 1).clamp(max=rows - 1)
    weight = (centers - above)[:, None]
    step = max(1, _CHUNK // (classes * width))
    for start in range(0, height, step):
        part = slice(start, start + step)
        slab = torch.lerp(logits[:, above[part]], logits[:, below[part]], weight[part])
        slab = interpolate(slab[None], size=(slab.shape[1], width), mode="bilinear", align_corners=False)[0]
        best, chosen = slab.max(dim=0)
        slab -= best
        share = slab.exp()
        total = share.sum(dim=0)  # the winner's share is exp(0) / total
        undecided = total.log() - (share * slab).sum(dim=0) / total  # -sum p log p
        confidence[part] = total.reciprocal().cpu().numpy()
        entropy[part] = (undecided / math.log(max(classes, 2))).clamp(0, 1).cpu().numpy()
        mask[part] = chosen.to(torch.uint8).cpu().numpy()
    return Prediction(mask, confidence, entropy)
