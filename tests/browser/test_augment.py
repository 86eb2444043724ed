"""The augmentation lab in a real browser."""

import re

import numpy as np
import pytest
from fixtures.browsing import eventually, idle, watch
from PIL import Image
from playwright.sync_api import expect

LONG = """version: 1
transforms:
  - HorizontalFlip: {p: 1.0}
  - OneOf:
      p: 1.0
      transforms:
        - GaussianBlur: {p: 0.2}
        - MotionBlur: {p: 0.8}
  - Rotate: {p: 1.0, limit: [20, 20]}
"""

FOLD = ".st-key-augment-lines [class*=-fold] button"  # the title of a line


@pytest.fixture
def lab(app, page):
    page.goto(f"{app}/augment?runs=unet")
    drawn(page)
    return page


def drawn(page):
    page.wait_for_selector(".gallery img.photo:not([hidden])")
    idle(page)


def titles(page):
    texts = page.locator(FOLD).all_inner_texts()
    return [text.split("\n")[-1] for text in texts]  # after the name of the arrow's icon


def photos(page):
    """Sources of the draws."""
    return page.locator(".gallery img.photo").evaluate_all("all => all.map(one => one.src)")


def changed(page, before):
    """Sources of the draws, once they are others: a slider tells its value a moment after the last key."""
    return eventually(page, lambda: photos(page), lambda sources: sources != before)


def shows(page, wanted):
    """Wait until the lines of the pipeline have these titles."""
    eventually(page, lambda: titles(page), wanted)


def upload(page, button, what, path):
    page.get_by_role("button", name=button, exact=True).click()
    page.locator("[data-testid=stFileUploader]", has_text=what).locator("input[type=file]").set_input_files(path)
    idle(page)


def fine(page):
    assert page.locator('[data-testid="stException"]').count() == 0
    assert page.problems == []


def test_a_slider_changes_the_pictures_and_nothing_else(lab):
    lab.get_by_role("radio", name="driving").click()
    idle(lab)
    lab.locator(FOLD, has_text="Scale").click()
    handle = lab.locator(".handle")
    lab.wait_for_selector(".st-key-augment-lines input[type=range]")
    idle(lab)
    handle.focus()
    handle.press("Home")
    before, where = photos(lab), handle.get_attribute("aria-valuenow")
    first = lab.locator(".gallery img.photo").first
    first.evaluate("one => { one.dataset.kept = 'yes'; }")
    slider = lab.get_by_role("slider", name="scale, times — end")
    slider.focus()
    for _ in range(6):
        slider.press("ArrowRight")
    assert len(changed(lab, before)) == 4
    idle(lab)
    # The elements are the same ones: no flicker; and what else was set stays.
    assert first.evaluate("one => one.dataset.kept") == "yes"
    assert handle.get_attribute("aria-valuenow") == where
    # The one that was focused above all, else a drag would end at its first step.
    assert slider.evaluate("one => one === document.activeElement")
    assert lab.locator(FOLD, has_text="Scale").inner_text().startswith("keyboard_arrow_down")
    fine(lab)


def test_a_file_is_loaded_stepped_through_and_undone(lab, tmp_path):
    path = tmp_path / "long.yaml"
    path.write_text(LONG)
    upload(lab, "Load", "A pipeline in YAML", path)
    lab.keyboard.press("Escape")
    idle(lab)
    wanted = [
        "1. Flip left to right",
        "OneOf: One of 2 transforms",
        "2. Blur with sigma between 0.5 and 2 pixels",
        "3. Blur motion over between 3 and 7 pixels",
        "4. Rotate 20 degrees",
    ]
    eventually(lab, lambda: [text.split(",")[0] for text in titles(lab)], wanted)
    assert "80 % of the picks" in titles(lab)[3]
    lab.get_by_role("radio", name="4. Rotate").click()
    idle(lab)
    expect(lab.locator(".viewer figcaption b")).to_have_text(["Before Rotate", "After Rotate"])
    lab.get_by_role("button", name="Undo").click()
    idle(lab)
    eventually(lab, lambda: len(titles(lab)), 2)
    fine(lab)


def test_a_file_with_a_fault_is_refused_with_its_line(lab, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("version: 1\ntransforms:\n  - Rotate: {limit: [0, 400]}\n")
    before = titles(lab)
    upload(lab, "Load", "A pipeline in YAML", path)
    output = lab.locator('[data-testid="stAlertContentError"]').inner_text()
    assert output.startswith(
        "bad.yaml, line 3: Rotate: limit is [0, 400]; expected two of a whole number from -180 to 180"
    )
    shows(lab, before)
    fine(lab)


def test_own_picture_and_back(lab, tmp_path):
    mask = np.repeat(np.arange(3, dtype=np.uint8), 30)[:, None].repeat(120, 1)
    Image.fromarray(np.stack([mask * 80] * 3, axis=-1)).save(tmp_path / "mine.jpg")
    Image.fromarray(mask).save(tmp_path / "mine.png")
    before = photos(lab)
    upload(lab, "Upload", "Image", tmp_path / "mine.jpg")
    lab.get_by_text("no mask").wait_for()
    changed(lab, before)
    lab.locator("[data-testid=stFileUploader]", has_text="Its mask").locator("input[type=file]").set_input_files(
        tmp_path / "mine.png"
    )
    lab.get_by_text("no mask").wait_for(state="detached")
    idle(lab)
    assert lab.locator('[data-testid="stAlertContentError"]').count() == 0
    lab.get_by_role("button", name="Remove mine.jpg").click()
    eventually(lab, lambda: photos(lab), before)
    idle(lab)
    fine(lab)


def test_a_transform_is_chosen_by_its_picture(lab):
    lab.get_by_role("button", name="Choose by picture").last.click()
    lab.get_by_role("dialog").wait_for()
    idle(lab)  # the run that draws the dialog would answer for the click as well
    lab.get_by_role("dialog").get_by_role("radio", name="weather").click()
    idle(lab)
    lab.get_by_role("dialog").locator("button", has_text="RandomFog").click()
    lab.get_by_role("dialog").wait_for(state="detached")
    idle(lab)
    eventually(lab, lambda: titles(lab)[-1], lambda title: title.startswith("3. Fog"))
    fine(lab)


def test_the_pipeline_waits_while_other_pages_are_looked_at(lab):
    lab.get_by_role("radio", name="strong").click()
    idle(lab)
    before = titles(lab)
    lab.get_by_role("link", name="Curves").click()
    lab.wait_for_url("**/curves**")
    idle(lab)
    lab.get_by_role("link", name="Augment").click()
    drawn(lab)
    shows(lab, before)
    fine(lab)


def test_a_link_shows_the_same_draws_to_somebody_else(lab, browser):
    lab.get_by_role("button", name="Shuffle").click()
    idle(lab)
    lab.get_by_role("radio", name="8", exact=True).click()
    idle(lab)
    result = eventually(lab, lambda: photos(lab), lambda sources: len(sources) == 8)
    expect(lab).to_have_url(re.compile(r"(?=.*\bseed=11\b).*\bdraws=8\b"))
    other = watch(browser.new_page(viewport={"width": 1280, "height": 900}))
    other.goto(lab.url)
    drawn(other)
    eventually(other, lambda: photos(other), result)
    other.close()
    fine(lab)
