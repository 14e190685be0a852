"""The worker process: the only place of the server where torch is imported and anything is computed.

- `messages`: what server and worker say to each other.
- `main`: the worker's loop, which steps its job and answers short calls in between.
- `tasks`: jobs as sequences of short steps, one file each.
- `models`: generators and distances, loaded once.
"""
