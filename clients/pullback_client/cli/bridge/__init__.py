"""Command of the folder bridge."""
