"""The app as a person meets it."""

import re
import shutil

import pytest
from fixtures.browsing import eventually, idle
from fixtures.searches import fake_search
from playwright.sync_api import expect

TITLES = {
    "": "Segcore",
    "dataset": "Dataset",
    "augment": "Augment",
    "curves": "Curves",
    "search": "Search",
    "compare": "Compare",
    "errors": "Errors",
    "predictions": "Predictions",
    "try_it": "Try it",
}
NAVIGATION = ["Segcore", "Dataset", "Augment", "Curves", "Search", "Compare", "Errors", "Predictions", "Try it"]


def layers(page):
    """The sources of the mask layers that are shown, in order; not that of agreement, which has no class colours."""
    shown = '.viewer img.layer:not([hidden]):not([alt="Agreement mask"])'
    return page.locator(shown).evaluate_all("all => all.map(one => one.src)")


@pytest.mark.parametrize(
    "name", ["", "dataset", "augment", "curves", "search", "compare", "errors", "predictions", "try_it"]
)
def test_cold_deep_link(fresh, page, name):
    """The very first request of a fresh server goes to this page, with its query parameters."""
    page.goto(f"{fresh}/{name}?runs=unet&hide=Car")
    page.wait_for_selector('[data-testid="stSidebar"] [role=toolbar]')
    idle(page)
    expect(page.locator('[data-testid="stTopNavLink"], [data-testid="stSidebarNavLink"]')).to_have_text(NAVIGATION)
    expect(page.locator("h1")).to_have_text(TITLES[name])
    expect(page).to_have_url(f"{fresh}/{name}?runs=unet&hide=Car")
    expect(page.locator('[data-testid="stSidebar"] input[type=checkbox]:checked')).to_have_count(1)
    expect(page.locator('[data-testid="stSidebar"] button[aria-pressed=false]')).to_have_text("Car")
    assert page.locator('[data-testid="stException"], [data-testid="stAlertContentError"]').count() == 0
    assert page.problems == []


def test_choose_an_image_and_two_models_and_toggle_a_class(app, page):
    page.goto(f"{app}/predictions")
    page.wait_for_selector(".viewer figure")
    idle(page)
    for model in ("FCN-8s", "PSPNet"):
        page.locator('[data-testid="stSidebar"] label', has_text=model).click()
        idle(page)
    captions = page.locator(".viewer figcaption b")
    eventually(page, lambda: captions.all_inner_texts()[1:], ["Ground truth", "Agreement", "U-Net", "DeepLabV3+"])

    page.get_by_test_id("stSelectbox").get_by_role("combobox").click()
    page.get_by_role("option", name="test_02").click()
    page.wait_for_url("**image=test_02**")
    idle(page)
    before = eventually(page, lambda: layers(page), lambda sources: len(sources) == 3)
    assert all(source.startswith("data:image/png;base64,") for source in before)
    drawn = page.locator(".viewer img:not([hidden])").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert set(drawn) == {80}

    page.locator('[data-testid="stSidebar"] button', has_text="Car").click()
    idle(page)
    after = eventually(
        page,
        lambda: layers(page),
        lambda sources: len(sources) == 3 and all(one != other for one, other in zip(before, sources, strict=True)),
    )

    page.get_by_role("radio", name="Error").click()
    idle(page)
    eventually(page, lambda: layers(page)[1:], lambda sources: sources != after[1:])
    expect(page).to_have_url(re.compile("view=error"))
    assert page.problems == []


def test_opacity_moves_without_a_rerun_and_arrow_keys_change_the_image(app, page):
    page.goto(f"{app}/predictions")
    page.wait_for_selector(".viewer figure")
    idle(page)
    slider = page.get_by_role("slider", name="Opacity")
    slider.evaluate("one => { one.value = 20; one.oninput(); }")
    expect(page.locator(".viewer .layer").nth(1)).to_have_css("opacity", "0.2")
    page.locator("body").press("ArrowRight")
    page.wait_for_url("**image=test_02")
    idle(page)
    expect(page.locator(".viewer figcaption b").first).to_have_text("test_02")
    assert page.problems == []


def test_zoom_is_linked(app, page):
    page.goto(f"{app}/predictions")
    page.wait_for_selector(".viewer figure")
    idle(page)
    page.locator(".viewer .box").nth(2).dblclick()
    stacks = page.locator(".viewer .stack")
    eventually(
        page,
        lambda: set(stacks.evaluate_all("all => all.map(one => getComputedStyle(one).transform)")),
        lambda transforms: len(transforms) == 1 and min(transforms).startswith("matrix(3,"),
    )


