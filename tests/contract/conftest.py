"""Small models on one thread."""

from fixtures.threads import one_thread  # noqa: F401 - autouse, for every test of this folder
