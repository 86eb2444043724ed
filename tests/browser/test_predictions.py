"""Pictures that answer to the cursor: read, swiped, marked, and the same from a link."""

import re

import pytest
from fixtures.app import LABELS
from fixtures.browsing import eventually, idle, watch
from playwright.sync_api import expect

from segcore.data import open_dataset
from segcore.runs import load_run

MODELS = {"fcn8s": "FCN-8s", "unet": "U-Net", "pspnet": "PSPNet", "deeplabv3plus": "DeepLabV3+"}


def opened(page, address):
    page.goto(address)
    expect(page.locator(".viewer figure").first).to_be_visible()
    expect(page.locator(".viewer .line span").first).to_be_visible()
    idle(page)
    return page.locator(".viewer .line")


def place(page, index, pixel):
    """Where a pixel (x, y) of the 80x60 pictures is on the screen, in a panel."""
    box = page.locator(".viewer .box").nth(index).bounding_box()
    return box["x"] + (pixel[0] + 0.5) * box["width"] / 80, box["y"] + (pixel[1] + 0.5) * box["height"] / 60


def expected(workplace, sample_id, pixel):
    """(truth, {model: answer}) at a pixel, from the files."""
    data, runs = workplace
    name = lambda mask: LABELS.names[mask[pixel[1], pixel[0]]]  # noqa: E731
    answers = {
        title: name(load_run(runs / run).evaluation("test").prediction(sample_id)) for run, title in MODELS.items()
    }
    return name(open_dataset(str(data)).mask(sample_id)), answers


def reads(line, workplace, sample_id, pixel):
    truth, answers = expected(workplace, sample_id, pixel)
    expect(line.locator(".where")).to_have_text(f"x {pixel[0]}, y {pixel[1]}")
    expect(line.locator("span", has_text="truth").locator("em")).to_have_text(truth)
    for title, answer in answers.items():
        item = line.locator("span", has_text=title)
        expect(item.locator("em")).to_have_text(answer)
        expect(item.locator("em")).to_have_class("wrong" if answer != truth else "")


def marked(page):
    """Pixels of the last panel that have the colour of a mark."""
    return page.locator(".viewer canvas").last.evaluate(
        """one => {
            const {data} = one.getContext("2d").getImageData(0, 0, one.width, one.height);
            let marked = 0;
            for (let at = 0; at < data.length; at += 4) marked += data[at] === 232 && data[at + 2] === 140;
            return marked;
        }"""
    )


def test_the_line_is_exact_at_every_pixel_even_of_hidden_classes_and_zoomed(app, workplace, page):
    line = opened(page, f"{app}/predictions?image=test_01&hide=Car")
    expect(line.locator(".where")).to_have_text("point at a picture")
    for pixel in ((25, 35), (2, 5), (79, 59)):
        page.mouse.move(*place(page, 1, pixel))
        reads(line, workplace, "test_01", pixel)
    expect(line).to_have_attribute("aria-live", "off")
    box = page.locator(".viewer .box").nth(1).bounding_box()
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2 + 4.5 * box["width"] / 80, box["y"] + box["height"] / 2 + 2)
    reads(line, workplace, "test_01", (41, 30))  # three pixels on the screen are one of the picture

    page.mouse.move(box["x"] + box["width"] / 2, 5)
    expect(line.locator("em").first).to_have_text("–")
    page.locator("body").press("ArrowRight")
    page.wait_for_url("**image=test_02**")
    expect(page.locator(".viewer figcaption b").first).to_have_text("test_02")
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*place(page, 0, (30, 40)))
    reads(line, workplace, "test_02", (30, 40))
    assert page.problems == []


def test_the_keyboard_moves_the_point_and_a_click_leaves_it_to_the_page(app, workplace, page):
    line = opened(page, f"{app}/predictions?image=test_01&runs=unet")
    page.locator(".viewer .grid").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(line.locator(".where")).to_have_text("x 40, y 30")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    expect(line.locator(".where")).to_have_text("x 50, y 29")
    expect(line).to_have_attribute("aria-live", "polite")
    page.keyboard.press("+")
    expect(page.locator(".viewer")).to_have_class(re.compile("zoomed"))
    expect(line.locator(".where")).to_have_text("x 50, y 29")
    assert "image=" not in page.url.replace("image=test_01", "")
    page.mouse.click(*place(page, 0, (40, 30)))
    page.locator("body").press("ArrowRight")
    expect(page.locator(".viewer figcaption b").first).to_have_text("test_02")
    assert page.problems == []


def test_fingers_read_and_pinch(app, browser):
    context = browser.new_context(viewport={"width": 420, "height": 800}, has_touch=True, is_mobile=True)
    page = watch(context.new_page())
    line = opened(page, f"{app}/predictions?image=test_01&runs=unet,pspnet")
    page.locator(".viewer .box").first.scroll_into_view_if_needed()
    page.touchscreen.tap(*place(page, 0, (20, 15)))
    expect(line.locator(".where")).to_have_text("x 20, y 15")
    finger = context.new_cdp_session(page)
    x, y = place(page, 0, (40, 30))

    def touch(kind, *points):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    touch("touchStart", (x - 30, y), (x + 30, y))
    for step in range(1, 7):
        touch("touchMove", (x - 30 - 10 * step, y), (x + 30 + 10 * step, y))
    touch("touchEnd")
    expect(page.locator(".viewer")).to_have_class(re.compile("zoomed"))
    stacks = page.locator(".viewer .stack")
    transforms = lambda: set(stacks.evaluate_all("all => all.map(one => getComputedStyle(one).transform)"))  # noqa: E731
    (transform,) = eventually(page, transforms, lambda result: len(result) == 1)
    assert float(re.match(r"matrix\((.*?),", transform)[1]) == pytest.approx(3, rel=0.15)
    expect(line.locator(".where")).to_have_text("x 20, y 15")  # the pinch is no tap
    context.close()


