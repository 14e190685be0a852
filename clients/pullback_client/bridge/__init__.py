"""The folder bridge: a rig that exchanges files, as XDream's does, takes part in a session without a change."""

from __future__ import annotations

from pullback_client.bridge.bridge import Bridge, StimulusFile
from pullback_client.bridge.file_names import NamingScheme
from pullback_client.bridge.folder import SETTLE, SETTLING
from pullback_client.bridge.row_matches import Matching
from pullback_client.bridge.score_files.scores import MatrixRows

__all__ = ["SETTLE", "SETTLING", "Bridge", "Matching", "MatrixRows", "NamingScheme", "StimulusFile"]
