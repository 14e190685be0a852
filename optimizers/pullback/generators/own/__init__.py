"""Generators of one's own: made by code that a catalogue names, or saved as programs."""
