"""Search sessions: an append-only log of events, and a state that is nothing but what the log adds up to.

- `events`: what happens; `codec`: its form on disk; `records`: what is written together.
- `generation`, `thread`, `session`: the state, a deterministic machine without clock, files or random numbers.
- `asking`, `telling`, `closing`: the decisions: from the state and a request to the events that follow.
- `journal`: events that were decided together and are written together.
- `scores`, `dry_run`: from trials to scores; scores that are made up.
- `resources`: the state as messages of the contract; `export`: all of it.
- `live`: a session that clients are at, with its lock, its optimizers and its images; `registry`: all of them.
- `creation`, `serving`, `watching`: what the service's methods do with them.
- `evolving`: from one generation to the next; `latents`: their latents.
- `pictures`: images, rendered ahead, and again where they are gone.
"""
