"""A chart of the app as a figure of the report."""

from __future__ import annotations

from dataclasses import dataclass

from segcore.visual.render import Chart, Height, to_svg


@dataclass(frozen=True)
class Figure:
    """A drawn chart with its caption.

    Args:
        svg: An SVG element in the colours of the page.
        name: Bold start of the caption.
        caption: Rest of the caption; empty where the chart has its own title.
    """

    svg: str
    name: str = ""
    caption: str = ""

    @classmethod
    def of(
        cls, chart: Chart, *, width: int, height: Height = None, label: str, name: str = "", caption: str = ""
    ) -> Figure:
        """Draw a chart: `width` px wide, `height` px of plot (None for the chart's own), `label` in words."""
        return cls(to_svg(chart, width=width, height=height, label=label, variables=True), name, caption)

    def __html__(self) -> str:
        """The drawing; templates put it in as it is."""
        return self.svg
