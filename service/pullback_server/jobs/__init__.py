"""Jobs in the server process: accepted, queued, given to workers, and their results taken into the store."""
