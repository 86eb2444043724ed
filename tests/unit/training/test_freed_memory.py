import resource
import subprocess
import sys

import pytest

from segcore.allocator import set_parameters
from segcore.training.freed_memory import freed_memory_kept

SCRIPT = """
import ctypes, resource
from segcore.training.freed_memory import freed_memory_kept

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        block = ctypes.create_string_buffer(64 * 2**20)  # calloc: its pages are touched
        ctypes.memset(block, 1, len(block))
        del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

outside = pages()
with freed_memory_kept():
    pages()
    inside = pages()
after = pages()
print(outside, inside, after)
"""
BLOCK = 64 * 2**20 // resource.getpagesize()


def faults(**environment: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"PATH": "/usr/bin", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(number) for number in done.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_freed_blocks_are_used_again_inside_and_given_back_after():
    outside, inside, after = faults()
    assert outside > 10 * BLOCK  # new pages for each block
    assert inside < BLOCK  # none
    assert after > 10 * BLOCK  # as before


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_the_environment_is_left_in_charge():
    assert faults(MALLOC_MMAP_MAX_="65536")[1] > 10 * BLOCK


def test_it_does_nothing_where_the_c_library_has_no_mallopt(monkeypatch):
    monkeypatch.setattr("segcore.allocator.os.name", "nt")
    assert not set_parameters({})
    with freed_memory_kept():
        pass
