"""Solvers of inversion problems, one method a file, and the parts that several of them share."""
