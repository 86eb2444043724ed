"""The app's server gives freed memory back where the C library lets it."""

import threading

from segcore import allocator
from segcore.ui.shell import server_memory


def test_freed_memory_is_given_back_again_and_again(monkeypatch):
    asked, twice = [], threading.Semaphore(0)
    monkeypatch.setattr(server_memory, "EVERY", 0.01)
    monkeypatch.setattr(allocator, "give_back", twice.release)
    monkeypatch.setattr(allocator, "set_parameters", lambda values: asked.append(values) or True)
    server_memory.give_freed_memory_back()
    assert asked == [{allocator.ARENA_MAX: server_memory.ARENAS}]
    assert twice.acquire(timeout=60) and twice.acquire(timeout=60)


def test_nothing_is_started_where_its_user_chose_how_memory_is_kept(monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")
    monkeypatch.setattr(threading, "Thread", None)
    server_memory.give_freed_memory_back()
