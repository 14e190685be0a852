"""Traversals: one file for each way to walk."""
