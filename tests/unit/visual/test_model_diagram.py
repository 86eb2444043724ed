import re
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from segcore.models.description import ModelDescription, Stage
from segcore.visual.model_diagram import model_diagram

NAME = "{http://www.w3.org/2000/svg}"
STAGES = (
    Stage("image", "image", "", (3, 64, 96), 0, ()),
    Stage("encoder 1", "encoder", "Net", (16, 32, 48), 1_824, ("image",)),
    Stage("encoder 2", "encoder", "Net", (24, 16, 24), 13_968, ("encoder 1",)),
    Stage("decoder.a", "decoder", "Conv2d", (8, 16, 24), 77, ("encoder 2",)),
    Stage("decoder.b", "decoder", "Conv2d", (8, 16, 24), 77, ("decoder.a",)),
    Stage("decoder.c<&>", "decoder", "Conv2d", (8, 32, 48), 3_761_152, ("encoder 1", "decoder.b")),
    Stage("decoder.tokens", "decoder", "Linear", (768, 8), 9, ("encoder 2",)),
    Stage("segmentation_head", "head", "Conv2d", (5, 64, 96), 45, ("decoder.c<&>", "decoder.tokens")),
)


def description(stages: tuple[Stage, ...] = STAGES) -> ModelDescription:
    return ModelDescription("Net & co", "", "", "", (64, 96), 5, 2, 10, 10, {}, stages)


def boxes(svg: ET.Element) -> list[tuple[float, float]]:
    return [(float(box.attrib["x"]), float(box.attrib["y"])) for box in svg.iter(f"{NAME}rect") if "x" in box.attrib]


@pytest.mark.parametrize("dark", [None, False, True])
def test_every_stage_has_a_box_and_every_reading_an_arrow(dark: bool | None) -> None:
    svg = ET.fromstring(model_diagram(description(), dark=dark))
    assert len(boxes(svg)) == len(STAGES)
    arrows = [path for path in svg.iter(f"{NAME}path") if "edge" in path.attrib["class"]]
    assert len(arrows) == sum(len(stage.inputs) for stage in STAGES)
    assert sum("skip" in path.attrib["class"] for path in arrows) == 3
    texts = [text.text for text in svg.iter(f"{NAME}text")]
    assert {"c<&>", "8 channels · 3.76 M", "1/4", "16 x 24", "768 x 8 · 9"} <= set(texts)
    assert svg.attrib["aria-label"].startswith("Net & co: 8 stages")


def test_boxes_never_overlap_and_stay_inside() -> None:
    svg = ET.fromstring(model_diagram(description()))
    width, height = float(svg.attrib["width"]), float(svg.attrib["height"])
    for (x, y), (other_x, other_y) in combinations(boxes(svg), 2):
        assert abs(x - other_x) >= 148 or abs(y - other_y) >= 42
    assert all(0 <= x <= width - 148 and 0 <= y <= height - 42 for x, y in boxes(svg))


def test_a_page_chooses_the_colours_or_the_reader_does() -> None:
    alone, dark = model_diagram(description()), model_diagram(description(), dark=True)
    assert "prefers-color-scheme: dark" in alone and "prefers-color-scheme" not in dark
    assert re.search(r'<rect width="\d+" height="\d+" class="paper"/>', alone) and 'class="paper"' not in dark


def test_parts_differ_in_their_border_too() -> None:
    style = model_diagram(description(), dark=False)
    borders = {
        part: re.search(rf"rect\.{part}{{[^}}]*stroke-dasharray:([^}}]*)}}", style)[1]
        for part in ("encoder", "decoder", "head")
    }
    assert len(set(borders.values())) == 3


def test_a_name_too_long_for_its_box_is_cut_at_its_beginning() -> None:
    long = Stage("decoder.fpn_lateral_blocks.0", "decoder", "Conv2d", (8, 16, 24), 1, ("encoder 2",))
    assert "…n_lateral_blocks.0</text>" in model_diagram(description((*STAGES[:3], long)))
