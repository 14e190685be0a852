"""Keeping: what is deleted and when, and what is safe from that."""
