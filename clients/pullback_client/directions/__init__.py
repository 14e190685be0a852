"""Directions of a latent space, walks along them, and photographs that are edited by such walks."""

from __future__ import annotations

from pullback_client.directions.contact_sheet import contact_sheet
from pullback_client.directions.direction_set import Directions
from pullback_client.directions.editing import Edit, EditOutcome
from pullback_client.directions.options import DirectionsOptions
from pullback_client.directions.records import Annotation, Direction, DirectionsInfo, EigenShare
from pullback_client.directions.starts import WalkStart
from pullback_client.directions.traversal import Frame, Traversal
from pullback_client.directions.walk_options import MaskOptions, WalkOptions

__all__ = [
    "Annotation",
    "Direction",
    "Directions",
    "DirectionsInfo",
    "DirectionsOptions",
    "Edit",
    "EditOutcome",
    "EigenShare",
    "Frame",
    "MaskOptions",
    "Traversal",
    "WalkOptions",
    "WalkStart",
    "contact_sheet",
]
