"""Files and texts that may be anything end in OSError or ValueError, at once."""

import os

import pytest

from segcore import reading

# Keys that are merged from ten others, nine times over: 10**9 of them, of 400 characters.
MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 10)}]}}\n" for level in range(1, 10)
)


def test_only_files_are_opened(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert reading.read_bytes(tmp_path / "file") == b"abc"
    for name, message in (
        ("pipe", "it is a pipe and no file"),
        ("zero", "it is a device and no file"),
        (".", "Is a directory"),
        ("circle", "symbolic links"),
        ("missing", "No such file"),
    ):
        with pytest.raises(OSError, match=message):
            reading.read_bytes(tmp_path / name)


def test_a_file_beyond_the_limit_is_not_read(tmp_path):
    (tmp_path / "large").write_bytes(b"12345")
    with pytest.raises(OSError, match="it has 5 bytes; at most 4 are read"):
        reading.read_bytes(tmp_path / "large", 4)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, "{", '{"a":' * 5000, ""])
def test_json_that_is_none_is_a_value_error(text):
    with pytest.raises(ValueError, match=r".+"):
        reading.parse_json(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 5000, "more than 100 levels"),
        ("[" * 200_000, "more than 100 levels"),
        ("- " * 200_000, "more than 100 levels"),
        ("{a: " * 200_000, "more than 100 levels"),
        ("a: [", "line 2"),
        ("2024-99-99", "month must be in"),
        ("&a [*a]", "more than 100 levels; aliases count"),
        (MERGED, "more than 1,000,000 values"),
        ("a: !!bool maybe", "maybe"),
        ("a: !!int ''", "index"),
        ("a: !!timestamp x", "group"),
        ("a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{chr(98 + level)}: &{chr(98 + level)} [{', '.join([f'*{chr(97 + level)}'] * 10)}]\n" for level in range(7)
        ), "more than 1,000,000 values"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("? [a]\n: b\n", "unhashable key"),
    ],
)  # fmt: skip
def test_yaml_that_is_none_is_a_yaml_error(text, message):
    with pytest.raises(reading.YamlError, match=message):
        reading.parse_yaml(text)


def test_aliases_may_be_used():
    assert reading.parse_yaml("a: &a {x: 1}\nb: *a\n") == {"a": {"x": 1}, "b": {"x": 1}}
