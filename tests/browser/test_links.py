"""A view is an address: Back, Forward and a reload bring it back."""

from fixtures.browsing import idle
from playwright.sync_api import expect


def test_back_and_forward_go_one_step_a_press_also_over_pages(app, page):
    page.goto(f"{app}/predictions")
    page.wait_for_selector(".viewer figure")
    idle(page)
    title = page.locator(".viewer figcaption b").first
    views = [(title.inner_text(), page.url)]
    for _ in range(2):
        page.locator("body").press("ArrowRight")
        expect(title).not_to_have_text(views[-1][0])
        idle(page)
        views.append((title.inner_text(), page.url))
    page.get_by_role("link", name="Curves").first.click()
    expect(page.locator("h1")).to_have_text("Curves")
    idle(page)
    for step, view in ((-1, 2), (-1, 1), (-1, 0), (1, 1)):
        page.go_back() if step < 0 else page.go_forward()
        expect(title).to_have_text(views[view][0])
        idle(page)
        expect(page).to_have_url(views[view][1])
    assert page.problems == []


def test_a_reload_keeps_the_pipeline_and_back_takes_its_last_change_back(app, page):
    def lines():
        return page.locator(".st-key-augment-lines [class*=-fold] button").all_inner_texts()

    page.goto(f"{app}/augment")
    page.wait_for_selector(".gallery img.photo:not([hidden])")
    idle(page)
    page.get_by_role("radio", name="driving").or_(page.get_by_role("button", name="driving")).first.click()
    page.wait_for_url("**pipeline=driving")
    idle(page)
    whole = lines()
    page.locator(".st-key-augment-lines input[type=checkbox]").first.click(force=True)
    page.wait_for_url("**pipeline=eN**")
    idle(page)
    page.reload()
    page.wait_for_selector(".gallery img.photo:not([hidden])")
    idle(page)
    assert page.locator(".st-key-augment-lines input[type=checkbox]").first.is_checked() is False
    page.go_back()
    expect(page.locator(".st-key-augment-lines input[type=checkbox]").first).to_be_checked()
    idle(page)
    assert lines() == whole and page.url.endswith("pipeline=driving")
    assert page.problems == []
