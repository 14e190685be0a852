"""Analyses of a generator for a report: of its metric, and of walks in its latent space."""
