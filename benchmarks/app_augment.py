"""How long the augmentation lab takes from a moved slider to the new pictures.

Run it: `python benchmarks/app_augment.py [--data drive] [--repeat 60]`. Server time of a whole run of the page: 4 draws
of a pipeline of 5 transforms on a 960x720 picture, augmented, encoded and sent, with the editor, what fired in a table
and the sidebar. Beside it, in the same run and alternating with it: the same five transforms called in albumentations
alone, 4 times, with nothing encoded or drawn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
LIMIT = 150.0  # ms, 95th percentile
WARM = 8.0  # s; two seconds after its first page a server imports what the other pages need
LINE = 100  # id of the line whose slider is moved


def main() -> None:
    """Measure and print, with the limit beside."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="drive")
    parser.add_argument("--preset", default="driving")
    parser.add_argument("--repeat", type=int, default=60)
    options = parser.parse_args()
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    sys.argv = ["app.py", "--data", options.data, "--runs", str(ROOT / "checkpoints")]

    from streamlit.testing.v1 import AppTest

    from segcore.augment import presets
    from segcore.data import open_dataset
    from segcore.ui.augment.pipeline_edits import History, lines_from_pipeline

    dataset = open_dataset(options.data)
    pipeline = presets()[options.preset]
    frame = dataset.splits.get("train", dataset.ids)[0]
    image, mask = dataset.image(frame), dataset.mask(frame)
    if image.shape[:2] != (720, 960):
        raise SystemExit(f"{options.data} has pictures of {image.shape[0]}x{image.shape[1]}; this measures 720x960.")
    print(f"{options.preset}: {', '.join(step.name for step in pipeline.transforms)}; picture 960x720, 4 examples")

    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.switch_page("pages/augment.py")
    ids = iter(range(LINE, LINE + 100))
    app.session_state["augment:history"] = History(lines_from_pipeline(pipeline, ids.__next__))
    moved = next(index for index, step in enumerate(pipeline.transforms) if step.name == "Affine")
    key = f"augment:{LINE + moved}"
    app.session_state["augment:open"] = frozenset({LINE + moved})
    app.query_params["frame"] = frame
    app.run()
    _fine(app)
    time.sleep(WARM)

    alone: dict[str, object] = {}
    exec(pipeline.to_python(), alone)
    page, bare = [], []
    for turn in range(options.repeat + 3):
        app.slider(key=f"{key}:scale").set_value((0.5 + 0.005 * turn, 1.6))
        began = time.perf_counter()
        app.run()
        page.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        for seed in range(4):
            alone["augment"](image, mask, 4 * turn + seed)  # type: ignore[operator]
        bare.append(1000 * (time.perf_counter() - began))
    _fine(app)
    print(f"{'ms':34}   median      p95    worst")
    for name, found in (("slider to new preview, server", page[3:]), ("albumentations alone, 4 calls", bare[3:])):
        print(f"{name:34} {statistics.median(found):8.0f} {np.quantile(found, 0.95):8.0f} {max(found):8.0f}")
    ratio = statistics.median(page[3:]) / statistics.median(bare[3:])
    print(f"ratio of the medians {ratio:.2f}; limit: p95 {LIMIT:.0f} ms")
    if np.quantile(page[3:], 0.95) > LIMIT:
        raise SystemExit("Over the limit.")


def _fine(app: Any) -> None:  # noqa: ANN401 - streamlit is imported where it is used
    """Refuse to time a page that only shows an error."""
    for said in (*app.exception, *app.error):
        raise SystemExit(f"The page fails: {said.value}")


if __name__ == "__main__":
    main()
