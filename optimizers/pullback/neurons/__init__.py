"""A simulated visual system: units of ImageNet's networks, as neurons that answer images with spikes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