def test_a_click_in_the_gallery_opens_the_sample(app, page):
    page.goto(f"{app}/dataset")
    page.wait_for_selector(".gallery img.photo:not([hidden])")
    idle(page)
    drawn = page.locator(".sc-sheet figure.drawn")
    expect(drawn).to_have_count(7)
    assert "data:image" in drawn.first.locator("b").nth(1).evaluate("one => getComputedStyle(one).backgroundImage")
    page.get_by_role("button", name="Open train_02").click()
    page.wait_for_url("**sample=train_02")
    idle(page)
    expect(page.locator(".viewer figcaption b").first).to_have_text("train_02")
    assert page.problems == []


def find_line(page, share):
    """The place of a line of the parallel axes at a share of their width: where a trial is named on hover."""
    chart = page.locator(".st-key-wide-parallel svg.marks")
    for wait in (20, 100, 500):  # ms; a busy machine draws the name later, and may move the chart once more
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        x = box["x"] + share * box["width"]
        for y in range(30, int(box["height"]) - 10, 4):
            page.mouse.move(x, box["y"] + y)
            page.wait_for_timeout(wait)
            if page.locator("#vg-tooltip-element.visible").count():
                return x, box["y"] + y
    raise AssertionError("No line is named on hover.")


def test_a_click_on_a_line_narrows_the_trials_and_a_running_search_grows(app, workplace, page):
    _, runs = workplace
    options = {"wanted": 8, "created": "2026-02-01T00:00:00+00:00", "seed": 1}
    fake_search(runs, "growing", ["complete", "complete", "complete", "running"], **options)
    try:
        page.goto(f"{app}/search?search=growing")
        page.wait_for_selector(".st-key-wide-parallel svg.marks")
        idle(page)
        expect(page.get_by_text("Click a line to see its trial alone")).to_be_visible()
        page.mouse.click(*find_line(page, 0.36))
        page.get_by_text("1 of 4 trials in the table").wait_for()
        # Another trial ends: the page draws itself again, and what was picked stays.
        fake_search(runs, "growing", ["complete"] * 4 + ["running"], **options)
        page.get_by_text("1 of 5 trials in the table").wait_for()
        expect(page.get_by_text("Training: trial 4. The page follows.")).to_be_visible()
        assert page.problems == []
    finally:
        shutil.rmtree(runs / "searches" / "growing")


def test_home_marks_what_the_compare_page_marks(app, page):
    """Intervals come a moment after the page; which runs are tied is the same on both pages."""
    page.goto(app)
    page.wait_for_selector(".sc-table .range")
    idle(page)
    rows = page.locator(".sc-table tr:has(.track)")
    home = {row.split("\n")[0].split("\t")[0].strip(): "≈" in row for row in rows.all_inner_texts()}
    assert len(home) == 4
    expect(page.locator(".sc-table .range")).to_have_count(4)
    page.goto(f"{app}/compare")
    page.wait_for_selector(".board .digits")
    idle(page)
    compared = page.locator(".board tbody tr").evaluate_all(
        "rows => rows.map(row => [row.querySelector('.name b').textContent, row.querySelector('.level').textContent])"
    )
    assert home == {name: bool(mark) for name, mark in compared}
    assert page.problems == []


def test_on_a_phone_every_view_is_in_reach_and_a_wide_table_says_that_it_goes_on(app, page):
    page.set_viewport_size({"width": 420, "height": 900})
    page.goto(f"{app}/predictions")
    page.wait_for_selector(".viewer figure")
    idle(page)
    for view in ("overlay", "confidence", "boundary"):
        box = page.get_by_role("radio", name=view, exact=True).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 420, view
    table = page.locator(".sc-scroll").last
    eventually(page, lambda: table.evaluate("table => table.scrollWidth > table.clientWidth"), True)
    expect(table).to_have_css("mask-image", re.compile(r"^linear-gradient\(to left"))
    table.evaluate("table => { table.scrollLeft = 9999; }")
    expect(table).to_have_css("mask-image", re.compile(r"^linear-gradient\(to right"))
    assert page.problems == []


def test_a_command_is_copied_and_no_highlighter_is_loaded(app, page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(app)
    block = page.locator(".sc-code").first
    block.wait_for()
    idle(page)
    button = block.get_by_role("button", name="Copy")
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == block.locator("code").inner_text()
    expect(button).to_have_text("Copy")
    loaded = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    assert not [name for name in loaded if "Highlighter" in name]
    assert page.problems == []
