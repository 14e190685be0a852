"""The worker processes: the only place of the server where anything is computed.

- `loop`: what all of them do: calls are answered, a piece at a time.
- `searches`: the one that evolves searches, without torch.
- `main`: those of devices, where torch is imported: a piece of some job's step, then short calls.
- `shares`: whose turn it is; `turns`: one step of jobs that are computed together; `jobs`: a job and its checkpoints.
- `tasks`: jobs as sequences of short steps, one file each; `parts`: shards of theirs, computed by whoever has time.
- `calls`: short calls that draw and render; `presentation`: what images look like on a screen.
- `search_calls`: short calls of search sessions; `walks`: of traversals, with their latents, and which channels follow.
- `devices`: what torch says of those of this machine.
- `models`: generators, distances and banks of starts, loaded once.
"""
