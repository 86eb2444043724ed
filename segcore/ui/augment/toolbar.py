"""The toolbar above the pipeline: presets, undo, load, save, code, download."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from segcore.augment import Pipeline
from segcore.augment.pipeline_names import saved_files
from segcore.errors import AugmentError
from segcore.paths import program
from segcore.ui.augment import pipeline_editor, pipeline_files
from segcore.ui.shell.code_block import code_block
from segcore.ui.shell.icon_button import icon_button
from segcore.ui.shell.markdown import escape_markdown

_SAVED = "augment:saved"  # (path, pipeline) that was saved or loaded last
_NAME_TAKEN = "augment:taken"  # a name under which another pipeline is saved
_LOAD_NOTES = "augment:load-notes"  # what is different here of the last upload
_LOAD_PROBLEM = "augment:loaded"  # why the last file could not be loaded; begins with `file:` for an upload


def draw(pipeline: Pipeline) -> None:
    """Draw the toolbar for the editor's pipeline."""
    history = pipeline_editor.history()
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        pipeline_editor.presets_row()
        st.space("stretch")
        for name, change, possible in (
            ("undo", pipeline_editor.undo, history.past),
            ("redo", pipeline_editor.redo, history.future),
        ):
            icon_button(name, name.capitalize(), f"augment:{name}", change, framed=True, disabled=not possible)
        with st.popover("Load", icon=":material/folder_open:"):
            _load()
        with st.popover("Save", icon=":material/save:"):
            _save(pipeline)
        with st.popover("Code", icon=":material/code:", key="augment:code"):
            st.caption("YAML: `--augment FILE` takes it, and each run's `config.yaml` holds it.")
            code_block(pipeline.to_yaml(), height=240)
            st.caption("Python: needs only albumentations, gives the identical result.")
            code_block(pipeline.to_python(), height=320)
        st.download_button(
            "Download",
            pipeline.to_yaml,  # written on the click: Streamlit drops the file of an earlier run of the page
            "pipeline.yaml",
            "application/yaml",
            icon=":material/download:",
            on_click="ignore",
        )


def saved_path(pipeline: Pipeline) -> str:
    """Return the path of the file that holds this pipeline, or an empty string where it is not saved."""
    path, saved = st.session_state.get(_SAVED, ("", None))
    return path if saved == pipeline else ""


def _load() -> None:
    for path in saved_files():
        st.button(
            escape_markdown(path.stem),
            icon=":material/description:",
            key=f"augment:load:{path.name}",
            type="tertiary",
            on_click=_load_file,
            args=(str(path),),
        )
    upload = st.file_uploader(
        "A pipeline in YAML",
        type=["yaml", "yml", "json", "py"],
        help="Or one of albumentations: what its `save` wrote, or Python code with one `Compose`, which is not run.",
        key="augment:file",
        max_upload_size=pipeline_files.MAX_FILE_SIZE,
        on_change=_load_upload,
    )
    problem = st.session_state.get(_LOAD_PROBLEM)
    for note in st.session_state.get(_LOAD_NOTES, ()) if upload else ():
        st.caption(escape_markdown(note))
    if problem and (upload or not problem.startswith("file:")):
        st.error(escape_markdown(problem.removeprefix("file:")))


def _load_file(path: str) -> None:
    try:
        pipeline = Pipeline.from_yaml(Path(path))
    except AugmentError as error:
        st.session_state[_LOAD_PROBLEM] = str(error)
        return
    st.session_state[_LOAD_PROBLEM] = ""
    st.session_state[_SAVED] = path, pipeline
    pipeline_editor.load(pipeline)


def _load_upload() -> None:
    upload = st.session_state["augment:file"]
    st.session_state[_LOAD_PROBLEM], st.session_state[_LOAD_NOTES] = "", ()
    if upload is None:
        return
    try:
        pipeline = pipeline_files.parse_upload(upload.name, upload.getvalue())
        pipeline_editor.load(pipeline)
        st.session_state[_LOAD_NOTES] = pipeline.notes
    except AugmentError as error:
        st.session_state[_LOAD_PROBLEM] = f"file:{error}"


def _save(pipeline: Pipeline) -> None:
    name = st.text_input("Name", "my-pipeline", key="augment:name")
    taken = st.session_state.get(_NAME_TAKEN) == name
    replace = taken and st.button("Replace it", key="augment:replace")
    if st.button("Save", type="primary", key="augment:save", disabled=taken) or replace:
        st.session_state.pop(_NAME_TAKEN, None)
        try:
            st.session_state[_SAVED] = str(pipeline_files.save(name, pipeline, replace=replace)), pipeline
        except pipeline_files.NameTaken:
            st.session_state[_NAME_TAKEN] = name
            st.rerun()
        except AugmentError as error:
            st.error(escape_markdown(str(error)))
        else:
            if replace:
                st.rerun()
    if taken:
        st.warning(f"{escape_markdown(name)} holds another pipeline. Replace it, or choose another name.")
    path = saved_path(pipeline)
    if path:
        st.caption(f"Saved as {escape_markdown(path)}.")
    elif _SAVED in st.session_state:
        st.caption(f"Changed since it was saved as {escape_markdown(st.session_state[_SAVED][0])}.")
    code_block(f"{program('python')} train.py --augment {path or 'PIPELINE.yaml'}")
