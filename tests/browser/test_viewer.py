"""The viewer and the gallery as a person handles them, on a page of their own."""

import pytest
from fixtures.browsing import eventually, idle, watch
from playwright.sync_api import expect

PAGE = """
import numpy as np
import streamlit as st
from segcore.labels import CAMVID11
from segcore.ui.shell import url_state
from segcore.ui.widgets.viewer import Panel, viewer
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, gallery
from segcore.visual import encode_jpeg, encode_layer

st.set_page_config(layout="wide")
url_state.begin_page("predictions")
st.session_state.setdefault("index", 0)

def step(by):
    st.session_state["index"] += by

index = st.session_state["index"]
swipe = st.toggle("Swipe", True)
photo = lambda shade: encode_jpeg(np.full((60, 80, 3), shade, np.uint8))
layer = lambda index: encode_layer(np.full((60, 80), index % 11, np.uint8), CAMVID11)
panels = [Panel("Before", f"frame {index}", "a", layer(index)), Panel("After", "3 ms", "b", layer(index + 1))]
viewer(panels, {"a": photo(40), "b": photo(200 + index)}, (60, 80), key="swipe", swipe=swipe, on_step=step)
st.write(f"index is {index}")
st.html('<div style="height:1500px"></div>')

def pick(name):
    st.session_state["picked"] = name

notes = ["mirrors left and right", "", "cuts out a part and stretches it to the size of the whole"]
thumbs = [Thumbnail(f"t{i}", photo(30 * i), note=note, title=f"Transform {i}") for i, note in enumerate(notes * 2)]
gallery(thumbs, (60, 80), key="picker", on_pick=pick, selected=st.session_state.get("picked"))
st.write(f"picked {st.session_state.get('picked')}")
gallery([Thumbnail("frame", photo(9), note="unreadable")], (60, 80), key="plain", on_pick=pick, smallest=200)
"""


