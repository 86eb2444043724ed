"""The app's server gives freed memory back where the C library lets it."""

import threading

from segcore import allocator
from segcore.ui.shell import server_memory


def test_freed_memory_is_given_back_again_and_again(monkeypatch):
    asked, times, over = [], [], threading.Event()

    def give_back():
        times.append(1)
        if len(times) == 2:
            over.set()
            raise SystemExit  # ends the thread, without a word

    monkeypatch.setattr(server_memory, "EVERY", 0.01)
    monkeypatch.setattr(allocator, "give_back", give_back)
    monkeypatch.setattr(allocator, "set_parameters", lambda values: asked.append(values) or True)
    server_memory.give_freed_memory_back()
    wanted = {allocator.ARENA_MAX: server_memory.ARENAS, allocator.MMAP_THRESHOLD: server_memory.LARGE_BLOCK}
    assert asked == [wanted]
    assert over.wait(60)


def test_nothing_is_started_where_its_user_chose_how_memory_is_kept(monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")
    monkeypatch.setattr(threading, "Thread", None)
    server_memory.give_freed_memory_back()
