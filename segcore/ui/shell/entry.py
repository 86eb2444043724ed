"""What every page shares: the way in, the dataset, the runs, and the sidebar that chooses among them."""

from __future__ import annotations

import runpy
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import Page

from segcore.data import Dataset
from segcore.errors import SegcoreError
from segcore.labels import PRESETS, LabelMap
from segcore.runs import RunProblem, RunRecord, RunStore
from segcore.runs.run_record import version
from segcore.runs.titles import run_titles
from segcore.ui.shell import app_files, caches, url_state
from segcore.ui.shell.caches import DataKey
from segcore.ui.shell.link_problems import too_many
from segcore.visual import swatch

MAX_CHOSEN = 8
FOLLOW_EVERY = 3.0  # s
WARM_UP_AFTER = 2.0  # s: the first page is painted by then
UNCHOSEN = "#8c8c8c"  # dots of runs that are not chosen, where there are more runs than colours
RUN_COLORS = ("#4c86d9", "#e0863b", "#35a07f", "#c9609c", "#8b74d6", "#b99a22", "#3aa3c2", "#bb5f50")
# The app's icon in four class colours. A data URI: nothing is asked of another server.
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='3' fill='%23808080'/%3E%3Cpath d='M0 6l5-3v9H0z' fill='%23800000'/%3E"
    "%3Cpath d='M16 5l-5 2v4h5z' fill='%23808000'/%3E%3Cpath d='M0 12l7-3h2l7 3v1a3 3 0 0 1-3 3H3a3 3 0 0 1-3-3z'"
    " fill='%23804080'/%3E%3C/svg%3E"
)
_LAST_DATA = "segcore:last-data"


@dataclass(frozen=True, eq=False)
class AppContext:
    """Everything a page draws from.

    Args:
        key: The active dataset, for the caches.
        dataset: It, or None when it can't be opened.
        problem: Why it can't be opened.
        runs: Every readable run.
        chosen: The runs ticked in the sidebar, at most `MAX_CHOSEN`.
        problems: Folders that look like runs but can't be read.
        colors: Run id -> its colour, the same everywhere.
        titles: Run id -> its name for people.
        hidden: Class ids that overlays leave out.
        folder: Where the runs are.
    """

    key: DataKey
    dataset: Dataset | None
    problem: str | None
    runs: tuple[RunRecord, ...]
    chosen: tuple[RunRecord, ...]
    problems: tuple[RunProblem, ...]
    colors: dict[str, str]
    titles: dict[str, str]
    hidden: frozenset[int]
    folder: Path

    def fits(self, run: RunRecord) -> bool:
        """Whether a run predicts this dataset's classes on this dataset's images."""
        return self.dataset is not None and _fits(run, self.dataset)

    @property
    def fitting(self) -> tuple[RunRecord, ...]:
        """The chosen runs that belong to the active dataset."""
        return tuple(run for run in self.chosen if self.fits(run))


# Set while the sidebar's page runs, in that script run's own thread: unset means that app.py did not start the page.
_view: ContextVar[AppContext | None] = ContextVar("view", default=None)


class Option(NamedTuple):
    """One entry of the dataset menu."""

    source: str
    labels: str | None
    void: str

    @property
    def title(self) -> str:
        """What the menu shows, and what stands in the link."""
        name = Path(self.source).name or self.source
        return " · ".join([name, *([self.labels] if self.labels else []), *(["void"] if self.void == "class" else [])])


def run(page: Page) -> None:
    """Draw the sidebar, then the page. Called by `app.py` alone."""
    url_state.begin(page.url_path)
    token = _view.set(_sidebar())
    note = st.container()  # the page may find more in its link that isn't here
    try:
        page.run()
    except _Ended:
        pass
    except SegcoreError as error:  # text meant for people; anything else is a bug and shown as one
        st.error(str(error), icon=":material/error:")
    finally:  # a page may begin anew; its choices belong in the link all the same
        _view.reset(token)
        url_state.publish()
        _from_link(note)
    _warm_up()


class _Ended(Exception):
    """A page has said all it has to say."""


def end() -> NoReturn:
    """End the page here. Not `st.stop`, after which Streamlit takes no more from this run, not even its link."""
    raise _Ended


def _from_link(place: DeltaGenerator) -> None:
    """Above the page, quietly and until it is closed: what its link asked for that isn't here."""
    said = url_state.refused()
    if said:
        with place.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f":material/link_off: {escaped(' '.join(said))}")
            st.button(
                "", icon=":material/close:", key="link:heed", type="tertiary", help="Close", on_click=url_state.heed
            )


