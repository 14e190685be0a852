"""Exploring of a generator without drawing it: the state in an address, axes, places and their latents."""
