from . import statistics as statistics
from . import traversals as traversals
from .alignment import eigen_axes as eigen_axes
from .defaults import METHODS as METHODS
from .defaults import DirectionsSettings as DirectionsSettings
from .defaults import Method as Method
from .defaults import complete as complete
from .defaults import faults as faults
from .defaults import method_of as method_of
from .defaults import space_of_directions as space_of_directions
from .defaults import spaces_of as spaces_of
from .direction_set import DirectionSet as DirectionSet
from .direction_set import Origin as Origin
from .discovery import discover as discover
from .formats.reader import IMPORT_FORMATS as IMPORT_FORMATS
from .formats.reader import import_directions as import_directions
from .mapping_basis import MappingBasis as MappingBasis
from .mapping_basis import mapping_bases as mapping_bases
from .mapping_basis import mapping_basis as mapping_basis
from .mapping_basis import mapping_of as mapping_of
from .methods.dp_lase.subspaces import Subspaces as Subspaces
from .methods.dp_lase.subspaces import masked_edit as masked_edit
from .methods.dp_lase.subspaces import refine as refine
from .methods.dp_lase.training import DpLase as DpLase
from .methods.dp_lase.training import DpLaseState as DpLaseState
from .methods.ganspace_ica import ganspace_ica as ganspace_ica
from .methods.ganspace_pca import ganspace_pca as ganspace_pca
from .methods.hessian import hessian as hessian
from .methods.jacobian import jacobian as jacobian
from .methods.local_basis import local_basis as local_basis
from .methods.local_hessian import local_hessian as local_hessian
from .methods.sefa import sefa as sefa

__all__ = [
    "IMPORT_FORMATS",
    "METHODS",
    "DirectionSet",
    "DirectionsSettings",
    "DpLase",
    "DpLaseState",
    "MappingBasis",
    "Method",
    "Origin",
    "Subspaces",
    "complete",
    "discover",
    "eigen_axes",
    "faults",
    "ganspace_ica",
    "ganspace_pca",
    "hessian",
    "import_directions",
    "jacobian",
    "local_basis",
    "local_hessian",
    "mapping_bases",
    "mapping_basis",
    "mapping_of",
    "masked_edit",
    "method_of",
    "refine",
    "sefa",
    "space_of_directions",
    "spaces_of",
    "statistics",
    "traversals",
]
