"""Commands of black-box search."""
