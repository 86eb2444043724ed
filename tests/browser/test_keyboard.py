"""The keys of every page, and the way from an image back to where one was."""

import re

import pytest
from fixtures.browsing import eventually, idle
from playwright.sync_api import expect


@pytest.mark.parametrize("name", ["", "predictions", "errors", "compare"])
def test_a_question_mark_lists_the_keys(app, page, name):
    page.goto(f"{app}/{name}")
    page.get_by_role("button", name="Keys of this page").wait_for()  # it listens from here on
    idle(page)
    page.locator("body").press("?")
    sheet = page.get_by_role("dialog", name="Keys of this page")
    expect(sheet).to_be_visible()
    expect(sheet).to_contain_text("show or hide a class")
    page.locator("body").press("Escape")
    expect(sheet).to_be_hidden()
    page.get_by_role("button", name="Keys of this page").click()
    expect(sheet).to_be_visible()
    assert page.problems == []


def test_keys_choose_view_and_class_and_swipe(app, page):
    page.goto(f"{app}/predictions")
    page.wait_for_selector(".viewer figure")
    idle(page)
    page.locator("body").press("v")
    page.wait_for_url("**view=mask**")
    idle(page)
    page.locator("body").press("V")
    page.wait_for_url(re.compile(r"predictions$"))
    idle(page)
    page.locator("body").press("1")
    page.wait_for_url("**hide=**")
    idle(page)
    page.locator("body").press("s")
    page.wait_for_url("**swipe=True**")
    idle(page)
    page.locator("body").press("m")
    page.wait_for_url("**right=**")
    assert page.problems == []


def test_keys_are_letters_where_somebody_types(app, page):
    page.goto(f"{app}/predictions")
    page.wait_for_selector(".viewer figure")
    idle(page)
    box = page.get_by_test_id("stSelectbox").get_by_role("combobox").first
    box.click()
    box.press_sequentially("1?v")
    expect(box).to_have_value("1?v")
    expect(page.get_by_role("dialog", name="Keys of this page")).to_be_hidden()
    assert "hide=" not in page.url and "view=" not in page.url


def test_from_the_errors_to_an_image_and_back_to_the_same_place(app, page):
    page.set_viewport_size({"width": 420, "height": 500})
    page.goto(f"{app}/errors")
    page.wait_for_selector(".gallery img.photo:not([hidden])")
    idle(page)
    page.locator("body").press("m")
    page.wait_for_url("**of=**")
    idle(page)
    main = page.get_by_test_id("stMain")
    main.evaluate("one => document.addEventListener('pointerdown', () => { window.clickedAt = one.scrollTop; })")
    page.locator(".gallery button").last.click()  # which scrolls to it
    page.wait_for_url("**/predictions**")
    top = page.evaluate("window.clickedAt")
    assert top > 0
    idle(page)
    page.go_back()
    page.wait_for_url("**/errors?**of=**")
    eventually(page, lambda: abs(main.evaluate("one => one.scrollTop") - top) < 5, True)
    assert page.problems == []
