"""The worker process: the only place of the server where torch is imported and anything is computed.

- `messages`: what server and worker say to each other.
- `main`: the worker's loop, which does a piece of some job's step and then answers short calls.
- `shares`: whose turn it is; `turns`: one step of jobs that are computed together; `jobs`: a job and its checkpoints.
- `tasks`: jobs as sequences of short steps, one file each.
- `calls`: short calls that draw and render; `presentation`: what images look like on a screen.
- `searching`: short calls of search sessions; `importing`, `traversing`: of directions; `walks`: what walks are;
  `walk_making`: their latents; `masking`: which channels follow them.
- `models`: generators, distances and banks of starts, loaded once.
"""
