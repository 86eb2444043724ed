"""Architectures by name, their encoder weights, and how they are kept in a run.

The catalogue is plain data; the names that need torch are loaded when first used, so that listing models is fast.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
