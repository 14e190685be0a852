"""Methods of black-box search, one a file, and the arithmetic that they share. NumPy and SciPy only."""
