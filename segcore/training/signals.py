"""Ctrl-C and SIGTERM noted instead of died of, so that work ends where nothing is lost. Needs no torch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """Calls `note` for each signal that comes inside `listening`."""

    _listening = False

    @contextmanager
    def listening(self) -> Iterator[Self]:
        """Note the signals instead of dying of them, inside the block; in the main thread only."""
        before = {number: signal.getsignal(number) for number in _NUMBERS}
        self._listening = threading.current_thread() is threading.main_thread()  # which alone gets signals
        self.listen()
        try:
            yield self
        finally:
            if self._listening:
                for number, handler in before.items():
                    signal.signal(number, handler)
            self._listening = False

    def listen(self) -> None:
        """Take the signals back from whoever took them inside of `listening`."""
        if self._listening:
            for number in _NUMBERS:
                signal.signal(number, lambda _number, _frame: self.note())

    def note(self) -> None:
        """A signal came."""
        raise NotImplementedError


@dataclass
class StopRequest(Signals):
    """Whether Ctrl-C (or SIGTERM) came; a second Ctrl-C ends the program at once."""

    asked: bool = False

    def note(self) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@dataclass
class Interrupts(Signals):
    """How often Ctrl-C (or SIGTERM) came: once stops the work, twice at once, and then the program ends."""

    times: int = 0

    def note(self) -> None:
        self.times += 1
        if self.times > 2:
            raise KeyboardInterrupt
