"""Inversion problems: the loss over latents, its residual and its curvature, and their evaluation."""
