"""Turns charts into Vega-Lite with their tables as Arrow, the form that `st.vega_lite_chart` draws fastest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import altair as alt
import pandas as pd
from altair.utils import schemapi

if TYPE_CHECKING:
    import pyarrow as pa

Tables: TypeAlias = "dict[str, pa.Table]"
Charts: TypeAlias = "alt.Chart | alt.LayerChart | alt.FacetChart | Layers"


@dataclass(frozen=True)
class Layers:
    """Charts on top of each other, each with its own table, as `alt.layer` without its five copies of every chart.

    Args:
        charts: The lowest first.
        height: Height of the plot in px, or of one of its steps.
        title: Above it.
    """

    charts: tuple[alt.Chart, ...]
    height: int | alt.Step
    title: alt.TitleParams | None = None

    def chart(self, width: int) -> alt.LayerChart:
        """An Altair chart, to be shown in a notebook or saved; `width` is that of the plot in px."""
        title = {} if self.title is None else {"title": self.title}
        return alt.LayerChart(layer=list(self.charts)).properties(width=width, height=self.height, **title)

    def to_dict(self) -> dict[str, Any]:
        """Vega-Lite with the tables as rows; a selection stays in the layer that it was added to."""
        datasets: dict[str, Any] = {}
        inside = {"top_level": False, "datasets": datasets}
        layer = [chart.to_dict(validate=False, context=inside) for chart in self.charts]
        height = self.height if isinstance(self.height, int) else self.height.to_dict()
        title = {} if self.title is None else {"title": self.title.to_dict()}
        return {"$schema": alt.SCHEMA_URL, "layer": layer, "height": height, **title, "datasets": datasets}


def vega_lite(build: Callable[[], Charts]) -> dict[str, Any]:
    """Turn a chart into Vega-Lite, its tables as Arrow under `datasets`, without Altair's own sizes and fonts.

    Altair itself makes a dictionary of every row, which takes as long as all the rest, and Streamlit turns those into
    Arrow again on every run of a page. Every encoding must name its type (`value:Q`): no table is looked at for it.

    Args:
        build: Makes the chart; it must be a new one, since its tables are replaced by names.
    """
    tables: Tables = {}
    # Tests hold charts against the schema; here that would take as long again as all the rest.
    with schemapi.debug_mode(False):
        chart = build()
        _name(chart, tables, {})
        spec = chart.to_dict() if isinstance(chart, Layers) else chart.to_dict(validate=False)
    spec.pop("config", None)
    # Vega's own menu would save a chart without its legend; the app has a button for that.
    return {**spec, "datasets": tables, "usermeta": {"embedOptions": {"actions": False}}}


def _name(chart: Any, tables: Tables, names: dict[int, str]) -> None:  # noqa: ANN401 - charts of charts have no type
    """Replace its tables by names, under which they are added to `tables`; one that several show is added once."""
    import pyarrow as pa

    data = getattr(chart, "data", None)
    if isinstance(data, pd.DataFrame):
        if id(data) not in names:
            names[id(data)] = f"table-{len(tables)}"
            tables[names[id(data)]] = pa.Table.from_pandas(data, preserve_index=False)
        chart.data = alt.NamedData(names[id(data)])
    inside = chart.charts if isinstance(chart, Layers) else chart.layer if isinstance(chart, alt.LayerChart) else ()
    for part in inside:
        _name(part, tables, names)
