"""The row above the pipeline: presets, undo, load, save, code, download."""

from __future__ import annotations

import streamlit as st

from segcore.augment import Pipeline
from segcore.errors import AugmentError
from segcore.ui.augment import pipeline_editor, pipeline_files

_SAVED = "augment:saved"
_TAKEN = "augment:taken"  # a name that another saved pipeline has
_LOADED = "augment:loaded"  # the upload that was taken already, and what was wrong with it


def draw(own: Pipeline) -> None:
    """Draw the row for the pipeline of the editor."""
    history = pipeline_editor.history()
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        pipeline_editor.presets_row()
        st.space("stretch")
        st.button(
            "",
            icon=":material/undo:",
            help="Undo",
            key="augment:undo",
            on_click=pipeline_editor.undo,
            disabled=not history.past,
        )
        st.button(
            "",
            icon=":material/redo:",
            help="Redo",
            key="augment:redo",
            on_click=pipeline_editor.redo,
            disabled=not history.future,
        )
        with st.popover("Load", icon=":material/folder_open:"):
            _load()
        with st.popover("Save", icon=":material/save:"):
            _save(own)
        with st.popover("Code", icon=":material/code:", key="augment:code"):
            st.caption("YAML: `--augment FILE` and each run's `config.yaml` hold the same.")
            st.code(own.to_yaml(), language="yaml", wrap_lines=True, height=240)
            st.caption("Python: needs albumentations alone, gives the same bits.")
            st.code(own.to_python(), language="python", wrap_lines=True, height=320)
        st.download_button(
            "Download",
            own.to_yaml,  # written when it is asked for: the file of a run that another overtook is gone
            "pipeline.yaml",
            "application/yaml",
            icon=":material/download:",
            on_click="ignore",
        )


def saved_as(own: Pipeline) -> str:
    """The name under which `--augment` finds this pipeline, or an empty string where it is not saved."""
    path, saved = st.session_state.get(_SAVED, ("", None))
    return path if saved == own else ""


def _load() -> None:
    for path in pipeline_files.saved():
        st.button(
            path.stem,
            icon=":material/description:",
            key=f"augment:load:{path.name}",
            type="tertiary",
            on_click=_open,
            args=(str(path),),
        )
    given = st.file_uploader(
        "A pipeline in YAML",
        type=["yaml", "yml"],
        key="augment:file",
        max_upload_size=pipeline_files.LARGEST_FILE,
        on_change=_take,
    )
    problem = st.session_state.get(_LOADED)
    if problem and (given or not problem.startswith("file:")):
        st.error(problem.removeprefix("file:"))


def _open(path: str) -> None:
    try:
        wanted = Pipeline.from_yaml(pipeline_files.Path(path))
    except AugmentError as error:
        st.session_state[_LOADED] = str(error)
        return
    st.session_state[_LOADED] = ""
    st.session_state[_SAVED] = path, wanted
    pipeline_editor.load(wanted)


def _take() -> None:
    given = st.session_state["augment:file"]
    st.session_state[_LOADED] = ""
    if given is None:
        return
    try:
        pipeline_editor.load(pipeline_files.uploaded(given.name, given.getvalue()))
    except AugmentError as error:
        st.session_state[_LOADED] = f"file:{error}"


def _save(own: Pipeline) -> None:
    name = st.text_input("Name", "my-pipeline", key="augment:name")
    taken = st.session_state.get(_TAKEN) == name
    replace = taken and st.button("Replace it", key="augment:replace")
    if st.button("Save", type="primary", key="augment:save", disabled=taken) or replace:
        st.session_state.pop(_TAKEN, None)
        try:
            st.session_state[_SAVED] = str(pipeline_files.save(name, own, replace=replace)), own
        except pipeline_files.Taken:
            st.session_state[_TAKEN] = name
            st.rerun()
        except AugmentError as error:
            st.error(str(error))
        else:
            if replace:
                st.rerun()
    if taken:
        st.warning(f"{name} holds another pipeline. Replace it, or choose another name.")
    path = saved_as(own)
    if path:
        st.caption(f"Saved as {path}.")
    elif _SAVED in st.session_state:
        st.caption(f"Changed since it was saved as {st.session_state[_SAVED][0]}.")
    st.code(f"python train.py --augment {path or 'PIPELINE.yaml'}", language="bash")
