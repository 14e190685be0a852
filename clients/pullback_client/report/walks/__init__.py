"""Walks in the latent space, as a report has them: a file for each figure, and the sentences of the summary."""

from __future__ import annotations

from pullback_client.report.walks.parts import WALK_FILES, walk_parts
from pullback_client.report.walks.summary import summarize_walks

__all__ = ["WALK_FILES", "summarize_walks", "walk_parts"]
