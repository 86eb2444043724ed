"""Reading stored predictions: a palette PNG of class ids for each image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segcore.arrays import U8Mask
from segcore.errors import RunError
from segcore.reading import DECODER_ERRORS
from segcore.runs import run_files
from segcore.runs.cli_hints import again


def read_prediction(evaluation: Path, sample_id: str) -> U8Mask:
    """Read a predicted mask without the tables beside it.

    Args:
        evaluation: The folder `evaluation/<split>` of a run.
        sample_id: Id of the image.

    Returns:
        `[H, W]` uint8 class ids.

    Raises:
        RunError: when the file is missing, broken or no palette PNG.
    """
    from PIL import Image

    path = evaluation / run_files.PREDICTIONS / run_files.file_name(sample_id)
    hint = again(evaluation.parent.parent, evaluation.name)
    if not path.is_file():
        raise RunError(f"No stored prediction of {sample_id!r} at {path}. {hint}")
    try:
        with Image.open(path, formats=["PNG"]) as image:
            mode, mask = image.mode, np.array(image)
    except (*DECODER_ERRORS, Image.DecompressionBombError) as error:
        raise RunError(f"{path} is no readable PNG ({error}). {hint}") from None
    if mode != "P":
        raise RunError(f"{path} is a {mode} picture; expected a palette PNG of class ids. {hint}")
    return mask
