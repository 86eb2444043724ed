"""How far the parts of each page jump while it loads: cumulative layout shift after the first paint.

Run it: `python benchmarks/app_layout_shift.py [--data drive] [--runs checkpoints] [--pages compare,errors]`. Every page
is opened by its address in a new browser context, on a fresh server (cold) and again on the same server (warm), 1440
and 420 px wide, and once more by a click in the menu of the home page. The number is the sum of Chromium's
`layout-shift` entries since the first contentful paint without input of a person
(https://web.dev/articles/cls; the sum is at least the published score, which takes the worst five seconds).
`--why` lists what moved, and from where to where. Needs Chromium.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from app_pages import ROOT, chromium, server

PAGES = ("", "dataset", "augment", "curves", "search", "compare", "errors", "predictions", "try_it")
WIDTHS = {1440: 900, 420: 900}  # px
LIMIT = 0.05
SETTLED = 2000  # ms without a change of the page or a running script
RECORD = """() => {
  window.shifts = [];
  const name = node => {
    for (let at = node; at; at = at.parentElement || at.getRootNode()?.host) {
      const key = [...(at.classList || [])].find(one => one.startsWith("st-key-")) || at.dataset?.testid;
      if (key) return key + (at === node ? "" : " > " + (node.className || node.nodeName));
    }
    return node?.nodeName || "?";
  };
  const box = one => [one.x, one.y, one.width, one.height].map(Math.round).join(" ");
  new PerformanceObserver(list => list.getEntries().forEach(entry => {
    if (entry.hadRecentInput) return;
    const what = entry.sources.map(one => `${name(one.node)}: ${box(one.previousRect)} -> ${box(one.currentRect)}`);
    window.shifts.push({ at: entry.startTime, value: entry.value, what });
  })).observe({ type: "layout-shift", buffered: true });
}"""
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
QUIET = """ms => new Promise(resolve => {
  const observer = new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, ms); });
  const done = () => { observer.disconnect(); resolve(); };
  let timer = setTimeout(done, ms);
  observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
})"""


def settle(page: Any) -> None:  # noqa: ANN401 - playwright has no light types
    """Wait until the page has been drawn and nothing in it has changed for a while."""
    page.wait_for_selector("h1", timeout=120_000)
    page.evaluate(QUIET, SETTLED)
    page.wait_for_selector(IDLE, timeout=120_000)
    page.evaluate(QUIET, SETTLED)


def shifts(page: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """The shifts of the page since its first contentful paint."""
    found: list[dict[str, Any]] = page.evaluate(
        """() => {
          const first = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0;
          return window.shifts.filter(one => one.at >= first);
        }"""
    )
    return found


def opened(browser: Any, url: str, width: int, click: str = "") -> list[dict[str, Any]]:  # noqa: ANN401
    """Open a page, then perhaps another by the menu's link of that name; the shifts of the last one."""
    context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]})
    page = context.new_page()
    page.add_init_script(f"({RECORD})()")
    page.goto(url)
    settle(page)
    if click:
        page.evaluate("window.shifts = []")
        page.locator('[data-testid="stTopNavLink"]', has_text=click).click()
        page.wait_for_function("title => document.querySelector('h1')?.innerText.trim() === title", arg=click)
        settle(page)
    found = shifts(page)
    context.close()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="drive")
    parser.add_argument("--runs", default="checkpoints")
    parser.add_argument("--pages", default=",".join(PAGES), help="by address, separated by commas")
    parser.add_argument("--why", action="store_true", help="list what moved")
    options = parser.parse_args()
    arguments = ("--data", options.data, "--runs", options.runs)
    worst = 0.0
    with chromium() as browser:
        ways = [f"{width} {state}" for width in WIDTHS for state in ("cold", "warm")] + ["1440 by the menu"]
        print(f"{'':12}", *(f"{way:>16}" for way in ways))
        for name in options.pages.split(","):
            title = name.replace("_", " ").capitalize()
            row = {}
            for width in WIDTHS:
                with server(ROOT / "app.py", *arguments) as (address, _):
                    for state in ("cold", "warm"):
                        row[f"{width} {state}"] = opened(browser, f"{address}/{name}", width)
                    if width == 1440 and name:
                        row["1440 by the menu"] = opened(browser, address, width, title)
            sums = {way: sum(one["value"] for one in row[way]) if way in row else None for way in ways}
            print(
                f"{name or 'home':12}", *(f"{'' if s is None else f'{s:.3f}':>16}" for s in sums.values()), flush=True
            )
            worst = max(worst, *(value for value in sums.values() if value is not None))
            if options.why:
                for way, found in row.items():
                    for one in found:
                        print(f"    {way:16} {one['at']:6.0f} ms {one['value']:.3f}", *one["what"], sep="\n        ")
    print(f"worst {worst:.3f}, limit {LIMIT}")
    sys.exit(worst >= LIMIT)


if __name__ == "__main__":
    main()
