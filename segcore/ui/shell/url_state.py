"""Choices that outlive a page and stand in its link, kept in the session and in query parameters.

Whatever a link holds wins over the session: where a page is opened by it, and where the browser goes back or forward to
it, which also resets what the link leaves at its default.

Streamlit drops the keys of widgets when another page opens, so a choice has a key of its own in the session. A widget
gets a second key, and copies its value back when it changes. Streamlit's own `bind="query-params"` can't do this: it
writes a widget's labels in place of its keys and knows nothing of choices that are no widget of Streamlit's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from segcore.ui.shell import link_problems

T = TypeVar("T", str, float, int, bool, list[str])
# Keys in the session.
_PAGE = "segcore:page"  # the open page, by its part of the address
_LINK = "segcore:link"  # the link's parameters as they were read or written last: name -> text
_PUBLISHED = "segcore:defaults"  # choices that this run of the page writes into the link: name -> default
_LAST_DEFAULTS = "segcore:followed"  # defaults as of a choice's last use: its key in the session -> default
_FROM_LINK = "segcore:asked"  # choices that still come from the link the page was opened by: name -> text
_PROBLEMS = "segcore:refused"  # what of that link can't be shown: name -> sentence
_OF_ITS_PAGE = frozenset({"find", "score", "size"})  # names that mean another thing on each page


class Between(Collection[float]):
    """The numbers from `low` to `high`, as options of a choice.

    >>> 0.5 in Between(0, 1), 2 in Between(0, 1)
    (True, False)
    """

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high

    def __iter__(self) -> Iterator[float]:
        return iter((self.low, self.high))

    def __len__(self) -> int:
        return 2


def begin_page(page: str) -> None:
    """Begin a run of a page; where it is another page or link than before, read the link.

    Args:
        page: The page's part of the address, empty for home.
    """
    state, link = st.session_state, dict(st.query_params.items())
    state[_PUBLISHED] = {}
    context = get_script_run_ctx()
    # A page may rerun itself, and another page begin with the link of the one before: neither is a link to read again.
    new = link != state.get(_LINK)
    travelled = new and context is not None and context.is_history_navigation
    if state.get(_PAGE) == page and not travelled:
        return
    state[_PAGE], state[_LINK], state[_PROBLEMS] = page, link, {}
    for name in {*(link if new else ()), *(link_problems.parameters(page) if travelled else ())}:
        _drop(name)
    left_over = frozenset() if new else _OF_ITS_PAGE  # a link that the page before wrote says nothing of these
    state[_FROM_LINK] = {name: text for name, text in link.items() if _key(name) not in state and name not in left_over}
    if sentence := link_problems.describe_unknown(page, state[_FROM_LINK]):
        state[_PROBLEMS][""] = sentence


def write_link() -> None:
    """Write every choice that differs from its default into the link, and nothing else.

    What the link says of choices that the page has not come to yet, e.g. before a file is uploaded, stays in it.
    """
    state = st.session_state
    known = link_problems.parameters(state.get(_PAGE, ""))
    waiting = {name: text for name, text in state.get(_FROM_LINK, {}).items() if name in known}
    parameters = {name: text for name, text in waiting.items() if _key(name) not in state}
    for name, default in state.get(_PUBLISHED, {}).items():
        value = state.get(_key(name), default)
        if value != default:
            parameters[name] = joined(value) if isinstance(value, list) else _text(value)
    state[_LINK] = parameters
    if dict(st.query_params) != parameters:
        st.query_params.from_dict(parameters)


def joined(names: Sequence[str]) -> str:
    r"""Names as one parameter of a link; commas within a name are escaped.

    >>> print(joined(["unet", "lr=0.1,bs=2"]))
    unet,lr=0.1\,bs=2
    """
    return ",".join(re.sub(r"([,\\])", r"\\\1", name) for name in names)


def _split(text: str) -> list[str]:
    """The names that were `joined`."""
    return [re.sub(r"\\([,\\])", r"\1", name) for name in re.findall(r"(?:\\[\s\S]|[^,])+", text)]


def problems() -> list[str]:
    """Sentences on what the link of this page names that can't be shown."""
    return list(st.session_state.get(_PROBLEMS, {}).values())


def report_problem(name: str, sentence: str) -> None:
    """Add a sentence to `problems`, if the choice comes from the link."""
    if name in st.session_state.get(_FROM_LINK, {}):
        st.session_state[_PROBLEMS][name] = sentence


def dismiss_problems() -> None:
    """Forget the problems of this link."""
    st.session_state[_PROBLEMS] = {}


