"""From the confusion matrix to images, and from an image to the predictions."""

import base64
import io
import re

import numpy as np
from fixtures.app import LABELS
from fixtures.browsing import eventually, idle, watch
from PIL import Image
from playwright.sync_api import expect


def thumbnails(page):
    return page.locator(".gallery button").evaluate_all(
        "all => all.map(one => [...one.querySelectorAll('em')].map(each => each.textContent))"
    )


def lit_pixels(page):
    """Of each thumbnail, the pixels in the colour of Road."""
    result = []
    for source in page.locator(".gallery img.layer").evaluate_all("all => all.map(one => one.src)"):
        layer = np.array(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGBA"))
        result.append(int((layer == (*LABELS.colors[LABELS.index("Road")], 255)).all(axis=2).sum()))
    return result


def test_a_cell_filters_and_lights_a_link_shows_the_same_and_a_thumbnail_opens_the_image(app, page, browser):
    page.goto(f"{app}/errors?of=fcn8s")
    cell = page.get_by_role("button", name="Car taken for Road:")
    expect(cell).to_be_visible()
    expect(page.locator(".gallery img.layer:not([hidden])")).to_have_count(3)
    idle(page)
    cell.click()
    expect(page.get_by_text("Car taken for Road", exact=True)).to_be_visible()
    expect(cell).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".gallery button em").nth(1)).to_have_text(re.compile(r"^[\d,]+ px$"))
    expect(page).to_have_url(re.compile("lit=Car%3ARoad"))
    idle(page)
    shown = thumbnails(page)
    pixels = [int(note.removesuffix(" px").replace(",", "")) for _, note in shown]
    assert pixels == sorted(pixels, reverse=True) and len(pixels) == 3
    eventually(
        page, lambda: lit_pixels(page), pixels
    )  # exactly those: a thumbnail of such a small image is not made smaller

    other = watch(browser.new_page())
    other.goto(page.url)
    expect(other.get_by_text("Car taken for Road", exact=True)).to_be_visible()
    expect(other.locator(".gallery img.layer:not([hidden])")).to_have_count(3)
    idle(other)
    eventually(other, lambda: (thumbnails(other), lit_pixels(other)), (shown, pixels))
    other.close()

    wanted = next(name for name, _ in shown if name != "test_01")  # the middle one is not named in a link
    page.get_by_role("button", name=f"Open {wanted}").click()
    expect(page.locator(".viewer figcaption b").first).to_have_text(wanted)
    expect(page.get_by_role("radio", name="Error")).to_be_checked()
    expect(page.get_by_role("button", name="Car taken for Road")).to_be_visible()  # lit here too
    expect(page.locator(".viewer figcaption", has_text="U-Net")).to_be_visible()
    idle(page)
    query = {f"image={wanted}", "view=error", "lit=Car%3ARoad"}
    eventually(page, lambda: set(page.url.partition("?")[2].split("&")), query)
    page.go_back()
    expect(cell).to_have_attribute("aria-pressed", "true")
    assert page.problems == []


def test_the_keyboard_walks_the_matrix_and_a_name_takes_its_row(app, page):
    page.goto(f"{app}/errors?of=fcn8s")
    expect(page.locator(".gallery img.layer:not([hidden])")).to_have_count(3)
    idle(page)
    start = page.get_by_role("button", name="Car taken for Road:")
    start.focus()
    focused = page.locator(".matrix button:focus")
    page.keyboard.press("ArrowUp")
    expect(focused).to_have_attribute("title", re.compile("^Sky taken for Road:"))
    page.keyboard.press("ArrowDown")  # over Road itself, where nothing is mistaken
    expect(focused).to_have_attribute("title", re.compile("^Car taken for Road:"))
    page.keyboard.press("Enter")
    expect(start).to_have_attribute("aria-pressed", "true")
    idle(page)
    expect(focused).to_have_count(1)
    page.get_by_role("button", name="Car taken for another class:").click()
    expect(page.get_by_text("Car taken for another class", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("lit=Car%3A&"))
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_text("Car taken for another class", exact=True)).to_be_hidden()
    assert page.problems == []
