"""A run's model applied to an image of any size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segcore.data import resize
from segcore.errors import EvaluationError
from segcore.evaluation.decide import F32Logits, Prediction, decide
from segcore.runs import RunRecord, load_run

if TYPE_CHECKING:
    import torch

U8Image = npt.NDArray[np.uint8]  # [H, W, 3] RGB


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

    @property
    def variant(self) -> str:
        """What keeps its answers apart from the plain ones, e.g. `+flip`; empty for the plain predictor."""
        return ""

    def __call__(self, image: U8Image) -> Prediction:
        """Predict one image.

        Args:
            image: `[H, W, 3]` RGB uint8, any size.

        Raises:
            EvaluationError: when it is no such image, or the model's scores are not finite.
        """
        return decide(self._logits(image), *image.shape[:2])

    def logits(self, image: U8Image) -> F32Logits:
        """The scores behind a prediction: `decide(predictor.logits(image), height, width)` is `predictor(image)`.

        Args:
            image: `[H, W, 3]` RGB uint8, any size.

        Returns:
            `[C, h, w]` float32 logits at the size of the model's output.

        Raises:
            EvaluationError: as for a prediction.
        """
        return np.asarray(self._logits(image).cpu().numpy(), np.float32)

    def _logits(self, image: U8Image) -> torch.Tensor:
        """`[C, h, w]` float32 on the device."""
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
            logits: torch.Tensor = self._model((tensor.float() / 255 - self._mean) / self._std)[0].float()
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
        return logits


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
