"""The metric that an image distance pulls back onto a latent space, its average, and its eigenbasis.

H = 2 JᵀJ with J = ∂φ(G(z))/∂z, for a generator G and a distance D(a, b) = ‖φ(a) − φ(b)‖².

Names are imported when they are first used: `Eigenbasis` needs NumPy alone, and never brings in torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
