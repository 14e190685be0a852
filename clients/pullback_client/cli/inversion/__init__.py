"""Commands of inversion."""
