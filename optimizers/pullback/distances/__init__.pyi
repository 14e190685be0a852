from .catalogue_file import DEFAULT_DISTANCE as DEFAULT_DISTANCE
from .catalogue_file import DistanceEntry as DistanceEntry
from .catalogue_file import catalogue as catalogue
from .catalogue_file import entry as entry
from .distance import Distance as Distance
from .loading import build as build
from .loading import load as load
from .lpips_backbone import BackboneLpips as BackboneLpips
from .lpips_published import PublishedLpips as PublishedLpips
from .mse import Mse as Mse
from .st_lpips import ShiftTolerantLpips as ShiftTolerantLpips

__all__ = [
    "DEFAULT_DISTANCE",
    "BackboneLpips",
    "Distance",
    "DistanceEntry",
    "Mse",
    "PublishedLpips",
    "ShiftTolerantLpips",
    "build",
    "catalogue",
    "entry",
    "load",
]
