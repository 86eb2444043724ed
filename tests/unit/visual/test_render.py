"""Charts as SVG, PNG and PDF."""

import io
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from segcore.labels import CAMVID11, LabelMap
from segcore.visual import charts, compare_charts
from segcore.visual.render import DARK, LIGHT, to_print, to_svg

TWO = LabelMap("two", ("Car", "Tree"), ((1, 2, 3), (4, 5, 6)))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def chart():
    rows = [("Road", "U-Net", 0.9, 0.8, 0.95), ("Road", "<PSP> & net", 0.7, 0.6, np.nan)]
    table = pd.DataFrame(rows, columns=["class", "run", "value", "low", "high"])
    return compare_charts.per_class(table, {"U-Net": "#112233", "<PSP> & net": "#445566"})


def titles(svg):
    return [title.text for title in ElementTree.fromstring(svg).iter(f"{SVG}title")]


def test_marks_say_on_hover_what_they_say_in_the_app(chart):
    svg = to_svg(chart, width=400, label='IoU of "all" classes')
    assert titles(svg) == [
        "class: Road; model: U-Net; IoU: 0.900; from: 0.800; to: 0.950",
        "class: Road; model: <PSP> & net; IoU: 0.700; from: 0.600; to: 0.700",
    ]
    root = ElementTree.fromstring(svg)
    assert root.attrib["role"] == "img" and root.attrib["aria-label"] == 'IoU of "all" classes'
    assert root.attrib["viewBox"].split()[2] == root.attrib["width"] == "400"
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert {"Road", "IoU", "0.2"} <= set(words)  # text stays text
    assert {"#112233", "#445566"} <= set(re.findall(r'fill="(#\w+)"', svg))


def test_a_chart_can_be_drawn_twice_and_looks_the_same(chart):
    assert to_svg(chart, width=400, label="x") == to_svg(chart, width=400, label="x")


def test_an_svg_can_follow_the_colours_of_its_page(chart):
    svg = to_svg(chart, width=400, label="x", variables=True)
    assert f"var(--chart-muted,{LIGHT.muted})" in svg and f"var(--chart-line,{LIGHT.line})" in svg
    assert "xmlns" not in svg and "http" not in svg  # a page that asks for nothing names no address either
    plain = to_svg(chart, width=400, label="x", dark=True)
    assert "var(" not in plain and DARK.muted in plain and LIGHT.muted not in plain


def test_what_cannot_be_seen_is_left_out():
    """The points and the rule of a curve that show only under the pointer."""
    curves = pd.DataFrame({"run": "U-Net", "phase": "validation", "x": [1, 2, 3], "value": [0.1, 0.2, 0.3]})
    curves["kept"] = curves["x"] == 3
    svg = to_svg(
        charts.history(curves, {"U-Net": "#112233"}, title="mIoU", x_title="epoch"),
        width=400,
        height=120,
        label="x",
    )
    assert len(re.findall(r'(?:stroke|fill)="#112233"', svg)) == 2  # the line, and the mark of the kept epoch
    assert titles(svg) == ["run: U-Net; epoch: 3; mIoU: 0.300"]


def test_of_a_difference_the_hue_tells_who_does_better_and_the_words_the_sign():
    one, other = np.array([[60, 40], [70, 30]]), np.array([[50, 50], [30, 70]])
    # Shares of the first less those of the second: +10 and -10 points in the first row, +40 and -40 in the second.
    difference = compare_charts.confusion_difference(one, other, TWO, names=("a", "b"), printed=True)
    svg = to_svg(difference, width=300, label="x")
    cells = [
        (path.find(f"{SVG}title").text.split("; "), path.attrib["fill"])
        for path in ElementTree.fromstring(svg).iter(f"{SVG}path")
    ]
    assert [(words[0], words[1], words[-1]) for words, _ in cells] == [
        ("truth: Car", "taken for: Car", "difference, points: +10.0"),
        ("truth: Car", "taken for: Tree", "difference, points: −10.0"),
        ("truth: Tree", "taken for: Car", "difference, points: +40.0"),
        ("truth: Tree", "taken for: Tree", "difference, points: −40.0"),
    ]
    better, worse = LIGHT.better, LIGHT.worse  # right more often and wrong less often are both better
    assert [hue for _, hue in cells] == [better, better, worse, worse]


