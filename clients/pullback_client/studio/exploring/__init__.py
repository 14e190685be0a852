"""What exploring a generator is, without drawing it: the state in an address, axes, places and their latents."""
