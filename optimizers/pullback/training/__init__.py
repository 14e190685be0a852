"""Training of the small style-based generator that the catalogue has as `faces32`: `python -m pullback.training`."""
