"""Black-box search by ask and tell: an optimizer proposes latents, and learns from scores alone. NumPy and SciPy only.

Names are imported when they are first used; none of them brings in torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