@pytest.fixture(scope="module")
def address(serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("viewer")
    (folder / "page.py").write_text(PAGE)
    with serve(folder / "page.py", folder) as started:
        yield started


def opened(page, address):
    page.goto(address)
    page.wait_for_selector(".viewer figure")
    page.get_by_text("index is 0").wait_for()
    idle(page)
    return page.get_by_role("slider", name="Swipe between Before and After")


def share(page):
    """Where the line is, as a share of the picture's width; both the clip and the handle must say the same."""
    return page.locator(".viewer").evaluate(
        """root => {
            const [first, second] = [...root.querySelectorAll(".box")].map(box => box.getBoundingClientRect());
            const handle = root.querySelector(".handle").getBoundingClientRect();
            const clip = getComputedStyle(root.querySelectorAll(".box")[1]).clipPath;
            const left = parseFloat(clip.match(/inset\\(0px 0px 0px (.*)%\\)/)[1]) / 100;
            const line = (handle.left + handle.width / 2 - first.left) / first.width;
            if (first.left !== second.left || first.top !== second.top || first.width !== second.width) return "apart";
            return Math.abs(line - left) < 0.01 ? Math.round(100 * line) : `line ${line}, clip ${left}`;
        }"""
    )


def swiped(page, wanted):
    """Wait until the line stands at a share of the picture, on the screen and for screen readers."""
    eventually(page, lambda: share(page), wanted)
    handle = page.get_by_role("slider", name="Swipe between Before and After")
    expect(handle).to_have_attribute("aria-valuenow", str(wanted))


def centre(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def transforms(page):
    return page.locator(".viewer .stack").evaluate_all("all => all.map(one => getComputedStyle(one).transform)")


def test_two_pictures_lie_on_one_another_with_both_captions(address, page):
    handle = opened(page, address)
    expect(handle).to_be_visible()
    swiped(page, 50)
    left, right = (item.bounding_box() for item in page.locator(".viewer figcaption").all())
    picture = page.locator(".viewer .box").first.bounding_box()
    assert left["y"] == right["y"] >= picture["y"] + picture["height"]
    assert left["x"] == picture["x"] and left["x"] + left["width"] < right["x"]
    assert right["x"] + right["width"] == pytest.approx(picture["x"] + picture["width"], abs=1)
    assert page.problems == []


def test_the_mouse_drags_the_handle_without_a_jump_and_a_double_click_zooms_both(address, page):
    handle = opened(page, address)
    x, y = centre(handle)
    width = page.locator(".viewer .box").first.bounding_box()["width"]
    page.mouse.move(x + 5, y - 60)  # beside the line, away from the knob
    page.mouse.down()
    page.mouse.move(x + 5, y - 50)
    swiped(page, 50)
    page.mouse.move(x + 5 - width / 4, y - 50, steps=4)
    swiped(page, 25)
    page.mouse.move(x - 2 * width, y)
    swiped(page, 0)
    page.mouse.move(x + 5 - width / 4, y)
    page.mouse.up()
    page.mouse.move(x, y)
    swiped(page, 25)

    page.mouse.dblclick(x - width * 0.4, y)  # over the first picture
    eventually(
        page, lambda: set(transforms(page)), lambda result: len(result) == 1 and min(result).startswith("matrix(3,")
    )
    swiped(page, 25)  # the line does not move with the picture
    before = transforms(page)
    page.mouse.move(*centre(handle))
    page.mouse.down()
    page.mouse.move(x, y, steps=3)
    page.mouse.up()
    swiped(page, 50)
    assert transforms(page) == before  # and the picture not with the line
    page.mouse.dblclick(x + width * 0.4, y)  # over the second
    eventually(page, lambda: set(transforms(page)), {"matrix(1, 0, 0, 1, 0, 0)"})
    assert page.problems == []


def test_arrow_keys_on_the_handle_move_it_and_nothing_else(address, page):
    handle = opened(page, address)
    handle.focus()
    for key, wanted in [
        ("ArrowRight", 52),
        ("ArrowLeft", 50),
        ("Shift+ArrowRight", 60),
        ("PageDown", 50),
        ("ArrowUp", 52),
        ("Home", 0),
        ("ArrowLeft", 0),
        ("End", 100),
    ]:
        handle.press(key)
        swiped(page, wanted)
    page.wait_for_timeout(300)
    assert page.get_by_text("index is 0").is_visible()
    assert page.get_by_test_id("stMain").evaluate("one => one.scrollTop") == 0
    assert page.problems == []


def test_the_handle_stays_when_the_pictures_change_and_when_they_lie_side_by_side(address, page):
    handle = opened(page, address)
    handle.focus()
    handle.press("PageUp")
    marked = page.locator(".viewer img.photo")
    marked.evaluate_all("all => all.forEach(one => one.dataset.kept = 'yes')")
    source = marked.nth(1).get_attribute("src")
    handle.blur()
    page.locator("body").press("ArrowRight")
    page.get_by_text("index is 1").wait_for()
    eventually(page, lambda: marked.nth(1).get_attribute("src"), lambda now: now != source)
    assert marked.evaluate_all("all => all.map(one => one.dataset.kept)") == ["yes", "yes"]
    swiped(page, 60)

    page.locator("label", has_text="Swipe").click()
    handle.wait_for(state="hidden")
    first, second = (item.bounding_box() for item in page.locator(".viewer .box").all())
    assert first["x"] + first["width"] < second["x"]
    assert page.locator(".viewer .box").nth(1).evaluate("one => getComputedStyle(one).clipPath") == "none"
    page.locator("label", has_text="Swipe").click()
    handle.wait_for()
    swiped(page, 60)
    assert page.problems == []


def test_a_finger_moves_the_handle_but_neither_page_nor_picture(address, browser):
    context = browser.new_context(viewport={"width": 420, "height": 800}, has_touch=True, is_mobile=True)
    page = watch(context.new_page())
    handle = opened(page, address)
    assert handle.bounding_box()["width"] == 44
    width = page.locator(".viewer .box").first.bounding_box()["width"]
    x, y = centre(handle)
    finger = context.new_cdp_session(page)

    def touch(kind, *points):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    touch("touchStart", (x, y))
    for step in range(1, 11):
        touch("touchMove", (x + step * width / 40, y - step * 12))
    touch("touchEnd")
    swiped(page, 75)
    assert page.get_by_test_id("stMain").evaluate("one => one.scrollTop") == 0
    assert page.evaluate("window.scrollY") == 0
    eventually(page, lambda: set(transforms(page)), {"matrix(1, 0, 0, 1, 0, 0)"})

    box = page.locator(".viewer .box").first.bounding_box()
    start = (box["x"] + 30, box["y"] + box["height"] - 10)
    touch("touchStart", start)  # beside the handle the page scrolls as ever
    for step in range(1, 11):
        touch("touchMove", (start[0], start[1] - step * 15))
    touch("touchEnd")
    main = page.get_by_test_id("stMain")
    scrolled = lambda: main.evaluate("one => one.scrollTop") + page.evaluate("window.scrollY")  # noqa: E731
    eventually(page, scrolled, lambda pixels: pixels > 50)
    swiped(page, 75)
    context.close()


def test_a_gallery_with_titles_has_two_lines_below_each_picture(address, page):
    page.goto(address)
    titled = page.get_by_role("button", name="Transform")
    titled.first.wait_for()
    expect(titled).to_have_count(6)
    idle(page)
    first, last = (line.bounding_box() for line in titled.first.locator("em").all())
    picture = titled.first.locator(".box").bounding_box()
    assert picture["y"] + picture["height"] <= first["y"] < first["y"] + first["height"] <= last["y"]
    assert first["x"] == last["x"]
    tops = {button.locator(".box").bounding_box()["y"] for button in titled.all()}
    assert len(tops) == 1  # one row, and the one without a note stands no lower
    long = titled.nth(2).locator("em").last
    assert long.bounding_box()["height"] == last["height"]  # cut off, and whole on hover
    assert long.get_attribute("title") == "cuts out a part and stretches it to the size of the whole"

    plain = page.get_by_role("button", name="Open frame")
    name, note = (line.bounding_box() for line in plain.locator("em").all())
    assert name["y"] == note["y"] and name["x"] < note["x"]


def test_the_keyboard_picks_from_a_gallery(address, page):
    page.goto(address)
    page.get_by_text("picked None").wait_for()
    page.get_by_role("button", name="Transform 0").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("picked t1").wait_for()
    expect(page.locator(".gallery .selected")).to_have_text(["Transform 1"])
    page.get_by_role("button", name="Open frame").click()
    page.get_by_text("picked frame").wait_for()
    assert page.problems == []


def test_a_phone_shows_two_pictures_of_a_gallery_in_a_row(address, page):
    page.set_viewport_size({"width": 420, "height": 800})
    page.goto(address)
    titled = page.get_by_role("button", name="Transform")
    expect(titled).to_have_count(6)
    idle(page)
    boxes = [button.bounding_box() for button in titled.all()]
    assert len({box["y"] for box in boxes}) == 3 and len({box["x"] for box in boxes}) == 2
