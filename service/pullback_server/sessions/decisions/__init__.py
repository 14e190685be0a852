"""Decisions about a session: from its state and a request to the events that follow."""
