"""Names of the contract's enumerations in the numerical library: the words that people write."""

from __future__ import annotations

from pullback_api.options import names_of
from pullback_api.v1 import specs_pb2

INVERSION_METHODS = names_of(specs_pb2.InversionMethod)
BASES = names_of(specs_pb2.InversionBasis)
PRESETS = names_of(specs_pb2.InversionPreset)
STARTS = names_of(specs_pb2.Start)
