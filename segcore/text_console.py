"""A console of Rich that shows control characters of names and texts instead of sending them to the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from segcore.terminal import visible

_WIDEST: Final = 10_000  # columns of a line


def print_table(console: Console, table: Table) -> None:
    """Print a table, in lines longer than the console's where a word would be cut that is not to be folded."""
    options = console.options.update(width=_WIDEST)
    if Measurement.get(console, options, table).maximum <= console.width:
        console.print(table)
        return
    for column in table.columns:
        if column.overflow == "fold":
            continue
        words = (Measurement.get(console, options, cell).minimum for cell in (column.header, *column.cells))
        column.min_width = max(column.min_width or 0, *words)
    needed = Measurement.get(console, options, table).minimum
    console.print(_WideTable(table, max(console.width, needed)), crop=False)


@dataclass(frozen=True)
class _WideTable:
    table: Table
    width: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self.table, options.update(width=self.width))


class TextConsole(Console):
    """As Rich's; colours and movements of the cursor are Rich's own alone."""

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401
        """Turn a text into Rich's; here, so that columns are as wide as what is shown."""
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Turn something into segments of text, of which those with text are `visible`."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))
