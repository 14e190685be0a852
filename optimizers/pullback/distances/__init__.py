"""Distances of images and of sounds; most are embeddings φ with D(a, b) = ‖φ(a) − φ(b)‖².

`load(name)` gives a frozen distance with its published weights; `catalogue()` says which there are, without importing
torch. One distance is never put in the place of another: where weights are missing, `load` raises.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
