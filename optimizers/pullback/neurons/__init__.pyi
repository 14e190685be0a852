from .loader import build as build
from .loader import load as load
from .networks import NETWORKS as NETWORKS
from .networks import Network as Network
from .neurons import Neurons as Neurons
from .noise import drop as drop
from .noise import poisson as poisson
from .units import GAIN as GAIN
from .units import Unit as Unit

__all__ = [
    "GAIN",
    "NETWORKS",
    "Network",
    "Neurons",
    "Unit",
    "build",
    "drop",
    "load",
    "poisson",
]
