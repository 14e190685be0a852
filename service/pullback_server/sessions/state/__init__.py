"""State of a session: its events, their form on disk, and what they add up to. No clock, files or random numbers."""