def test_the_threshold_marks_at_once_and_stands_in_the_link(app, workplace, page):
    """The fake models are 0.9 sure where they are right, 0.4 where they are wrong."""
    line = opened(page, f"{app}/predictions?image=test_01&runs=unet&view=confidence&threshold=0.3")
    note = page.locator(".viewer figcaption span").last
    expect(note).to_have_text("0 % of pixels are below 0.30; they hold 0 % of the errors")
    eventually(page, lambda: marked(page), 0)
    data, runs = workplace
    wrong = load_run(runs / "unet").evaluation("test").prediction("test_01") != open_dataset(str(data)).mask("test_01")
    slider = page.get_by_role("slider", name="Confidence threshold")
    slider.evaluate("one => { one.value = 41; one.oninput(); }")
    expect(note).to_have_text(f"{100 * wrong.mean():.0f} % of pixels are below 0.41; they hold 100 % of the errors")
    eventually(page, lambda: marked(page), wrong.sum())
    assert "threshold=0.3" in page.url  # the server hears of it when the slider is let go
    slider.evaluate("one => one.onchange()")
    page.wait_for_url("**threshold=0.41**")
    row, column = (int(one[0]) for one in wrong.nonzero())
    page.mouse.move(*place(page, 0, (column, row)))
    item = line.locator("span", has_text="U-Net")
    expect(item.locator("small")).to_have_text("0.40")
    expect(item.locator("em")).to_have_class("wrong")
    assert page.problems == []


def test_any_two_pictures_are_swiped_and_the_line_reads_all(app, workplace, page):
    line = opened(page, f"{app}/predictions?image=test_01&view=error")
    page.locator("label", has_text="Swipe").click()
    expect(page.locator(".viewer.swipe figure")).to_have_count(2)
    expect(page.locator(".viewer figcaption b")).to_have_text(["Ground truth", "FCN-8s"])
    page.get_by_role("combobox", name="Right picture").click()
    page.get_by_role("option", name="PSPNet").click()
    expect(page.locator(".viewer figcaption b")).to_have_text(["Ground truth", "PSPNet"])
    page.wait_for_url("**right=pspnet**")
    page.mouse.move(*place(page, 1, (60, 40)))
    reads(line, workplace, "test_01", (60, 40))
    assert page.problems == []


def test_a_link_shows_the_same_to_somebody_else(app, page, browser):
    opened(page, f"{app}/predictions?image=test_01&runs=fcn8s,unet")
    page.get_by_role("radio", name="Disagreement").click()
    page.get_by_role("radio", name="Vote entropy").click()
    page.wait_for_url("**measure=entropy**")
    page.locator("label", has_text="Swipe").click()
    expect(page.locator(".viewer.swipe figure")).to_have_count(2)
    page.get_by_role("combobox", name="Left picture").click()
    page.get_by_role("option", name="Agreement").click()
    page.wait_for_url("**left=agreement**")
    expect(page.locator(".viewer figcaption b").first).to_have_text("Agreement")
    idle(page)
    shown = "all => all.map(one => one.src)"
    before = page.locator(".viewer img:not([hidden])").evaluate_all(shown)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    other = watch(context.new_page())
    opened(other, page.url)
    expect(other.locator(".viewer figcaption b")).to_have_text(["Agreement", "FCN-8s"])
    eventually(other, lambda: other.locator(".viewer img:not([hidden])").evaluate_all(shown), before)
    assert len(before) == 4
    context.close()
    assert page.problems == []


@pytest.mark.parametrize(
    ("path", "name", "words"),
    [
        ("curves", "curve-miou", {*MODELS.values(), "train", "validation", "epoch"}),
        ("predictions", "predictions", {*MODELS.values(), "Ground truth", "Road", "Car"}),
        ("errors", "confusion-deeplabv3plus", {"taken for", "truth", "Road"}),
    ],
)
def test_what_is_saved_names_what_it_shows(page, app, path, name, words):
    page.goto(f"{app}/{path}")
    idle(page)
    button = page.locator(f".st-key-icon-save-{name} button").first
    button.click()
    choice = page.locator(f".st-key-save-{name}-svg button")

    def in_sight():  # the menu follows its button, which a picture that comes late moves
        button.evaluate("one => one.scrollIntoView({block: 'center'})")
        box = choice.bounding_box()
        return box is not None and 0 <= box["y"] and box["y"] + box["height"] <= page.viewport_size["height"]

    eventually(page, in_sight, True)
    with page.expect_download() as download:
        choice.click()
    assert download.value.suggested_filename == f"{name}.svg"
    texts = re.findall(r"<text[^>]*>([^<]*)", download.value.path().read_text())
    assert words <= set(texts)
