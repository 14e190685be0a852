"""Specifications of jobs: checked, and every default filled in, so that what is stored says all."""

from pullback_server.specs.analysis import analysis_name_of, complete_analysis_spec
from pullback_server.specs.common import find_generator
from pullback_server.specs.eigenbasis import METRIC_METHODS, blocks_of, complete_eigenbasis_spec, eigenbasis_name_of
from pullback_server.specs.inversion import (
    INVERSION_METHODS,
    SCHEDULES,
    complete_inversion_settings,
    default_eigenbasis_spec,
)

__all__ = [
    "INVERSION_METHODS",
    "METRIC_METHODS",
    "SCHEDULES",
    "analysis_name_of",
    "blocks_of",
    "complete_analysis_spec",
    "complete_eigenbasis_spec",
    "complete_inversion_settings",
    "default_eigenbasis_spec",
    "eigenbasis_name_of",
    "find_generator",
]
