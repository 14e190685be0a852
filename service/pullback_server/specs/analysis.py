"""Specification of an analysis: validation and defaults."""

from __future__ import annotations

from pullback import distances
from pullback_api.v1 import specs_pb2
from pullback_server.errors import Violations
from pullback_server.names import analysis_name
from pullback_server.specs.common import (
    as_id,
    copied,
    digest,
    distance_of,
    find_generator,
    identity,
    rate_of,
    space_of,
    take_out_of_bounds,
)

DEFAULT_POSITIONS = 50
# For the control, and for the other distances.
DEFAULT_FEW_POSITIONS = 10
# What the paper compares, over both networks of LPIPS that come without torchvision's files.
DEFAULT_COMPARED_DISTANCES = ("lpips-alex", "lpips-vgg", "mse", "ssim")
# Of what an analysis looks at, so that one of an older version is not taken for one of today: 2 looks at walks too, 3
# at images changed at random along sets of directions, and moved by each kind of walk along random ones; 4 says how
# figures of other distances spread, and compares these with each other.
_EDITION = 4


def complete_analysis_spec(spec: specs_pb2.AnalysisSpec, field: str = "spec") -> specs_pb2.AnalysisSpec:
    """A copy with every default filled in.

    Raises:
        ApiError: NOT_FOUND for the generator, FAILED_PRECONDITION where nothing says the rate of its sounds,
            INVALID_ARGUMENT for anything else that cannot be used.
    """
    generator = find_generator(spec.generator, f"{field}.generator")
    wrong = Violations()
    if generator.draws == "sounds":
        rate_of(generator)
    complete = copied(spec)
    for path, description in take_out_of_bounds(complete).items():
        wrong.add(f"{field}.{path}", description)
    found = distance_of(spec.distance, generator, f"{field}.distance", wrong)
    distance = found.name if found else spec.distance
    usual = [name for name in DEFAULT_COMPARED_DISTANCES if generator.draws in distances.entry(name).takes]
    compared = list(spec.compared_distances) or [name for name in usual if name != distance]
    for number, name in enumerate(compared):
        place = f"{field}.compared_distances[{number}]"
        if not name:
            wrong.add(place, "expected the name of a distance, but an empty text came")
        distance_of(name, generator, place, wrong)
    if len({distance, *compared}) <= len(compared):
        wrong.add(f"{field}.compared_distances", f"expected each distance once, and not {distance!r} itself")
    complete.space = space_of(spec.space, generator, f"{field}.space", wrong)
    complete.distance = distance
    complete.compared_distances[:] = compared
    if not complete.HasField("positions"):
        complete.positions = DEFAULT_POSITIONS
    for name in ("control_positions", "compared_positions"):
        if not complete.HasField(name):
            setattr(complete, name, min(DEFAULT_FEW_POSITIONS, complete.positions))
        elif (count := getattr(complete, name)) > complete.positions:
            wrong.add(f"{field}.{name}", f"expected 2 to {complete.positions} (`positions`), but {count} came")
    wrong.raise_if_any()
    return complete


def analysis_name_of(spec: specs_pb2.AnalysisSpec) -> str:
    """The resource name of the analysis that a complete specification makes with today's weights and version."""
    generator = find_generator(spec.generator, "generator")
    weights = [distances.entry(name).weights_hash for name in (spec.distance, *spec.compared_distances)]
    parts = (_EDITION, generator.weights_hash, *weights, identity(spec))
    readable = f"{spec.space}-{spec.distance}-{spec.positions}-{spec.seed}-{digest(parts)}"
    return analysis_name(generator.name, as_id(readable))
