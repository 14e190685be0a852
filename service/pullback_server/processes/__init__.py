"""Processes of the server's own: how long they live, whether they are alive, and what they may use.

Imports neither gRPC nor torch: this is the first that a new process loads.
"""
