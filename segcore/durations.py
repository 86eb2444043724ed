"""Durations in words."""

from __future__ import annotations

_UNITS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def duration(seconds: float) -> str:
    """A duration in one or two units, as exact as an estimate should sound.

    >>> duration(0.4), duration(42), duration(95), duration(760), duration(4000), duration(200_000)
    ('under 1 s', '42 s', '1 min 35 s', '13 min', '1 h 7 min', '2 d 8 h')
    """
    for unit, name, part, smaller in _UNITS:
        if seconds >= 9.5 * unit:
            return f"{seconds / unit:.0f} {name}"
        if seconds >= unit - part / 2:
            whole, rest = divmod(round(seconds / part), unit // part)
            return f"{whole} {name} {rest} {smaller}" if rest else f"{whole} {name}"
    return f"{seconds:.0f} s" if seconds >= 1 else "under 1 s"
