"""The recorded schema of albumentations is what the installed library says."""

from dataclasses import replace

import pytest
from build_library_schema import read_installed, schema_text

from segcore.augment.library_schema import LibraryParameter, LibrarySchema, recorded_schema


def test_the_record_is_what_the_installed_library_says():
    installed = read_installed()
    if installed.version != recorded_schema().version:
        pytest.skip(f"recorded with albumentations {recorded_schema().version}, installed is {installed.version}")
    assert installed == recorded_schema()


def test_the_record_reads_back_as_it_was_written():
    parameter = LibraryParameter(kind="choice", options=("a", "b"), null=True, default=(1, 2.5), help="Which.")
    transform = replace(
        recorded_schema().transforms["Rotate"],
        parameters={"which": parameter, "none": LibraryParameter(kind="flag", required=True)},
    )
    assert '"which": {"kind": "choice"' in schema_text(LibrarySchema("1", {"Rotate": transform}))
    assert '"none": {"kind": "flag", "required": true}' in schema_text(LibrarySchema("1", {"Rotate": transform}))
