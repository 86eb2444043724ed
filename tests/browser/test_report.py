"""The report from disk, with the network off."""

import pytest

from segcore.cli import main


@pytest.fixture(scope="session")
def report(workplace, tmp_path_factory):
    """Path of a report of the four models."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert main(["report", "--runs", str(workplace[1]), "--out", str(path)]) == 0
    return path


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 420)])
def test_it_opens_offline_and_whole(browser, report, scheme, width):
    context = browser.new_context(color_scheme=scheme, offline=True, viewport={"width": width, "height": 900})
    try:
        page = context.new_page()
        requested, problems = [], []
        page.on("request", lambda request: requested.append(request.url))
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(report.as_uri())
        pictures = page.locator("img").evaluate_all(
            "all => Promise.all(all.map(one => one.decode().then(() => one.naturalWidth)))"
        )
        assert len(pictures) == 30 and set(pictures) == {80}
        behind = page.locator(".panels img[class]").evaluate_all(
            "all => all.map(one => getComputedStyle(one).backgroundImage.slice(0, 20))"
        )
        assert set(behind) == {'url("data:image/jpeg'}  # the photo under every layer
        assert problems == []
        assert {url.split(":")[0] for url in requested} <= {"file", "data"}
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out, on a phone too
        red, green, blue = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert (red + green + blue < 150) == (scheme == "dark")
    finally:
        context.close()


def test_a_picture_grows_by_a_click_and_shrinks_again(browser, report):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    try:
        page.goto(report.as_uri())
        figure = page.locator(".panels figure").nth(1)
        image = figure.locator("img").first.element_handle()
        small = image.evaluate("one => one.decode().then(() => one.getBoundingClientRect().width)")
        figure.locator("a.open").click()
        figure.get_by_role("link", name="Close").wait_for(state="visible")
        wide = "([one, small]) => one.getBoundingClientRect().width"
        page.wait_for_function(f"{wide} > 2 * small", arg=[image, small])
        figure.get_by_role("link", name="Close").click()
        figure.get_by_role("link", name="Close").wait_for(state="hidden")
        page.wait_for_function(f"{wide} === small", arg=[image, small])
    finally:
        page.close()
