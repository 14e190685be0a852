from .direction_set import DirectionSet as DirectionSet
from .direction_set import Origin as Origin

__all__ = ["DirectionSet", "Origin"]
