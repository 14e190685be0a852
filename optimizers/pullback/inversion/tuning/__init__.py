"""Pivotal tuning: a generator's weights, fine-tuned until latents that were found draw their photographs.

Names are imported when they are first used: settings are read without torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
