"""Training throughput: Segcore's engine against the loop that people write, on the same model, data and settings.

    python benchmarks/train_step.py --data ../shared/data/camvid                 # images/s at 360x480, batch 8
    python benchmarks/train_step.py --data ../shared/data/camvid --size 264x352 --quality 5 --seeds 3    # val mIoU too

The plain loop: segmentation_models_pytorch's own model in float32, contiguous, images read from disk by a DataLoader
with as many workers as cores (as in smp's CamVid example), padded to 384x480, torchmetrics' confusion matrix a step.
Both sides train smp's full-width model with the same loss, optimizer, schedule and augmentation.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segcore.training.openmp import SPIN

os.environ.setdefault(*SPIN)
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import cv2
import numpy as np
import segmentation_models_pytorch as smp
import torch
from torch.utils.data import DataLoader, Dataset
from torchmetrics.classification import MulticlassConfusionMatrix

from segcore import data
from segcore.metrics.student_t import t_quantile
from segcore.models.encoder_weights import encoder_state, load_encoder_state
from segcore.runs import RunWriter
from segcore.training.config import build
from segcore.training.console import Reporter
from segcore.training.session import Session

ENCODER = "tu-tf_efficientnet_lite0"
MODELS = {"unet": smp.Unet, "deeplabv3plus": smp.DeepLabV3Plus}
LR = 1e-3


class Files(Dataset):
    """Frames as smp's example reads them: from disk, every time."""

    def __init__(self, dataset: data.Dataset, ids: tuple[str, ...], size: tuple[int, int], train: bool) -> None:
        self.dataset, self.ids = dataset, ids
        height, width = (-(-side // 32) * 32 for side in size)
        steps: list[Any] = [A.Resize(*size)] if size != (360, 480) else []
        if train:
            steps += [A.HorizontalFlip(p=0.5)]
        self.transform = A.Compose([*steps, A.PadIfNeeded(height, width, fill_mask=255)])

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        sample = self.dataset[self.ids[index]]
        found = self.transform(image=sample.image, mask=sample.mask)
        return found["image"].transpose(2, 0, 1), found["mask"]


def plain(
    name: str, dataset: data.Dataset, size: tuple[int, int], batch: int, epochs: int, steps: int, seed: int
) -> tuple[float, float]:
    """(images a second of training without the first step, validation mIoU at the end) of the loop people write."""
    torch.manual_seed(seed)
    classes = dataset.labels.classes
    model = MODELS[name](ENCODER, encoder_weights=None, classes=classes)
    load_encoder_state(model.encoder, encoder_state(ENCODER, "imagenet") or {}, ENCODER)
    workers = os.cpu_count() or 1
    train = DataLoader(
        Files(dataset, dataset.splits["train"], size, True), batch, shuffle=True, drop_last=True, num_workers=workers
    )
    val = DataLoader(Files(dataset, dataset.splits["val"], size, False), batch, num_workers=workers)
    total = epochs * len(train)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    loss_of = torch.nn.CrossEntropyLoss(ignore_index=255)
    counts = MulticlassConfusionMatrix(classes, ignore_index=255)
    done, spent, began = 0, 0.0, 0.0
    for _ in range(epochs):
        model.train()
        began = time.perf_counter()
        for images, masks in train:
            logits = model((images.float() / 255 - 0.5) / 0.5)
            loss = loss_of(logits, masks.long())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            counts.update(logits.argmax(1), masks.long())
            done += 1
            if done == 1:  # the first step pays for what is made once
                began = time.perf_counter()
            if steps and done > steps:
                return batch * steps / (time.perf_counter() - began), 0.0
        spent += time.perf_counter() - began
        counts.reset()
    model.eval()
    with torch.inference_mode():
        for images, masks in val:
            counts.update(model((images.float() / 255 - 0.5) / 0.5).argmax(1), masks.long())
    table = counts.compute().double()
    iou = table.diag() / (table.sum(0) + table.sum(1) - table.diag())
    return batch * (done - 1) / spent, float(iou[table.sum(1) > 0].mean())


class Clock(Reporter):
    """Stops a training after some steps, and knows how fast they were."""

    def __init__(self, steps: int, batch: int) -> None:
        super().__init__(silent=True)
        self.steps, self.batch, self.speed, self.done, self.began = steps, batch, 0.0, 0, 0.0
        self.session: Session | None = None

    def step(self, images: int, seconds: float, waited: float) -> None:
        self.done += 1
        if self.done == 1:
            self.began = time.perf_counter()
        elif self.done == self.steps + 1:
            self.speed = self.batch * self.steps / (time.perf_counter() - self.began)
            assert self.session
            self.session.stop.requested = True


def ours(
    name: str, source: str, size: tuple[int, int], batch: int, epochs: int, steps: int, seed: int
) -> tuple[float, float]:
    """The same of `segcore train`."""
    task = build(
        {
            "data": source, "labels": "camvid11", "models": [name], "model_options": {}, "encoder": ENCODER,
            "image_size": f"{size[0]}x{size[1]}", "batch_size": batch, "epochs": epochs, "loss": "ce", "lr": LR,
            "encoder_lr_factor": 1.0, "schedule": "cosine", "warmup": 0.0, "gradient_clip": 0.0, "seed": seed,
            "augment": {"version": 1, "transforms": [{"HorizontalFlip": {"p": 0.5}}]},
        }
    ).tasks()[0]  # fmt: skip
    clock = Clock(steps, batch)
    session = Session(clock)
    clock.session = session
    rows: list[Mapping[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.mkdir()
        found = session.run(task, RunWriter(path), on_epoch=lambda row: rows.append(row) is None, splits=())
        if steps:
            return clock.speed, 0.0
        assert found.summary.images_per_second
    speed = sum(1 for _ in rows) * 367 / sum(row["seconds"] for row in rows)
    return speed, float(rows[-1]["val_miou"])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="CamVid in SegNet's layout")
    parser.add_argument("--models", default="unet,deeplabv3plus")
    parser.add_argument("--size", default="360x480")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=8, help="timed steps a side, after one that is not")
    parser.add_argument("--quality", type=int, default=0, metavar="EPOCHS", help="train this long and compare mIoU")
    parser.add_argument("--seeds", type=int, default=1, help="with --quality: trainings of each side")
    arguments = parser.parse_args()
    height, width = map(int, arguments.size.split("x"))
    dataset = data.open_dataset(arguments.data, labels="camvid11")
    bf16 = torch.cpu._is_avx512_bf16_supported()
    print(f"{torch.get_num_threads()} threads, avx512_bf16 {bf16}, torch {torch.__version__}, "
          f"{ENCODER}, {height}x{width}, batch {arguments.batch}")  # fmt: skip
    cv2.setNumThreads(1)
    steps, epochs = (0, arguments.quality) if arguments.quality else (arguments.steps, 1000)
    for name in arguments.models.split(","):
        better: list[float] = []
        for seed in range(arguments.seeds):
            mine, my_miou = ours(name, arguments.data, (height, width), arguments.batch, epochs, steps, seed)
            theirs, their_miou = plain(name, dataset, (height, width), arguments.batch, epochs, steps, seed)
            line = f"{name:<14} plain {theirs:6.2f} images/s   segcore {mine:6.2f} images/s   ratio {mine / theirs:.2f}"
            if not steps:
                line += f"   val mIoU after {epochs} epochs: plain {their_miou:.4f} segcore {my_miou:.4f}"
                better.append(my_miou - their_miou)
            print(line, flush=True)
        if len(better) > 1:
            half = t_quantile(0.975, len(better) - 1) * statistics.stdev(better) / math.sqrt(len(better))
            print(
                f"{name:<14} segcore better by {statistics.mean(better):+.4f} ± {half:.4f} (95 %, {len(better)} seeds)"
            )


if __name__ == "__main__":
    main()
