"""The metric at one latent: one estimator a file, and the derivatives and products that they share."""
