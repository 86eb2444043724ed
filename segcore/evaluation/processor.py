"""Names the processor of this machine, without torch."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path


@cache
def processor_name() -> str:
    """The processor's model as the system reports it, with family and model where the name has no number.

    Rented machines call processors of several generations alike: `AMD EPYC`.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").partition("\n\n")[0].splitlines()
    except OSError:
        lines = []
    return name_in({key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)})


def name_in(facts: dict[str, str]) -> str:
    """The processor's name from what Linux says of it.

    >>> name_in({"model name": "AMD EPYC", "cpu family": "25", "model": "17"})
    'AMD EPYC (family 25, model 17)'
    >>> name_in({"model name": "Intel(R) Core(TM) i7-1260P", "cpu family": "6", "model": "154"})
    'Intel(R) Core(TM) i7-1260P'
    """
    name = facts.get("model name") or platform.processor() or platform.machine()
    if any(letter.isdigit() for letter in name) or not {"cpu family", "model"} <= facts.keys():
        return name
    return f"{name} (family {facts['cpu family']}, model {facts['model']})"
