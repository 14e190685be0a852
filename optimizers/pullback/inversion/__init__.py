"""Image → latent: problems, and the solvers that invert them.

Names are imported when they are first used: what the methods are and do by default needs no torch, and brings none in.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
