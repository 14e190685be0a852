"""Specification of an eigenbasis: validation and defaults."""

from __future__ import annotations

import sys

from pullback import distances
from pullback.distances import DistanceEntry
from pullback.generators import CatalogueEntry
from pullback.geometry.eigenbasis import LARGEST_COMPLETE, most_stored
from pullback_api.options import names_of
from pullback_api.v1 import specs_pb2
from pullback_server.errors import Violations
from pullback_server.names import eigenbasis_name
from pullback_server.specs.common import (
    as_id,
    copied,
    digest,
    distance_of,
    find_generator,
    identity,
    space_of,
    take_out_of_bounds,
)

METRIC_METHODS = names_of(specs_pb2.MetricMethod)
ITERATIONS = (
    specs_pb2.METRIC_METHOD_BACKWARD_ITERATION,
    specs_pb2.METRIC_METHOD_FORWARD_ITERATION,
    specs_pb2.METRIC_METHOD_GRAM_ITERATION,
)
# These are made of the embedding's derivatives; a distance without one takes the others.
EMBEDDING_METHODS = (
    specs_pb2.METRIC_METHOD_SKETCH,
    specs_pb2.METRIC_METHOD_GRAM,
    specs_pb2.METRIC_METHOD_GRAM_ITERATION,
)

DEFAULT_PROBES, DEFAULT_POSITIONS = 2_000, 100
MAX_AUTOMATIC_PROBES, MAX_AUTOMATIC_POSITIONS = 50_000, 1_000
DEFAULT_TOLERANCE = 5e-3
# Of an iteration, at every position.
DEFAULT_PAIRS = 50


def complete_eigenbasis_spec(spec: specs_pb2.EigenbasisSpec, field: str) -> specs_pb2.EigenbasisSpec:
    """A copy with every default filled in.

    Raises:
        ApiError: NOT_FOUND for the generator, INVALID_ARGUMENT for anything else that cannot be used.
    """
    generator = find_generator(spec.generator, f"{field}.generator")
    wrong = Violations()
    complete = copied(spec)
    for path, description in take_out_of_bounds(complete).items():
        wrong.add(f"{field}.{path}", description)
    complete.method = complete.method or specs_pb2.METRIC_METHOD_SKETCH
    distance = distance_of(spec.distance, generator, f"{field}.distance", wrong)
    complete.distance = distance.name if distance else ""
    if distance is not None:
        _check_method(complete.method, distance, field, wrong)
    if spec.HasField("tolerance") and not spec.automatic:
        wrong.add(f"{field}.tolerance", "only an automatic number of samples takes one; set automatic, or leave it out")
    elif spec.automatic and not complete.HasField("tolerance"):
        complete.tolerance = DEFAULT_TOLERANCE
    complete.space = space_of(spec.space, generator, f"{field}.space", wrong)
    if not wrong:
        _check_k(complete, generator, field, wrong)
        _complete_samples(complete, generator.space(complete.space).dim, field, wrong)
        if complete.separate and not blocks_of(generator, complete.space):
            wrong.add(f"{field}.separate", f"no other spaces tile space {complete.space!r} of {spec.generator}")
    wrong.raise_if_any()
    return complete


def blocks_of(generator: CatalogueEntry, space: str) -> dict[str, int]:
    """The spaces that tile a space, with their dimensions, in the order of their coordinates; empty where none do."""
    whole = generator.space(space)
    system = generator.system(whole)
    blocks = sorted(
        (
            each
            for each in generator.parts(system)
            if each.dim < whole.dim and whole.start <= each.start and each.start + each.dim <= whole.start + whole.dim
        ),
        key=lambda each: each.start,
    )
    return {each.name: each.dim for each in blocks} if sum(each.dim for each in blocks) == whole.dim else {}


def eigenbasis_name_of(spec: specs_pb2.EigenbasisSpec) -> str:
    """The resource name of the eigenbasis that a complete specification makes with today's weights.

    Equal specifications over equal weights have one name, whatever their bounds of memory; readable, with a digest of
    everything that matters.
    """
    generator = find_generator(spec.generator, "generator")
    distance = distances.entry(spec.distance)
    method = METRIC_METHODS[spec.method]
    parts = (generator.weights_hash, distance.weights_hash, identity(spec))
    samples = f"auto-{spec.tolerance:g}" if spec.automatic else spec.samples
    separate = "-separate" if spec.separate else ""
    readable = f"{spec.space}{separate}-{spec.distance}-{method}-{samples}-{spec.seed}-{digest(parts)}"
    return eigenbasis_name(generator.name, as_id(readable))


def _complete_samples(spec: specs_pb2.EigenbasisSpec, dim: int, field: str, wrong: Violations) -> None:
    rows = 1 if spec.method == specs_pb2.METRIC_METHOD_SKETCH else (spec.k or DEFAULT_PAIRS)
    stores = dim > LARGEST_COMPLETE and spec.method in (*ITERATIONS, specs_pb2.METRIC_METHOD_SKETCH)
    most = most_stored(dim, rows) if stores else sys.maxsize
    if not spec.HasField("samples"):
        default = _default_samples(spec.method, automatic=spec.automatic)
        spec.samples = min(default, most) if spec.automatic else default
    if spec.samples > most:
        what = "probes" if rows == 1 else f"positions with {rows:,} eigenpairs each"
        wrong.add(
            f"{field}.samples",
            f"of a space of {dim:,} dimensions {most:,} {what} are stored at most, but {spec.samples:,} came",
        )


def _default_samples(method: specs_pb2.MetricMethod, *, automatic: bool) -> int:
    if method == specs_pb2.METRIC_METHOD_SKETCH:
        return MAX_AUTOMATIC_PROBES if automatic else DEFAULT_PROBES
    return MAX_AUTOMATIC_POSITIONS if automatic else DEFAULT_POSITIONS


def _check_method(method: specs_pb2.MetricMethod, distance: DistanceEntry, field: str, wrong: Violations) -> None:
    if method in EMBEDDING_METHODS and not distance.embedding:
        able = ", ".join(repr(name) for known, name in METRIC_METHODS.items() if known not in EMBEDDING_METHODS)
        wrong.add(f"{field}.method", f"distance {distance.name!r} has no embedding; take one of {able}")


def _check_k(spec: specs_pb2.EigenbasisSpec, generator: CatalogueEntry, field: str, wrong: Violations) -> None:
    if not spec.HasField("k"):
        return
    dim = generator.space(spec.space).dim
    if spec.method not in ITERATIONS and dim <= LARGEST_COMPLETE:
        small = f"in a space of up to {LARGEST_COMPLETE:,} dimensions"
        wrong.add(
            f"{field}.k", f"method {METRIC_METHODS[spec.method]!r} computes the whole metric; leave k out {small}"
        )
    elif spec.k > dim:
        wrong.add(f"{field}.k", f"expected 1 to {dim}, but {spec.k} came")
