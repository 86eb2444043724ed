"""How OpenMP's threads wait for each other. Read when torch is loaded, so it is set before; needs no torch itself."""

from typing import Final

# They spin for some microseconds before they sleep. Spinning for long on cores that another program also wants makes a
# step many times slower; not at all, a quarter slower. For `os.environ.setdefault`: a user's own wish goes before.
SPIN: Final = ("GOMP_SPINCOUNT", "5000")
