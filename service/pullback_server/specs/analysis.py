"""What an analysis is asked to look at."""

from __future__ import annotations

from pullback import distances
from pullback_api.v1 import specs_pb2
from pullback_server.errors import Violations
from pullback_server.names import analysis_name
from pullback_server.specs.common import (
    as_id,
    check_max_memory,
    check_seed,
    digest,
    distance_of,
    find_generator,
    identity,
    space_of,
)

MAX_POSITIONS = 2_000
DEFAULT_POSITIONS = 50
DEFAULT_CONTROL_POSITIONS = 10
DEFAULT_COMPARED_DISTANCES = ("st-lpips-alex", "mse", "ssim")
# Of what an analysis looks at, so that one of an older version is not taken for one of today: 2 looks at walks too, 3
# at images changed at random along sets of directions, and moved by each kind of walk along random ones.
_EDITION = 3


def complete_analysis_spec(spec: specs_pb2.AnalysisSpec, field: str = "spec") -> specs_pb2.AnalysisSpec:
    """A copy with every default filled in.

    Raises:
        ApiError: NOT_FOUND for the generator, INVALID_ARGUMENT for anything else that cannot be used.
    """
    generator = find_generator(spec.generator, f"{field}.generator")
    wrong = Violations()
    found = distance_of(spec.distance, generator, f"{field}.distance", wrong)
    distance = found.name if found else spec.distance
    compared = list(spec.compared_distances) or [name for name in DEFAULT_COMPARED_DISTANCES if name != distance]
    for number, name in enumerate(compared):
        distance_of(name, generator, f"{field}.compared_distances[{number}]", wrong)
    if len({distance, *compared}) <= len(compared):
        wrong.add(f"{field}.compared_distances", f"expected each distance once, and not {distance!r} itself")
    positions = spec.positions or DEFAULT_POSITIONS
    if not 2 <= positions <= MAX_POSITIONS:
        wrong.add(
            f"{field}.positions", f"expected 2 to {MAX_POSITIONS:,} (0 = {DEFAULT_POSITIONS}), but {positions} came"
        )
    control_positions = spec.control_positions or min(DEFAULT_CONTROL_POSITIONS, positions)
    if not 2 <= control_positions <= positions:
        wrong.add(
            f"{field}.control_positions", f"expected 2 to {positions} (`positions`), but {control_positions} came"
        )
    check_seed(spec.seed, f"{field}.seed", wrong)
    check_max_memory(spec.max_memory_mib, f"{field}.max_memory_mib", wrong)
    complete = specs_pb2.AnalysisSpec(
        generator=spec.generator,
        space=space_of(spec.space, generator, f"{field}.space", wrong),
        distance=distance,
        positions=positions,
        control_positions=control_positions,
        compared_distances=compared,
        seed=spec.seed,
        max_memory_mib=spec.max_memory_mib,
    )
    wrong.raise_if_any()
    return complete


def analysis_name_of(spec: specs_pb2.AnalysisSpec) -> str:
    """The resource name of the analysis that a complete specification makes with today's weights and version."""
    generator = find_generator(spec.generator, "generator")
    weights = [distances.entry(name).weights_hash for name in (spec.distance, *spec.compared_distances)]
    parts = (_EDITION, generator.weights_hash, *weights, identity(spec))
    readable = f"{spec.space}-{spec.distance}-{spec.positions}-{spec.seed}-{digest(parts)}"
    return analysis_name(generator.name, as_id(readable))
