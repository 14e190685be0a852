"""Pullback's server: gRPC in front, jobs and results on disk, compute in worker processes.

The server process imports no torch. What happens to a request, in the order of the modules:

- `servicers`: validate and translate (`specs`, `images`, `names`).
- `scheduler`: queue, progress, cancelling, recovery; `batching`: which jobs run side by side, and which together.
- `store`: jobs, events and results; SQLite and content-addressed files.
- `executor`: worker processes, one per device, and what is said to them (`worker`).
- `importing`, `decoding`: files of clients are read, in disposable processes.
- `supervision`, `processes`: what keeps all of these going.
"""
