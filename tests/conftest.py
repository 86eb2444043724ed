"""What every test shares."""

from __future__ import annotations

from hypothesis import settings

# No deadline: the first example of a test also pays for its imports. Derandomised: the same examples on every run.
settings.register_profile("segcore", deadline=None, derandomize=True)
settings.load_profile("segcore")
