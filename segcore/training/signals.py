"""Records Ctrl-C and SIGTERM so that training can stop at a safe point. Needs no torch."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from segcore.terminal import print_text

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """Calls `record` for each SIGINT and SIGTERM received inside `listening`."""

    _listening = False

    @contextmanager
    def listening(self) -> Iterator[Self]:
        """Inside the block, signals call `record` and do not end the program. Has no effect outside the main thread."""
        before = {number: signal.getsignal(number) for number in _NUMBERS}
        self._listening = threading.current_thread() is threading.main_thread()  # the only one that receives signals
        self.listen()
        try:
            yield self
        finally:
            if self._listening:
                for number, handler in before.items():
                    signal.signal(number, handler)
            self._listening = False

    def listen(self) -> None:
        """Install the handlers again, after a library replaced them inside `listening`."""
        if self._listening:
            for number in _NUMBERS:
                signal.signal(number, lambda _number, _frame: self.record())

    def record(self) -> None:
        """Called when a signal is received."""
        raise NotImplementedError


@dataclass
class StopRequest(Signals):
    """Whether Ctrl-C or SIGTERM was received; a second signal ends the program at once."""

    requested: bool = False

    def record(self) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        print_text("\nStopping at the next safe point; Ctrl-C again stops at once.", file=sys.stderr)


@dataclass
class Interrupts(Signals):
    """Counts Ctrl-C and SIGTERM: the first stops cleanly, the second at once, the third ends the program."""

    count: int = 0

    def record(self) -> None:
        self.count += 1
        if self.count > 2:
            raise KeyboardInterrupt
