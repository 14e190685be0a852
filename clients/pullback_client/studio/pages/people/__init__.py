"""People: sessions whose scores come of what observers answer, and the perceptual study of axes."""

from __future__ import annotations

from pullback_client.studio.pages.people import axis_study, new, observe, progress, sessions

__all__ = ["axis_study", "new", "observe", "progress", "sessions"]
