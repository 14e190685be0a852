"""Texts for people: printable names, and vocabularies."""
