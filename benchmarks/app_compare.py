"""How long the compare page takes with 60 runs of 233 images, and how much memory.

Run it: `python benchmarks/app_compare.py [--runs 60] [--images 233] [--repeat 7]`. Server time of whole runs of the
page (what a browser then draws is not in it), by Streamlit's own test runner, in one process. Cold: all libraries are
imported and every cache is empty, so that all evaluations are read, scored and drawn again. Warm: the same page once
more, unchanged or after a click. First comes what a fresh process pays once for imports, with a page of two runs.
Beside it, in the same process: what `pandas.read_parquet` takes to read the tables of these runs.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from segcore.runs import Profile
    from segcore.runs.parquet_tables import CalibrationCounts

ROOT = Path(__file__).parents[1]
COLD, WARM = 1000.0, 200.0  # ms
COLD_OF_MANY, WARM_OF_MANY = 1500.0, 300.0  # ms, of more than 100 runs
MEMORY = 500.0  # MB
MODELS = ("fcn8s", "unet", "pspnet", "deeplabv3plus", "fpn", "linknet")
PIXELS = 480 * 360
# Share of each class of CamVid's 11 in the street, and how well a fair model finds it.
SHARES = np.array([0.17, 0.24, 0.01, 0.29, 0.05, 0.11, 0.01, 0.02, 0.07, 0.02, 0.01])
FOUND = np.array([0.93, 0.87, 0.25, 0.95, 0.79, 0.82, 0.41, 0.45, 0.84, 0.45, 0.55])


def fake_counts(rng: np.random.Generator, right: float, truths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """`[N, 11, 11]` confusion counts of a model that finds `right` more of each class than a fair one."""
    images, classes = truths.shape
    found = FOUND + right + rng.normal(0, 0.02, classes)
    # How hard an image is, for every model, and this model's own luck with it.
    hard = np.random.default_rng(1).normal(0, 0.08, (images, classes)) + rng.normal(0, 0.05, (images, classes))
    found = np.clip(found + hard, 0.02, 0.99)  # [N, 11]
    chances = np.tile(SHARES, (images, classes, 1))
    place = np.arange(classes)
    chances[:, place, place] = 0
    chances *= ((1 - found) / chances.sum(axis=2))[:, :, None]
    chances[:, place, place] = found
    return rng.multinomial(truths, chances / chances.sum(axis=2, keepdims=True)).astype(np.int64)


def write_runs(folder: Path, runs: int, images: int) -> None:
    """Fake runs: 6 architectures in turn, 5 seeds of a recipe, 233 frames of two clips, as the CamVid test split."""
    from segcore.labels import CAMVID11
    from segcore.runs import DatasetInfo, InputInfo, RunStore, ScoreInfo, Summary, write_profile

    rng = np.random.default_rng(0)
    first = images * 62 // 233  # so many frames of the first clip
    ids = [f"0001TP_{8550 + 30 * index:06}" for index in range(first)]
    ids += [f"Seq05VD_f{30 * index:05}" for index in range(images - first)]
    shares = rng.dirichlet(SHARES * 20, images)
    truths = np.maximum(rng.multinomial(PIXELS, shares), 1)
    truths[rng.random(truths.shape) < 0.15] = 0  # classes missing from a picture
    truths[:, 3] += 1
    store = RunStore(folder)
    blank = np.zeros((2, 2), np.uint8)
    info = DatasetInfo(
        name="camvid",
        source="/nowhere/camvid",
        fingerprint="0123456789abcdef",
        classes=11,
        train=367,
        val=101,
        test=images,
        train_augmented=367,
        split="given",
        split_fingerprint="fedcba9876543210",
    )
    for index in range(runs):
        recipe, seed = divmod(index, 5)
        model = MODELS[recipe % len(MODELS)]
        rate = (0.01, 0.003)[recipe // len(MODELS) % 2]
        writer = store.create(f"camvid-{model}-lr{rate:g}" + (f"-seed{seed}" if seed else ""))
        writer.write_config({"data": "camvid", "models": [model], "lr": rate, "epochs": 20, "seed": seed})
        counts = fake_counts(rng, 0.03 * (recipe % len(MODELS)) - 0.08 + rng.normal(0, 0.006), truths)
        writer.write_metrics(list(_history(rng, counts)))
        stored = {"boundary": _boundary(counts), "calibration": _calibration(rng, counts)}
        entropy = rng.uniform(0.05, 0.3, images)
        writer.write_evaluation(
            "test", ids, counts, ((each, blank) for each in ids), CAMVID11, entropy=entropy, **stored
        )
        scored = ScoreInfo.from_counts(counts, CAMVID11)
        writer.write_summary(
            Summary(
                run_id=writer.id,
                status="finished",
                created=(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=index)).isoformat(),
                model=model,
                encoder="tu-tf_efficientnet_lite0",
                encoder_weights="imagenet",
                parameters=int(3e6 * 1.7 ** (recipe % len(MODELS))),
                labels=CAMVID11.to_dict(),
                dataset=info,
                input=InputInfo(height=360, width=480, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
                best_epoch=19,
                epochs=20,
                train_seconds=600 + 400 * (recipe % len(MODELS)) + float(rng.normal(0, 20)),
                seed=seed,
                val=scored,
                test=scored,
            )
        )
        write_profile(writer.path, _profile(rng, recipe % len(MODELS)))


def _profile(rng: np.random.Generator, size: int) -> Profile:
    """What `segcore profile` stores with all backends: five latencies, the larger model the slower."""
    from segcore.runs import Latency, Profile

    sides = ("torch fp32", "torch bf16", "openvino fp32", "openvino bf16", "onnxruntime fp32")
    latencies = tuple(
        Latency(
            **dict(zip(("backend", "precision"), side.split(), strict=True)),
            machine="a machine, 2 threads",
            height=360,
            width=480,
            median_ms=20 * (size + 1) + rng.uniform(0, 2),
            p95_ms=25 * (size + 1),
            peak_memory_mb=900,
            repeats=70,
            measured="2026-01-01T00:00:00+00:00",
        )
        for side in sides
    )
    return Profile(
        parameters=int(3e6 * 1.7**size),
        macs=10**9 * (size + 1),
        height=360,
        width=480,
        model_mb=12.0,
        train_minutes=10,
        latencies=latencies,
    )


def _boundary(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """`[N, 11, 10]`: a tenth of a class's pixels lie in its bands, a fiftieth on its border."""
    right = np.diagonal(counts, axis1=1, axis2=2)
    true, predicted = counts.sum(axis=2), counts.sum(axis=1)
    band = [each // 10 for each in (true, predicted, right)]
    thin = [each // 30 for each in (true, predicted, right)]
    return np.stack([*band, *thin, true // 50, right // 50, predicted // 50, right // 50], axis=2)


def _calibration(rng: np.random.Generator, counts: npt.NDArray[np.int64]) -> CalibrationCounts:
    from segcore.metrics import BINS
    from segcore.runs.parquet_tables import CalibrationCounts

    pixels = rng.multinomial(
        PIXELS // 2, np.linspace(0, 1, BINS) ** 3 / (np.linspace(0, 1, BINS) ** 3).sum(), len(counts)
    )
    middle = (np.arange(BINS) + 0.5) / BINS

    def counted(sure: float) -> npt.NDArray[np.float64]:
        right = pixels * np.clip(middle - sure, 0, 1)
        return np.stack([pixels, right, pixels * middle, pixels / 64, pixels / 64 * 0.3], axis=2)

    return CalibrationCounts(counted(0.08), counted(0.02), 1.3)


def _history(rng: np.random.Generator, counts: npt.NDArray[np.int64]) -> Iterator[dict[str, float]]:
    from segcore.metrics import scores

    last = scores(counts).miou
    for epoch in range(20):
        gain = 1 - 0.8 ** (epoch + 1)
        value = last * gain + rng.normal(0, 0.01)
        yield {
            "epoch": epoch,
            "step": 46 * (epoch + 1),
            "train_loss": 2 - 1.6 * gain,
            "val_loss": 2 - 1.4 * gain + rng.normal(0, 0.02),
            "train_miou": value + 0.05,
            "train_pixel_accuracy": min(0.99, value + 0.3),
            "val_miou": value,
            "val_pixel_accuracy": min(0.98, value + 0.27),
            "lr": 1e-3,
            "seconds": 30.0,
        }


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """(wall, processor) milliseconds of some work; the second tells a busy machine from slow code."""
    wall, busy = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - busy)


def open_page(runs: Path) -> Any:  # noqa: ANN401 - streamlit is imported where it is used
    """The compare page, in a session of its own."""
    from streamlit.testing.v1 import AppTest

    sys.argv = ["app.py", "--data", "drive", "--runs", str(runs)]
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.switch_page("pages/compare.py")
    return app


def fine(app: Any) -> None:  # noqa: ANN401
    """Refuse to time a page that only shows an error."""
    for said in (*app.exception, *app.error):
        raise SystemExit(f"The page fails: {said.value}")


def cold(runs: Path, repeat: int) -> tuple[Any, list[tuple[float, float]]]:
    """Runs of the page with empty caches, each in a new session."""
    import streamlit as st

    app, found = None, []
    for _ in range(repeat):
        st.cache_data.clear()
        st.cache_resource.clear()
        app = None
        gc.collect()  # the session before, which a server would have let go by now
        app = open_page(runs)
        found.append(timed(app.run))
        fine(app)
    return app, found


def warm(app: Any, repeat: int) -> dict[str, list[tuple[float, float]]]:  # noqa: ANN401
    """Runs of the same page, unchanged and after clicks."""
    found: dict[str, list[tuple[float, float]]] = {"again, unchanged": [timed(app.run) for _ in range(repeat)]}

    def click(name: str, act: Callable[[int], object]) -> None:
        rows = found.setdefault(name, [])
        for turn in range(repeat):
            act(turn)
            rows.append(timed(app.run))
            fine(app)

    def other(label: str) -> Callable[[int], object]:
        def choose(turn: int) -> None:
            box = next(box for box in app.main.selectbox if box.label == label)
            box.select_index(turn % 2)

        return choose

    click("another cost axis", other("Cost"))
    click("another model's confusion", other("Model"))

    def other_runs(turn: int) -> None:
        if turn % 2:
            next(box for box in app.sidebar.selectbox if box.label == "Add a run").select_index(turn)
        else:
            app.sidebar.checkbox[0].uncheck()

    click("a run dropped, another added, in turn", other_runs)
    return found


def peak() -> float:
    """MB that the process held at most so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB; bytes on macOS
    return most * (1 if sys.platform == "darwin" else 1024) / 1e6


def pandas_alone(runs: Path) -> tuple[float, float]:
    """What `pandas.read_parquet` takes for the tables that the page reads."""
    import pandas as pd

    return timed(lambda: [pd.read_parquet(path) for path in runs.glob("*/evaluation/test/*.parquet")])


def main() -> None:
    """Measure and print, with the limits beside."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--images", type=int, default=233)
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    cold_limit, warm_limit = (COLD, WARM) if options.runs <= 100 else (COLD_OF_MANY, WARM_OF_MANY)
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        runs, few = Path(folder) / "runs", Path(folder) / "few"
        with ProcessPoolExecutor(1) as elsewhere:  # so that it does not count as memory of the page
            elsewhere.submit(write_runs, runs, options.runs, options.images).result()
            elsewhere.submit(write_runs, few, 2, 12).result()
        print(f"{options.runs} runs x {options.images} images, 11 classes; ms of server time: wall (processor)")
        app = open_page(few)
        row("imports and a page of 2 runs, fresh process", [timed(app.run)])
        fine(app)
        app, first = cold(runs, options.repeat)
        row("cold: caches empty", first, cold_limit)
        found = warm(app, options.repeat)
        memory = peak()
        alone = pandas_alone(runs)
        row("  beside: pandas reading all its tables", [alone])
        for name, each in found.items():
            row(f"warm: {name}", each, warm_limit)
    print(f"{'peak memory of the process':45} {memory:6.0f} MB   limit {MEMORY:.0f} MB")
    print(f"ratio: a cold page takes {statistics.median(wall for wall, _ in first) / alone[0]:.1f} times that reading")
    slow = [name for name, each in found.items() if middle(each)[0] > warm_limit]
    if middle(first)[0] > cold_limit or slow or memory > MEMORY:
        raise SystemExit("Over a limit.")


def middle(found: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Medians of wall and processor time."""
    wall, busy = zip(*found, strict=True)
    return statistics.median(wall), statistics.median(busy)


def row(name: str, found: Sequence[tuple[float, float]], limit: float | None = None) -> None:
    """Print one line."""
    wall, busy = middle(found)
    worst = f", worst {max(each for each, _ in found):.0f}" if len(found) > 1 else ""
    print(f"{name:45} {wall:6.0f} ({busy:.0f}){worst}" + (f"   limit {limit:.0f}" if limit else ""))


if __name__ == "__main__":
    main()