def follow_training(view: AppContext) -> None:
    """While a chosen run trains, look every few seconds whether it has grown, and if so draw the page again."""
    growing = [run for run in view.chosen if run.summary.status == "training"]
    if growing:
        text = f"Training: {', '.join(view.titles[run.id] for run in growing)}. The page follows."
        follow(text, lambda: any(version(run.path) != run.version for run in growing))


def follow(text: str, grown: Callable[[], bool]) -> None:
    """Say that something is under way, and draw the page again once `grown`, which is asked every few seconds."""

    @st.fragment(run_every=FOLLOW_EVERY)
    def look() -> None:
        st.caption(text)
        if grown():
            st.rerun()

    look()


@st.cache_resource(show_spinner=False)
def _warm_up() -> None:
    """Import what the other pages need while the first one is being looked at. Nothing here imports torch."""

    def warm() -> None:
        for name in ("pandas", "pyarrow.parquet", "altair"):
            import_module(name)

    timer = threading.Timer(WARM_UP_AFTER, warm)
    timer.daemon = True
    timer.start()


def enter() -> AppContext:
    """The first line of every page.

    On a fresh server a first request to `/compare` runs that page without `app.py` (Streamlit takes the folder `pages/`
    for its older kind of app until `st.navigation` has run once). Then `app.py` is run from here: it finds the wanted
    page itself, with its query parameters, and this half-run ends.
    """
    view = _view.get()
    if view is None:
        runpy.run_path(str(app_files.entry_script()), run_name="__main__")
        st.stop()
    return view


def _fits(run: RunRecord, dataset: Dataset) -> bool:
    return run.summary.dataset.name == dataset.name and run.labels.names == dataset.labels.names


def _options(arguments: url_state.Arguments, runs: Sequence[RunRecord]) -> list[Option]:
    """The dataset asked for, then the ones that runs were trained on and that are still there."""
    asked = Option(arguments.data or "drive", arguments.labels, arguments.void)
    found = [asked]
    try:
        opened: Dataset | None = caches.dataset(DataKey.of(*asked))
    except SegcoreError:
        opened = None
    for each in runs:
        info = each.summary.dataset
        if opened is not None and _fits(each, opened):
            continue
        exists = info.source == "drive" or Path(info.source).expanduser().exists()
        option = Option(info.source, each.labels.name if each.labels.name in PRESETS else None, info.void)
        if exists and option not in found:
            found.append(option)
    if arguments.data is None and len(found) > 1 and opened is not None:
        # Nothing was asked for: begin with data that the runs know.
        found.sort(key=lambda option: option == asked and not any(_fits(each, opened) for each in runs))
    return found


def _sidebar() -> AppContext:
    arguments = url_state.arguments()
    store = RunStore(arguments.runs)
    found, problems = store.read()
    runs = tuple(found)
    titles = run_titles(runs)
    with st.sidebar:
        option = _dataset_menu(_options(arguments, runs))
        key = DataKey.of(*option)
        dataset, problem = None, None
        try:
            dataset = caches.dataset(key)
        except SegcoreError as error:
            problem = str(error)
        if dataset is not None:
            counts = "  ·  ".join(f"{split} {len(ids)}" for split, ids in dataset.splits.items())
            st.caption(f"{len(dataset)} images, {dataset.labels.classes} classes  \n{counts}")
        else:
            st.caption("can't be opened")
        chosen = _chosen(runs, dataset)
        colors = run_colors([run.id for run in runs], chosen)
        _run_menu(runs, problems, titles, colors, dataset, set(chosen))
        with st.container(key="legend"):
            hidden = _legend(dataset.labels) if dataset is not None else frozenset()
    picked = tuple(run for run in runs if run.id in chosen)
    return AppContext(key, dataset, problem, runs, picked, problems, colors, titles, hidden, store.root)


def run_colors(ids: Sequence[str], chosen: Sequence[str]) -> dict[str, str]:
    """Run id -> its colour: its own while there are colours for all; else no two chosen ones share one.

    >>> run_colors(["a", "b"], ["b"])["b"] == RUN_COLORS[1]
    True
    """
    own = {run_id: RUN_COLORS[index % len(RUN_COLORS)] for index, run_id in enumerate(ids)}
    if len(ids) <= len(RUN_COLORS):
        return own
    found = dict.fromkeys(ids, UNCHOSEN)
    free = list(RUN_COLORS)
    waiting = []
    for run_id in (each for each in ids if each in chosen):
        if own[run_id] in free:
            free.remove(own[run_id])
            found[run_id] = own[run_id]
        else:
            waiting.append(run_id)
    return found | dict(zip(waiting, free, strict=False))


