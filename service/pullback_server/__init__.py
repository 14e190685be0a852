"""Pullback's server: gRPC in front, jobs and results on disk, compute in worker processes.

The server process imports no torch. What happens to a request, in the order of the folders; imports go one way:

- `http`, `access`, `intake`: HTTP + JSON beside gRPC; who is let in; limits of what comes in.
- `servicers`: validate and translate (`specs`, `names`), and ask the parts that know.
- `sessions`: searches, as logs of events.
- `jobs`: accepted, queued, given to workers, their results taken in.
- `executor`: worker processes, one per device; `protocol`: what is said to them; `worker`: their own side.
- `store`: jobs, events and results; SQLite and content-addressed files. `transactions`: its calls off the event loop.
- `importing`, `decoding`: files of clients are read, in disposable processes.
- `supervision`, `processes`: what keeps all of these going.
"""
