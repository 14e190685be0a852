"""Pullback's server: gRPC in front, jobs and results on disk, compute in worker processes.

The server process imports no torch. What happens to a request, in the order of the modules:

- `servicers`: validate and translate (`validation`, `specs`, `images`, `names`).
- `scheduler`: queue, progress, cancelling, recovery.
- `store`: jobs, events and results; SQLite and content-addressed files.
- `executor`: worker processes, one per device, and what is said to them (`worker`).
"""
