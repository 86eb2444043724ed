"""Types of arrays: by dtype, and by what they hold."""

import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
U8 = npt.NDArray[np.uint8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

U8Image = npt.NDArray[np.uint8]  # [H, W, 3] RGB
U8Mask = npt.NDArray[np.uint8]  # [H, W] class ids; IGNORE_INDEX (255) marks pixels that are never scored
F32Map = npt.NDArray[np.float32]  # [H, W]
F32Logits = npt.NDArray[np.float32]  # [C, H, W]
