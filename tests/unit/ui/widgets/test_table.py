"""Small tables in HTML."""

from segcore.ui.widgets.table import Cell, format_number
from segcore.visual.whisker import Whisker


def test_a_cell_escapes_its_text_and_tooltip():
    html = Cell("<b>&", title='"quoted"').to_html()
    assert "&lt;b&gt;&amp;" in html and "&quot;quoted&quot;" in html and "<b>" not in html


def test_a_cell_has_its_classes_icon_and_whisker():
    html = Cell("0.5", number=True, icon="data:x", whisker=Whisker("#123456", 0.5, 0.4, 0.6), worst=True).to_html("th")
    assert html.startswith('<th class="n worst">') and html.endswith("0.5</th>")
    assert html.index('class="track"') < html.index('<img src="data:x"') < html.index("0.5</th>")


def test_a_missing_number_is_a_dash():
    assert (format_number(None), format_number(float("nan")), format_number(1.23456, 2)) == ("–", "–", "1.23")
