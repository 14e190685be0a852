"""Options of an analysis: from Python's words to the contract's specification."""

from __future__ import annotations

from collections.abc import Sequence

from pullback_api.v1 import specs_pb2
from pullback_client.errors import InvalidArgumentError
from pullback_client.wire.names import generator_name
from pullback_client.wire.option_values import set_options


def analysis_spec(
    generator: str,
    *,
    space: str | None,
    distance: str | None,
    positions: int | None,
    control_positions: int | None,
    compared_positions: int | None,
    compared_distances: Sequence[str] | None,
    seed: int,
    max_memory_mib: int | None,
) -> specs_pb2.AnalysisSpec:
    """The specification of an analysis; None leaves a default to the server.

    Raises:
        InvalidArgumentError: No list of names, or a number that the contract cannot carry.
    """
    # An empty list asks for the default on the wire, so one that somebody wrote must not get there.
    if isinstance(compared_distances, str) or (compared_distances is not None and not compared_distances):
        raise InvalidArgumentError(
            f"compared_distances must be a list of at least one name, or None for the server's default, "
            f"got {compared_distances!r}"
        )
    spec = specs_pb2.AnalysisSpec(generator=generator_name(generator), compared_distances=compared_distances or ())
    given = {
        "space": space,
        "distance": distance,
        "positions": positions,
        "control_positions": control_positions,
        "compared_positions": compared_positions,
        "seed": seed,
        "max_memory_mib": max_memory_mib,
    }
    set_options(spec, given)
    return spec
