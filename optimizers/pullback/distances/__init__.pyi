from .catalogue_file import DEFAULT_DISTANCE as DEFAULT_DISTANCE
from .catalogue_file import INVERSION_DISTANCE as INVERSION_DISTANCE
from .catalogue_file import MAX_SIDE as MAX_SIDE
from .catalogue_file import MIN_SIDE as MIN_SIDE
from .catalogue_file import SOUND_DISTANCE as SOUND_DISTANCE
from .catalogue_file import DistanceEntry as DistanceEntry
from .catalogue_file import catalogue as catalogue
from .catalogue_file import entry as entry
from .distance import Distance as Distance
from .distance import EmbeddingDistance as EmbeddingDistance
from .loader import build as build
from .loader import load as load
from .lpips_backbone import BackboneLpips as BackboneLpips
from .lpips_published import PublishedLpips as PublishedLpips
from .mse import Mse as Mse
from .pooled_features import PooledFeatures as PooledFeatures
from .pooled_features import load_pooled_features as load_pooled_features
from .python_code import identity_of as identity_of
from .ssim import Ssim as Ssim
from .st_lpips import ShiftTolerantLpips as ShiftTolerantLpips
from .stft import MultiScaleStft as MultiScaleStft

__all__ = [
    "DEFAULT_DISTANCE",
    "INVERSION_DISTANCE",
    "MAX_SIDE",
    "MIN_SIDE",
    "SOUND_DISTANCE",
    "BackboneLpips",
    "Distance",
    "DistanceEntry",
    "EmbeddingDistance",
    "Mse",
    "MultiScaleStft",
    "PooledFeatures",
    "PublishedLpips",
    "ShiftTolerantLpips",
    "Ssim",
    "build",
    "catalogue",
    "entry",
    "identity_of",
    "load",
    "load_pooled_features",
]
