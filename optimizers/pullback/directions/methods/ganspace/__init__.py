"""Principal components of a generator's activations, which GANSpace's two methods share."""
