"""Pullback's numerical library: the metric that an image distance pulls back onto a latent space.

Packages, in the order of their dependencies:

- `pullback.weights`: published weight files, fetched, verified and converted once.
- `pullback.memory`: what a process may take, and the blocks of rows that stay within it.
- `pullback.generators`: latent → image.
- `pullback.distances`: image distances as embeddings φ, D(a, b) = ‖φ(a) − φ(b)‖².
- `pullback.geometry`: the metric tensor H = 2 JᵀJ, its average over the space, and its eigenbasis.
- `pullback.inversion`: image → latent.
- `pullback.search`: latents found by scores alone, by ask and tell.
"""

__version__ = "0.1.0"
