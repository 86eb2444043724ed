"""Compiled models by the size they are fed: most runs have one, photos of any size have many."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from segcore.errors import EvaluationError, SegcoreError, typed_line
from segcore.runs import RunRecord

T = TypeVar("T")
Size = tuple[int, int]  # height, width

_KEPT = 4  # compiled models, of about 100 MB each


class ByShape(Generic[T]):
    """What was made for a size, made when first asked for; the one unused longest is let go.

    Args:
        run: For messages.
        backend: For messages.
        make: Makes one; never called by two threads at once, since torch can't trace in two.
    """

    def __init__(self, run: RunRecord, backend: str, make: Callable[[Size], T]) -> None:
        self._run, self._backend, self._make = run, backend, make
        self._made: OrderedDict[Size, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, size: Size) -> T:
        """The one for (height, width).

        Raises:
            EvaluationError: when the model can't be converted for this size.
        """
        with self._lock:
            if size not in self._made:
                self._made[size] = self._converted(size)
                if len(self._made) > _KEPT:
                    self._made.popitem(last=False)
            self._made.move_to_end(size)
            return self._made[size]

    def _converted(self, size: Size) -> T:
        try:
            return self._make(size)
        except (SegcoreError, OSError):
            raise
        except Exception as error:  # torch's exporter and the backends have no error type in common
            raise EvaluationError(
                f"The model of run {self._run.id!r} ({self._run.title}) can't be converted for {self._backend} at "
                f"{size[0]}x{size[1]}: {typed_line(error)[:200]}. Choose --backend torch."
            ) from error
