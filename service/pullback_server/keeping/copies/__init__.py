"""Copies of a store: backed up while a server runs, put back, and looked through."""
