"""Specifications of inversions and of tunings: settings, loss, methods, options and noise maps."""
