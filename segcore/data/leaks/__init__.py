"""Does a split measure skill or memory? What training, validation and test share, and what stands beside a score.

Names are loaded when first used: planning a split looks at neighbours in time only, and needs no pictures for it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
