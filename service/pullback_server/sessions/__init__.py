"""Search sessions: an append-only log of events, and a state that is nothing but what the log adds up to.

- `state`: what happens and its form on disk; the state, a deterministic machine without clock, files or random numbers.
- `decisions`: from the state and a request to the events that follow, decided together and written together.
- `records`: what is written together; `resources`: the state as messages of the contract; `export`: all of it.
- `live`: a session that clients are at, with its lock, its optimizers and its images; `registry`: all of them.
- `creation`, `answers`, `audience`: what the service's methods do with them; `dry_run`: scores that are made up.
- `evolution`: from one generation to the next; `latents`: their latents.
- `pictures`: images, rendered ahead, and again where they are gone.
"""
