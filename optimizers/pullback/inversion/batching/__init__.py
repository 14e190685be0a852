"""Batches of rows: chunks of a fixed size, and the threads that compute them side by side."""
