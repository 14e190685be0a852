"""Intake: limits of every field, and how a request is read within them, over gRPC and over HTTP alike."""
