"""Generators: latent → image.

`load(name)` gives a frozen generator with real weights; `catalogue()` says which there are, without importing torch.
Further generators come from this user's catalogue file and from those that `$PULLBACK_CATALOGUE` lists; `public` among
them stands for those that others have published.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