def test_a_printed_matrix_leaves_out_empty_cells_and_keeps_all_names():
    counts = np.zeros((11, 11), np.int64)
    counts[3, 3], counts[8, 8] = 75, 10
    svg = to_svg(compare_charts.confusion(counts, CAMVID11, hue="#3d7fd6", printed=True), width=300, label="x")
    assert [words.split(";")[0] for words in titles(svg)] == ["truth: Road", "truth: Car"]
    named = [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert named.count("Road") == named.count("Car") == 2


def test_a_file_for_print_has_the_width_in_millimetres_and_300_pixels_an_inch(chart):
    with Image.open(io.BytesIO(to_print(chart, "png", width=80))) as picture:
        assert abs(picture.width - 80 / 25.4 * 300) < 3 and round(picture.info["dpi"][0]) == 300
        assert picture.convert("RGB").getpixel((1, 1)) == (255, 255, 255)
    assert re.match(rb'<svg [^>]*width="79.\d+mm"', to_print(chart, "svg", width=80, label="x"))
    pdf = to_print(chart, "pdf", width=80)
    assert pdf.startswith(b"%PDF")
    sides = re.search(rb"/MediaBox \[\s*0 0 ([\d.]+)", pdf)
    assert abs(float(sides[1]) - 80 / 25.4 * 72) < 2  # points


def test_a_printed_curve_names_its_runs_and_tells_them_apart_by_markers():
    rows = [(run, "validation", x, 0.1 * x) for run in ("U-Net", "FCN-8s") for x in (1, 2, 3)]
    curves = pd.DataFrame(rows, columns=["run", "phase", "x", "value"])
    colors = {"U-Net": "#112233", "FCN-8s": "#445566"}
    curves["kept"] = curves.index == 2
    chart = charts.history(curves, colors, title="mIoU", x_title="epoch", printed=True)
    root = ElementTree.fromstring(to_svg(chart, width=400, height=200, label="x"))
    assert {"U-Net", "FCN-8s", "train", "validation"} <= {text.text for text in root.iter(f"{SVG}text")}
    markers = {path.attrib["d"] for path in root.iter(f"{SVG}path") if path.attrib.get("fill") in colors.values()}
    assert len(markers) >= 4  # small and large, of two shapes, and those of the legend


@pytest.mark.parametrize("width", [300, 605])
def test_a_printed_legend_of_long_names_stays_inside(width):
    names = [f"FCN-8s (cam101-fcn8s-{number})" for number in range(5)]
    curves = pd.DataFrame(
        [(name, phase, x, 0.1 * x) for name in names for phase in ("train", "validation") for x in (1, 2, 3)],
        columns=["run", "phase", "x", "value"],
    )
    chart = charts.history(curves, dict.fromkeys(names, "#112233"), title="mIoU", x_title="epoch", printed=True)
    root = ElementTree.fromstring(to_svg(chart, width=width, height=200, label="x"))
    words = {text.text for text in root.iter(f"{SVG}text")}
    assert {*names, "train", "validation", "1", "2", "3"} <= words and "1.5" not in words
    assert float(root.attrib["viewBox"].split()[2]) <= width + 2
    for text in root.iter(f"{SVG}text"):
        assert _left(text, root) + 6 * len(text.text or "") <= width + 2 or text.text not in names


def _left(wanted, root):
    """The x of an element, through the groups that it is in."""
    parents = {child: parent for parent in root.iter() for child in parent}
    x, element = 0.0, wanted
    while element in parents:
        shift = re.match(r"translate\(([-\d.]+)", element.attrib.get("transform", ""))
        x += float(shift[1]) if shift else 0.0
        element = parents[element]
    return x


def test_a_printed_confusion_of_few_classes_has_numbers():
    counts = np.array([[99, 1], [30, 70]])
    words = {
        text.text
        for text in ElementTree.fromstring(
            to_svg(compare_charts.confusion(counts, TWO, hue="#123456", printed=True), width=300, label="x")
        ).iter(f"{SVG}text")
    }
    assert {"99", "1", "30", "70"} <= words


def test_a_mark_that_shines_through_needs_no_layer_of_its_own():
    curves = pd.DataFrame({"run": "U-Net", "phase": "train", "x": [1, 2], "value": [0.1, 0.2]})
    svg = to_svg(charts.history(curves, {"U-Net": "#112233"}, title="mIoU", x_title="epoch"), width=400, label="x")
    assert ' stroke-opacity="0.6"' in svg and ' opacity="0.6"' not in svg


def test_more_rows_than_altair_draws_by_itself():
    many = pd.DataFrame({"run": "U-Net", "phase": "train", "x": range(6000), "value": 0.5})
    chart = charts.history(many, {"U-Net": "#112233"}, title="mIoU", x_title="step")
    assert "#112233" in to_svg(chart, width=300, label="x")
