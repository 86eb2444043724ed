"""Every architecture in OpenVINO and ONNX Runtime against torch: the share of pixels with the same class, in float32.

    python benchmarks/parity.py                       # all; a few seconds each to convert
    python benchmarks/parity.py unet segformer

ImageNet's EfficientNet-Lite0 under a decoder that was never trained, on frames of the embedded drive at a size that is
no multiple of any stride. A share below 99.9 % is marked, and the program then ends with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

from segcore.training.openmp import SPIN

os.environ.setdefault(*SPIN)

import numpy as np
import torch

from segcore.data import open_dataset, resize
from segcore.evaluation import Predictor
from segcore.models import MODELS, create_model, model_title, save_model
from segcore.runs import RunRecord, load_run

HEIGHT, WIDTH, FRAMES = 97, 131, 3
ENOUGH = 0.999


def untrained(name: str, like: RunRecord, folder: Path) -> RunRecord:
    """A run of an architecture, recorded as another one is."""
    torch.manual_seed(0)
    path = folder / name
    save_model(create_model(name, classes=like.labels.classes), path, half=False)
    summary = like.resized_to(HEIGHT, WIDTH).summary.model_copy(update={"run_id": name, "model": name})
    (path / "summary.json").write_text(json.dumps(json.loads(summary.model_dump_json())))
    return load_run(path)


def main() -> int:
    """Print a line for each architecture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    own = [name for name, spec in MODELS.items() if spec.source == "segcore"]
    parser.add_argument("models", nargs="*", default=own)
    parser.add_argument("--like", default="checkpoints/drive-unet", help="a run on the drive, for its classes")
    arguments = parser.parse_args()
    like, bad = load_run(arguments.like), 0
    data = open_dataset("drive")
    images = [resize(data.image(name), HEIGHT, WIDTH) for name in data.split("test").ids[:FRAMES]]
    print(f"{HEIGHT}x{WIDTH}, {FRAMES} frames, {like.labels.classes} classes, fp32, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEGCORE_CACHE"] = folder
        for name in arguments.models:
            run = untrained(name, like, Path(folder))
            plain = Predictor(run, device="cpu")
            expected = [plain.logits(image) for image in images]
            cells = []
            for backend in ("openvino", "onnxruntime"):
                found = [Predictor(run, backend=backend).logits(image) for image in images]
                pairs = list(zip(found, expected, strict=True))
                same = float(np.mean([one.argmax(0) == other.argmax(0) for one, other in pairs]))
                apart = max(float(np.abs(one - other).max() / np.abs(other).max()) for one, other in pairs)
                bad += same < ENOUGH
                cells.append(f"{backend} {100 * same:7.3f} %{' !' if same < ENOUGH else ''} (logits {apart:.0e})")
            print(f"{model_title(name):12s} {'   '.join(cells)}", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
