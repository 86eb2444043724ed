"""How long the augmentation lab takes from a moved slider to the new pictures.

Run it: `python benchmarks/app_augment.py [--data drive] [--repeat 60] [--browser]`. Server time of a whole run of the
page: 4 draws of a pipeline of 5 transforms on a 960x720 picture, augmented, encoded and sent, with the editor, what
fired in a table and the sidebar. Beside it, in the same run and alternating with it: the same five transforms called in
albumentations alone, 4 times, with nothing encoded or drawn. `--browser` measures in Chromium instead: from a key on
the slider until all four pictures are others and decoded, and beside it an app of a slider and its value alone, which
is what Streamlit itself takes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from app_pages import ROOT, chromium, server

SLIDER = "import streamlit as st\nst.markdown(f'value {st.slider(\"scale\", 0.0, 4.0, 1.0)}')\n"
# Milliseconds from the next key until `state` returns another text than now; pictures lie in a shadow tree.
NEXT_CHANGE = """state => new Promise(end => {
  const read = new Function(`return (${state})`), before = read();
  let began;
  addEventListener("keydown", () => began = performance.now(), {once: true, capture: true});
  const look = () => {
    const now = read();
    if (began && now && now !== before) end(performance.now() - began); else requestAnimationFrame(look);
  };
  look();
})"""
VALUE = "[...document.querySelectorAll('p')].map(one => one.innerText).find(text => text.startsWith('value'))"
PICTURES = """(all => all.length === 4 && all.every(one => one.complete) && all.map(one => one.src).join())(
  [...document.querySelectorAll('*')].flatMap(one => [...one.shadowRoot?.querySelectorAll('.gallery img.photo') ?? []])
)"""
LIMIT = 150.0  # ms, 95th percentile
WARM = 8.0  # s; two seconds after its first page a server imports what the other pages need
LINE = 100  # id of the line whose slider is moved


def main() -> None:
    """Measure and print, with the limit beside."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="drive")
    parser.add_argument("--preset", default="driving")
    parser.add_argument("--repeat", type=int, default=60)
    parser.add_argument("--browser", action="store_true", help="measure in Chromium")
    options = parser.parse_args()
    if options.browser:
        in_browser(options.data, options.preset, options.repeat)
        return
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
    report("slider to new preview, server", page[3:], "albumentations alone, 4 calls", bare[3:])


def in_browser(data: str, preset: str, repeat: int) -> None:
    """Measure in Chromium, a key on the slider of Streamlit alone and one on that of the lab in turn."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        alone = Path(folder) / "slider.py"
        alone.write_text(SLIDER)
        app = ROOT / "app.py"
        with server(alone) as (hello, _), server(app, "--data", data, "--runs", "checkpoints") as (address, _):
            bare, page = (browser.new_page(viewport={"width": 1440, "height": 900}) for _ in range(2))
            bare.goto(hello)
            page.goto(f"{address}/augment")
            page.get_by_role("radio", name=preset).click()
            page.locator(".st-key-augment-lines [class*=-fold] button", has_text="Scale").click()
            page.get_by_role("slider", name="scale, times — end").wait_for()
            page.wait_for_timeout(1000 * WARM)
            sliders = {bare: bare.get_by_role("slider"), page: page.get_by_role("slider", name="scale, times — end")}
            taken: dict[Any, list[float]] = {bare: [], page: []}
            for turn in range(repeat + 3):
                for shown, state in ((bare, VALUE), (page, PICTURES)):
                    shown.bring_to_front()
                    sliders[shown].focus()
                    shown.evaluate(f"void (window.change = ({NEXT_CHANGE})({state!r}))")
                    shown.keyboard.press("ArrowLeft" if turn % 20 < 10 else "ArrowRight")
                    taken[shown].append(shown.evaluate("window.change"))
                    shown.wait_for_timeout(300)
    report("key on a slider to the new pictures", taken[page][3:], "slider of Streamlit alone", taken[bare][3:])


def report(what: str, found: list[float], beside: str, others: list[float]) -> None:
    """Print both in ms, with their ratio and the limit, and end with an error beyond that."""
    print(f"{'ms':36}   median      p95    worst")
    for name, times in ((what, found), (beside, others)):
        print(f"{name:36} {statistics.median(times):8.0f} {np.quantile(times, 0.95):8.0f} {max(times):8.0f}")
    ratio = statistics.median(found) / statistics.median(others)
    print(f"ratio of the medians {ratio:.2f}; limit: p95 {LIMIT:.0f} ms")
    if np.quantile(found, 0.95) > LIMIT:
        raise SystemExit("Over the limit.")


def _fine(app: Any) -> None:  # noqa: ANN401 - streamlit is imported where it is used
    """Refuse to time a page that only shows an error."""
    for said in (*app.exception, *app.error):
        raise SystemExit(f"The page fails: {said.value}")


if __name__ == "__main__":
    main()
