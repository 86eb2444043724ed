"""The data pipeline alone against the training that it feeds, and what a real training waits for it.

    python benchmarks/pipeline.py --data ../shared/data/camvid

Decoded once, resized, augmented by each preset in the workers, batched: images a second of one worker (what training
uses by default) and of two, against U-Net's training rate on EfficientNet-Lite0 at 360x480, batch 8, in the same run.
"""

from __future__ import annotations

import argparse
import time

from train_step import ours

from segcore import data
from segcore.augment import presets
from segcore.training.distributed import World
from segcore.training.train_dataset import ResumableBatchSampler, SampleStore, TrainDataset, loader

SIZE = (360, 480)


def alone(store: SampleStore, ids: tuple[str, ...], preset: str, workers: int) -> float:
    """Images a second, over two epochs after the first batch."""
    items = TrainDataset(
        [data.Item(name) for name in ids], store, presets()[preset], seed=0, copies=0, training=True, fixed=False
    )
    batches = ResumableBatchSampler(len(items), 8, seed=0, world=World())
    feed = loader(items, batches, workers=workers)
    began, images = 0.0, -1
    for epoch in range(2):
        batches.set_epoch(epoch)
        for pictures, _, _ in feed:
            if images < 0:
                began, images = time.perf_counter(), 0
            else:
                images += len(pictures)
    return images / (time.perf_counter() - began)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="CamVid in SegNet's layout")
    parser.add_argument("--steps", type=int, default=8)
    arguments = parser.parse_args()
    dataset = data.open_dataset(arguments.data, labels="camvid11")
    ids = dataset.splits["train"]
    began = time.perf_counter()
    store = SampleStore(dataset, SIZE, 2_000_000_000)
    store.fill(ids)
    print(f"decoding {len(ids)} frames once: {time.perf_counter() - began:.1f} s")
    rate, _ = ours("unet", arguments.data, SIZE, 8, 1000, arguments.steps)
    print(f"U-Net trains on {rate:.2f} images/s")
    for preset in ("light", "driving", "strong"):
        for workers in (1, 2):
            fed = alone(store, ids, preset, workers)
            print(
                f"{preset:<8} {workers} worker(s): {fed:6.1f} images/s, {fed / rate:5.1f} times U-Net's training rate"
            )


if __name__ == "__main__":
    main()
