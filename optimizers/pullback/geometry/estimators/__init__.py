"""Estimators of the global metric: an average over the latent space, one short step at a time."""
