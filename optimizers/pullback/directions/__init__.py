"""Edit directions and traversals: what moves images in one respect, and how to walk along it.

Names are imported when they are first used: a set of directions needs no torch, and brings none in.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
