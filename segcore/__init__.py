"""Segcore: train, explore and honestly compare semantic-segmentation models.

The names below are loaded when first used, so that `import segcore` needs neither torch nor pandas.
"""

import lazy_loader

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