def get(name: str, default: T, options: Collection[Any] | None = None) -> T:
    """Return a choice: the session's, else the link's, else the default.

    A value that is not among the options is replaced by the default; a list keeps the items that are. `problems` tells
    what of the link was replaced. A choice left at its default follows the default when it changes: a table is ordered
    by what ranks it until somebody orders it otherwise.

    Args:
        name: Name in the session and in the link.
        default: Returned when nothing, or nothing valid, was chosen; not written into the link.
        options: Valid values: a collection of names, or a `Between` for numbers.

    Raises:
        ValueError: when `link_problems.PARAMETERS` doesn't list the name for the open page.
    """
    page = st.session_state.get(_PAGE)
    if page is not None:
        link_problems.check_listed(page, name)
    st.session_state.setdefault(_PUBLISHED, {})[name] = default
    key = _key(name)
    if key not in st.session_state:
        parsed = _parsed(name, default)
        if parsed is None and (text := _link_text(name)) is not None:
            valid = ("True", "False") if isinstance(default, bool) else options
            report_problem(name, link_problems.describe_missing(name, [text], valid))
        st.session_state[key] = default if parsed is None else parsed
    last_defaults = st.session_state.setdefault(_LAST_DEFAULTS, {})
    if key in last_defaults and st.session_state[key] == last_defaults[key]:
        st.session_state[key] = default
    last_defaults[key] = default
    value = st.session_state[key]
    items = value if isinstance(value, list) else [value]
    missing = [] if options is None else [item for item in items if item not in options]
    if missing:
        report_problem(name, link_problems.describe_missing(name, [_text(item) for item in missing], options))
        kept = [item for item in items if item not in missing]
        value = kept if kept and isinstance(default, list) else default
        st.session_state[key] = value
    return value


def current(name: str, otherwise: T) -> T:
    """Return a choice as it stands, for callbacks, which know neither its default nor its options."""
    value: T = st.session_state.get(_key(name), otherwise)
    return value


def put(name: str, value: Any) -> None:  # noqa: ANN401 - whatever the choice holds
    """Set a choice; its widget shows it from the next run on."""
    st.session_state[_key(name)] = value
    st.session_state.pop(_widget_key(name), None)
    _not_from_link(name)


def forget(name: str) -> None:
    """Reset a choice to its default."""
    _drop(name)
    _not_from_link(name)


def bound(name: str, default: T, options: Collection[Any] | None = None, *, menu: bool = False) -> dict[str, Any]:
    """Return the keyword arguments that tie a widget to a choice; see `get`.

    The value is among them, though it is in the session too: Streamlit tells the browser of a value in the session
    once, and drops that message where the page runs again before it was sent. The browser would then begin at the
    widget's own default, and send that back as if somebody had chosen it.

    Args:
        name: See `get`.
        default: See `get`.
        options: See `get`; those of the widget, in its order, where it has some.
        menu: Whether the widget is a `st.selectbox`.
    """
    value = get(name, default, options)
    key = _widget_key(name)
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = list(value) if isinstance(value, list) else value
    begins: dict[str, Any] = {"value": value}
    if menu:
        begins = {"index": list(options or ()).index(value)}
    elif isinstance(value, list) or not isinstance(options, Between | None):
        begins = {"default": value}
    return {"key": key, "on_change": _copy_from_widget, "args": (name,), **begins}


def _key(name: str) -> str:
    return f"choice:{_by_page(name)}"


def _widget_key(name: str) -> str:
    return f"widget:{_by_page(name)}"


def _by_page(name: str) -> str:
    return f"{st.session_state.get(_PAGE, '')}:{name}" if name in _OF_ITS_PAGE else name


def _drop(name: str) -> None:
    """Let go of a choice and of its widget's value."""
    st.session_state.pop(_widget_key(name), None)
    st.session_state.pop(_key(name), None)


def _link_text(name: str) -> str | None:
    """What the link says of a choice that nobody made since."""
    text: str | None = st.session_state.get(_FROM_LINK, {}).get(name)
    return text


def _copy_from_widget(name: str) -> None:
    value = st.session_state[_widget_key(name)]
    if value is not None:  # a segmented control may be clicked empty; the choice then stays
        st.session_state[_key(name)] = list(value) if isinstance(value, list) else value
        _not_from_link(name)


def _not_from_link(name: str) -> None:
    """From now on the choice is a person's, and no problem of the link."""
    st.session_state.get(_FROM_LINK, {}).pop(name, None)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parsed(name: str, default: T) -> Any | None:  # noqa: ANN401 - of the default's type
    """The link's value as the default's type; None where there is none, or none of that type."""
    text = _link_text(name)
    if text is None:
        return None
    try:
        if isinstance(default, bool):
            return {"True": True, "False": False}.get(text)
        if isinstance(default, list):
            return _split(text)
        return type(default)(text)
    except ValueError:
        return None
