"""Finding images on the dataset page: by a click on a chart, by name, and by a link."""

import re

from fixtures.browsing import eventually, idle
from playwright.sync_api import expect


def gallery_names(page):
    return page.locator(".gallery button").evaluate_all("all => all.map(one => one.textContent)")


def test_a_bar_chooses_its_class_and_a_link_brings_it_back(app, page):
    page.goto(f"{app}/dataset")
    bar = page.locator("[data-testid=stVegaLiteChart]").first.locator(".mark-rect path").first
    expect(bar).to_be_visible()
    idle(page)
    bar.click()
    expect(page).to_have_url(re.compile(r"[?&]class=\w+"))
    idle(page)
    count = page.get_by_text(re.compile(r"^[\d,]+ of [\d,]+ images$"))
    expect(count).to_be_visible()
    text = count.inner_text()
    page.reload()
    expect(count).to_have_text(text)
    idle(page)
    assert not page.problems


def test_a_part_of_a_name_finds_images_and_stands_in_the_link(app, page):
    page.goto(f"{app}/dataset")
    find = page.get_by_label("Find")
    expect(find).to_be_visible()
    idle(page)
    find.fill("test_0")
    find.press("Enter")
    expect(page).to_have_url(re.compile("find=test_0"))
    idle(page)
    eventually(page, lambda: all("test_0" in name for name in gallery_names(page)), True)
    page.go_back()
    expect(page).not_to_have_url(re.compile("find="))
    expect(page.get_by_label("Find")).to_have_value("")
    idle(page)
    assert not page.problems
