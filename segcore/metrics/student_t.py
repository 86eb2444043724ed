"""Student's t distribution, for intervals of means over few independent values.

`scipy.special` has the same functions, but its import takes 0.8 s, which the app's first page would wait for.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

_MANY = 2000  # degrees of freedom from which t and the normal agree to 4 digits


def t_cdf(t: float, degrees: int) -> float:
    """P(T <= t), by the finite sums of Abramowitz & Stegun 26.7.3 and 26.7.4.

    >>> round(t_cdf(12.706, 1), 4), round(t_cdf(2.228, 10), 4)
    (0.975, 0.975)
    """
    if degrees > _MANY:
        return NormalDist().cdf(t)
    angle = math.atan(t / math.sqrt(degrees))
    cosine, odd = math.cos(angle), degrees % 2
    term = cosine if odd else 1.0
    total = term if degrees > 1 else 0.0
    for power in range(2 + odd, degrees - 1, 2):
        term *= cosine**2 * (power - 1) / power
        total += term
    inside = math.sin(angle) * total  # P(|T| <= |t|), with the sign of t
    if odd:
        inside = (angle + inside) * 2 / math.pi
    return (1 + inside) / 2


@cache
def t_quantile(share: float, degrees: int) -> float:
    """The t below which T is with probability `share` (0.5 to 1), by bisection.

    >>> round(t_quantile(0.975, 2), 3), round(t_quantile(0.975, 30), 3)
    (4.303, 2.042)
    """
    low, high = 0.0, 1.0
    while t_cdf(high, degrees) < share:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if t_cdf(middle, degrees) > share else (middle, high)
    return high
