"""Classes, images and data with names as long as people give them: nothing sticks out, no number is hidden."""

import csv

import pytest
from fixtures.app import LABELS, make_data, make_runs
from fixtures.browsing import eventually, idle

from segcore.cli import main

NAMES = (
    "person, individual, someone, somebody, mortal, soul",
    "crt screen, monitor used in the control room of the observatory, cathode ray tube display unit, no television set",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "Tree",
)
IMAGE = "test_observatory_camera_07_2024-11-29T10-15-33_exposure_0.0125_iso_800"
OUTSIDE = """([page, numbers]) => {
    const main = document.querySelector(page);
    const edge = main.getBoundingClientRect().right + 1;
    const hidden = [...document.querySelectorAll(numbers)].filter((one) =>
        one.getBoundingClientRect().right > edge || one.scrollWidth > one.clientWidth + 1);
    return [main.scrollWidth > main.clientWidth, hidden.length];
}"""


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """(a dataset, its runs) with long names."""
    folder = tmp_path_factory.mktemp("long")
    data = make_data(folder / "rooms_of_the_observatory_2024-11-29_final_version_2")
    with (data / "classes.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("name", "r", "g", "b"), *((name, *color) for name, color in zip(NAMES, LABELS.colors, strict=True))]
        )
    for picture in data.glob("test/*/test_00.png"):
        picture.rename(picture.with_name(f"{IMAGE}.png"))
    make_runs(folder / "runs", data, ("fcn8s", "unet"), extras=True)
    return data, folder / "runs"


@pytest.mark.parametrize("width", [1280, 420])
def test_numbers_stay_in_sight(named, serve, page, tmp_path, width):
    data, runs = named
    page.set_viewport_size({"width": width, "height": 900})
    with serve("app.py", tmp_path, "--data", str(data), "--runs", str(runs)) as address:
        for path, numbers in (
            ("dataset", ".sc-shares .n"),
            ("predictions", ".sc-table .n" if width > 640 else ".st-none"),  # a phone swipes wide tables
            ("errors", ".gallery em:last-child"),
        ):
            page.goto(f"{address}/{path}")
            if numbers != ".st-none":
                page.locator(numbers).first.wait_for(state="attached")
            idle(page)
            eventually(page, lambda: page.evaluate(OUTSIDE, ["[data-testid=stMain]", numbers]), [False, 0])  # noqa: B023


def test_a_report_of_long_names(named, page, tmp_path):
    assert main(["report", "--runs", str(named[1]), "--out", str(tmp_path / "report.html")]) == 0
    for width in (1280, 420):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto((tmp_path / "report.html").as_uri())
        numbers = "[aria-label='IoU of each class'] .num, [aria-label='The largest mistakes'] .num"
        sideways, hidden = page.evaluate(OUTSIDE, ["html", numbers])
        assert not sideways and (width < 640 or hidden == 0)  # a phone swipes wide tables
        assert page.get_by_title(NAMES[1]).first.is_visible()
