"""The compare page in a browser: rows to choose, a difference of two, and the link that shows the same."""

import re

import pytest
from fixtures.browsing import idle

expect = pytest.importorskip("playwright.sync_api").expect


def test_rows_drive_the_page_and_the_link_reproduces_it(app, page):
    page.goto(f"{app}/compare")
    lines = page.locator(".board tbody tr")
    expect(lines).to_have_count(4)
    idle(page)
    lines.filter(has_text="PSPNet").click()
    expect(page.locator(".board .count")).to_have_text("3 of 4 chosen")
    expect(page).to_have_url(re.compile("runs=fcn8s,unet,deeplabv3plus|runs=fcn8s%2Cunet%2Cdeeplabv3plus"))
    idle(page)
    boxes = page.locator('[data-testid="stSidebar"] input[type=checkbox]:checked')
    expect(boxes).to_have_count(3)

    page.locator(".board thead button", has_text="model").click()
    expect(page).to_have_url(re.compile("order=title"))
    expect(lines.first).to_contain_text("DeepLabV3+")
    idle(page)

    against = page.get_by_role("combobox", name="Against")
    against.scroll_into_view_if_needed()
    idle(page)  # a list closes when the page scrolls under it
    against.click()
    page.get_by_role("option", name="against FCN-8s").click()
    expect(page.get_by_text("Blue: DeepLabV3+ does better")).to_be_visible()
    expect(page).to_have_url(re.compile("minus=fcn8s"))
    idle(page)

    again = page.context.browser.new_page()  # a browser that knows nothing but the link
    again.goto(page.url)
    expect(again.get_by_text("Blue: DeepLabV3+ does better")).to_be_visible()
    expect(again.locator(".board .count")).to_have_text("3 of 4 chosen")
    expect(again.locator(".board tbody tr").first).to_contain_text("DeepLabV3+")
    again.close()
    assert page.problems == []


def test_the_keyboard_stays_where_it_is_while_rows_are_chosen_and_sorted(app, page):
    page.goto(f"{app}/compare")
    expect(page.locator(".board tbody tr")).to_have_count(4)
    idle(page)
    box = page.locator(".board tbody tr").filter(has_text="PSPNet").get_by_role("checkbox")
    for chosen in ("3", "4"):
        box.focus() if chosen == "3" else None
        page.keyboard.press("Space")
        expect(page.locator(".board .count")).to_have_text(f"{chosen} of 4 chosen")
        idle(page)
        expect(box).to_be_focused()
    title = page.locator(".board thead button", has_text="model")
    title.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("order=title"))
    idle(page)
    expect(title).to_be_focused()


def test_a_filter_can_be_cleared_however_few_rows_it_leaves(app, page):
    page.goto(f"{app}/compare?find=pspnet")
    lines = page.locator(".board tbody tr")
    expect(lines).to_have_count(1)
    idle(page)
    page.get_by_role("searchbox", name="Filter runs").fill("")
    expect(lines).to_have_count(4)
    expect(page).not_to_have_url(re.compile("find="))


def test_a_runs_model_is_one_click_from_its_name_and_closes_again(app, page):
    page.goto(f"{app}/compare")
    line = page.locator(".board tbody tr").filter(has_text="PSPNet")
    line.get_by_role("button", name="its model and settings").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Averages features over grids of four sizes")
    expect(page.locator(".board .count")).to_have_text("4 of 4 chosen")  # the click chose nothing
    expect(page).to_have_url(re.compile("about=pspnet"))
    dialog.get_by_role("tab", name="Settings").click()
    expect(dialog.get_by_text("epochs", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    expect(page).not_to_have_url(re.compile("about="))
    idle(page)
    page.get_by_role("button", name="U-Net: model and settings").click()
    expect(page.get_by_role("dialog")).to_contain_text("Climbs back to full size")
    assert page.problems == []
