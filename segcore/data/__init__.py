"""Datasets: opening them in any layout, splitting them, weighing their classes.

Names are loaded when first used, so that `import segcore.data` stays light.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