def _chosen(runs: Sequence[RunRecord], dataset: Dataset | None) -> list[str]:
    """Ids of the chosen runs; at first those of the dataset, of many the best."""
    ids = [run.id for run in runs]
    mine = [run for run in runs if dataset is None or _fits(run, dataset)] or list(runs)
    if len(mine) > MAX_CHOSEN:
        mine = sorted(mine, key=lambda run: -_first_score(run))[:MAX_CHOSEN]
    first = {run.id for run in mine}
    chosen = url_state.get("runs", [run_id for run_id in ids if run_id in first], ids)
    if len(chosen) > MAX_CHOSEN:
        url_state.refuse("runs", too_many(len(chosen), MAX_CHOSEN))
    return chosen[:MAX_CHOSEN]


def _first_score(run: RunRecord) -> float:
    found = run.summary.test or run.summary.val
    return found.miou if found else -1.0


def _dataset_menu(options: list[Option]) -> Option:
    titles = [option.title for option in options]
    url_state.get("data", titles[0], titles)
    if len(titles) == 1:
        st.markdown(f"**{escaped(titles[0])}**")
        return options[0]
    title = st.selectbox("Dataset", titles, **url_state.bound("data", titles[0], titles))
    if st.session_state.get(_LAST_DATA, title) != title:
        url_state.forget("runs")  # another dataset begins with its own runs
    st.session_state[_LAST_DATA] = title
    return options[titles.index(title)]


def _run_menu(
    runs: Sequence[RunRecord],
    problems: Sequence[RunProblem],
    titles: dict[str, str],
    colors: dict[str, str],
    dataset: Dataset | None,
    chosen: set[str],
) -> None:
    st.markdown("**Runs**")
    ids = [run.id for run in runs]
    if not runs:
        st.caption("none yet")
    many = len(runs) > MAX_CHOSEN
    with st.container(border=False, gap="xxsmall"):
        for run in runs:
            if many and run.id not in chosen:
                continue
            fits = dataset is None or _fits(run, dataset)
            label = f"![dot]({swatch(colors[run.id], round_=True)}) {escaped(titles[run.id])}"
            st.checkbox(
                label if fits else f"{label} :gray[{escaped(run.summary.dataset.name)}]",
                value=run.id in chosen,
                key=f"run:{run.id}:{run.id in chosen}",
                help=None if fits else f"Trained on {run.summary.dataset.name} ({run.labels.classes} classes).",
                on_change=_tick,
                args=(run.id, ids, sorted(chosen)),
            )
        if many:
            _more_runs([run for run in runs if run.id not in chosen], titles, sorted(chosen))
    if problems:
        with st.popover(f"{len(problems)} can't be read", icon=":material/warning:", type="tertiary"):
            for problem in problems:
                st.markdown(f"**{escaped(problem.path.name)}**  \n{escaped(problem.message)}")


def _tick(run_id: str, ids: Sequence[str], chosen: list[str]) -> None:
    """Choose a run, or drop it; several may be ticked before the page runs again."""
    now = url_state.held("runs", chosen)
    url_state.put("runs", [each for each in ids if (each in now) != (each == run_id)])


def _more_runs(others: Sequence[RunRecord], titles: dict[str, str], chosen: list[str]) -> None:
    """Runs beyond those that fit the sidebar: found by typing, added by a click."""
    names = {run.id: f"{titles[run.id]}, {run.summary.dataset.name}" for run in others}
    full = len(chosen) >= MAX_CHOSEN
    added = st.selectbox(
        "Add a run",
        names,
        format_func=names.__getitem__,
        index=None,
        placeholder=f"{len(names)} more" + (f", at most {MAX_CHOSEN} at once" if full else ": add one"),
        key=f"run-added:{len(chosen)}",
        label_visibility="collapsed",
        disabled=full,
    )
    if added is not None:
        url_state.put("runs", [*chosen, added])
        st.rerun()


def _legend(labels: LabelMap) -> frozenset[int]:
    """Class names with their colours, each a switch for overlays; returns the hidden ids."""
    names = list(labels.names)
    hidden = url_state.get("hide", [], names)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Classes**", width="stretch")
        for text, value in (("all", []), ("none", names)):
            if st.button(text, key=f"legend:{text}", type="tertiary", disabled=hidden == value):
                url_state.put("hide", value)
                st.rerun()
    shown = [name for name in names if name not in hidden]
    colors = dict(zip(labels.names, labels.colors, strict=True))
    # A key made from the choice: the pills follow it when a button or a link changes it.
    picked = st.pills(
        "Classes shown in overlays",
        names,
        selection_mode="multi",
        default=shown,
        format_func=lambda name: f"![]({swatch(colors[name])}) {escaped(name)}",
        key=f"legend:{labels.name}:{','.join(hidden)}",
        label_visibility="collapsed",
    )
    if picked != shown:
        url_state.put("hide", [name for name in names if name not in picked])
        st.rerun()
    return frozenset(labels.index(name) for name in hidden)


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()#+-.!|<>$:~" else letter for letter in text)
