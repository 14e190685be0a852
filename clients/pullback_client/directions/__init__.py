"""Directions of a latent space, walks along them, and photographs that are edited by such walks."""

from __future__ import annotations

from pullback_client.directions.contact_sheet import contact_sheet
from pullback_client.directions.direction_set import Directions
from pullback_client.directions.edit import Edit, EditOutcome
from pullback_client.directions.frame import Frame
from pullback_client.directions.options import DirectionsOptions
from pullback_client.directions.records import Annotation, Direction, DirectionsInfo, EigenShare
from pullback_client.directions.start import WalkStart
from pullback_client.directions.traversal import Traversal
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
