"""Nothing on a page moves once it can be seen: Chromium's layout shift, as in `benchmarks/app_layout_shift.py`."""

import pytest
from fixtures.browsing import eventually, idle
from playwright.sync_api import expect

LIMIT = 0.1  # twice what the benchmark allows; a page that fills up in the old way has 0.2 to 1.9
RECORD = """new PerformanceObserver(list => {
    for (const entry of list.getEntries()) {
        const moved = entry.sources.map(source => source.node?.outerHTML?.slice(0, 200));
        const shift = { time: entry.startTime, value: entry.value, moved };
        if (!entry.hadRecentInput) (window.shifts ??= []).push(shift);
    }
}).observe({ type: "layout-shift", buffered: true })"""
SINCE_PAINTED = """() => {
    const [painted] = performance.getEntriesByName("first-contentful-paint");
    return (window.shifts ?? []).filter(shift => shift.time >= painted.startTime);
}"""


@pytest.mark.parametrize("width", [1440, 420])
@pytest.mark.parametrize(
    "name", ["", "dataset", "augment", "curves", "search", "compare", "errors", "predictions", "try_it"]
)
def test_nothing_moves_while_a_page_fills(app, page, name, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{app}/{name}")
    page.evaluate(RECORD)
    page.locator("h1").wait_for()
    idle(page)
    shifts = page.evaluate(SINCE_PAINTED)
    assert sum(shift["value"] for shift in shifts) < LIMIT, shifts


def test_the_whole_page_is_seen_in_the_end(app, page):
    page.goto(f"{app}/compare")
    page.locator("h1").wait_for()
    idle(page)
    shown = page.locator('[data-testid="stElementContainer"]:not(:has(style))')  # a style has no box to be seen
    hidden = "all => all.filter(one => getComputedStyle(one).opacity === '0').length"
    assert shown.count() > 10
    eventually(page, lambda: shown.evaluate_all(hidden), 0)
    unsized = (
        '[data-testid="stSkeleton"], [data-testid="stBidiComponentIsolated"]:not([data-drawn]), .stVegaLiteChart:empty'
    )
    expect(page.locator(unsized)).to_have_count(0)  # else the rest was shown by patience alone
