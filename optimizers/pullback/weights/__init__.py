"""Published weight files: fetched once, verified, converted to safetensors in the user's cache.

A `WeightsSource` says where a file was published, or that it comes with this package, and what its SHA-256 is.
`load_state_dict` gives its tensors; the first call downloads, every later one reads the cache and touches no network.

Environment:

- `PULLBACK_CACHE`: the cache folder; the platform's user cache folder when unset.
- `PULLBACK_OFFLINE`: when `1`, nothing is downloaded.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
