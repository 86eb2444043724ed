"""How OpenMP's threads wait for each other. Must be set before torch is imported; needs no torch itself."""

from typing import Final

# Threads spin for some microseconds before they sleep. Long spinning makes a step many times slower when another
# program uses the same cores; no spinning makes it a quarter slower. Use `os.environ.setdefault`: a user may set it.
SPIN: Final = ("GOMP_SPINCOUNT", "5000")
