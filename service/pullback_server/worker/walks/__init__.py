"""Walks: calls that traverse, the latents of each kind of walk, and masks of channels."""
