"""Specifications of jobs: checked, and every default filled in, so that what is stored says all."""

from pullback_server.specs.analysis import analysis_name_of, complete_analysis_spec
from pullback_server.specs.chosen import (
    ChosenDirection,
    check_annotation,
    chosen_direction,
    chosen_index,
    direction_to_come,
)
from pullback_server.specs.classes import class_space, moving_space, preconditioning_space, starts_from_class
from pullback_server.specs.common import check_draws_images, find_generator
from pullback_server.specs.directions import (
    DIRECTION_METHODS,
    IMPORT_FORMATS,
    complete_directions_spec,
    complete_import,
    directions_name_of,
    directions_settings,
    imported_name_of,
    measuring_eigenbasis_spec,
    space_directions_lie_in,
)
from pullback_server.specs.eigenbasis import METRIC_METHODS, blocks_of, complete_eigenbasis_spec, eigenbasis_name_of
from pullback_server.specs.inversion.methods import BASES, INVERSION_METHODS, STARTS
from pullback_server.specs.inversion.options import solver_options
from pullback_server.specs.inversion.settings import (
    complete_inversion_settings,
    default_eigenbasis_spec,
    inversion_load,
)
from pullback_server.specs.inversion.tuning import complete_tuning_settings, tuning_options
from pullback_server.specs.search import complete_session_spec
from pullback_server.specs.search_reports import read_reports
from pullback_server.specs.search_thread import search_settings, search_space
from pullback_server.specs.targets import check_target
from pullback_server.specs.traversal import check_axes, complete_traversal
from pullback_server.specs.traversal_between import complete_traversal_between

__all__ = [
    "BASES",
    "DIRECTION_METHODS",
    "IMPORT_FORMATS",
    "INVERSION_METHODS",
    "METRIC_METHODS",
    "STARTS",
    "ChosenDirection",
    "analysis_name_of",
    "blocks_of",
    "check_annotation",
    "check_axes",
    "check_draws_images",
    "check_target",
    "chosen_direction",
    "chosen_index",
    "class_space",
    "complete_analysis_spec",
    "complete_directions_spec",
    "complete_eigenbasis_spec",
    "complete_import",
    "complete_inversion_settings",
    "complete_session_spec",
    "complete_traversal",
    "complete_traversal_between",
    "complete_tuning_settings",
    "default_eigenbasis_spec",
    "direction_to_come",
    "directions_name_of",
    "directions_settings",
    "eigenbasis_name_of",
    "find_generator",
    "imported_name_of",
    "inversion_load",
    "measuring_eigenbasis_spec",
    "moving_space",
    "preconditioning_space",
    "read_reports",
    "search_settings",
    "search_space",
    "solver_options",
    "space_directions_lie_in",
    "starts_from_class",
    "tuning_options",
]
