"""A console of Rich that shows control characters of names and texts instead of sending them to the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from segcore.terminal import visible


class TextConsole(Console):
    """As Rich's; colours and movements of the cursor are Rich's own alone."""

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401
        """Turn a text into Rich's; here, so that columns are as wide as what is shown."""
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Turn something into segments of text, of which those with text are `visible`."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))
