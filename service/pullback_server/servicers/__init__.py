"""The contract's services: each method validates, translates, and asks the parts that know."""

from pullback_server.servicers.access import AccessServicer
from pullback_server.servicers.directions import DirectionsServicer
from pullback_server.servicers.generators import GeneratorsServicer
from pullback_server.servicers.geometry import GeometryServicer
from pullback_server.servicers.inversion import InversionServicer
from pullback_server.servicers.jobs import JobsServicer
from pullback_server.servicers.search import SearchServicer
from pullback_server.servicers.server import ServerServicer
from pullback_server.servicers.tunings import TuningsServicer

__all__ = [
    "AccessServicer",
    "DirectionsServicer",
    "GeneratorsServicer",
    "GeometryServicer",
    "InversionServicer",
    "JobsServicer",
    "SearchServicer",
    "ServerServicer",
    "TuningsServicer",
]
