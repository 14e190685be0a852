"""What an eigenbasis is asked to be."""

from __future__ import annotations

from pullback import distances
from pullback.distances import DistanceEntry
from pullback.generators import CatalogueEntry
from pullback_api.v1 import specs_pb2
from pullback_server.errors import Violations
from pullback_server.names import eigenbasis_name
from pullback_server.specs.common import (
    as_id,
    check_max_memory,
    check_range,
    check_seed,
    digest,
    distance_of,
    enum_names,
    find_generator,
    identity,
    space_of,
)

METRIC_METHODS: dict[specs_pb2.MetricMethod, str] = {
    specs_pb2.METRIC_METHOD_SKETCH: "sketch",
    specs_pb2.METRIC_METHOD_GRAM: "gram",
    specs_pb2.METRIC_METHOD_FULL_BACKPROP: "full_backprop",
    specs_pb2.METRIC_METHOD_BACKWARD_ITERATION: "backward_iteration",
    specs_pb2.METRIC_METHOD_FORWARD_ITERATION: "forward_iteration",
    specs_pb2.METRIC_METHOD_GRAM_ITERATION: "gram_iteration",
}
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

MAX_SAMPLES = 1_000_000
DEFAULT_PROBES, DEFAULT_POSITIONS = 2_000, 100
MAX_AUTOMATIC_PROBES, MAX_AUTOMATIC_POSITIONS = 50_000, 1_000
DEFAULT_TOLERANCE = 5e-3


def complete_eigenbasis_spec(spec: specs_pb2.EigenbasisSpec, field: str) -> specs_pb2.EigenbasisSpec:
    """A copy with every default filled in.

    Raises:
        ApiError: NOT_FOUND for the generator, INVALID_ARGUMENT for anything else that cannot be used.
    """
    generator = find_generator(spec.generator, f"{field}.generator")
    wrong = Violations()
    method = spec.method or specs_pb2.METRIC_METHOD_SKETCH
    if method not in METRIC_METHODS:
        wrong.add(f"{field}.method", f"unknown method {method}; known: {enum_names(specs_pb2.MetricMethod)}")
    samples = spec.samples or _default_samples(method, automatic=spec.automatic)
    check_range(samples, MAX_SAMPLES, f"{field}.samples", wrong)
    distance = distance_of(spec.distance, generator, f"{field}.distance", wrong)
    if distance is not None:
        _check_method(method, distance, field, wrong)
    tolerance = spec.tolerance or DEFAULT_TOLERANCE
    if not 0 < tolerance < 1:
        wrong.add(f"{field}.tolerance", f"expected more than 0 and less than 1, but {spec.tolerance} came")
    if spec.tolerance and not spec.automatic:
        wrong.add(f"{field}.tolerance", "only an automatic number of samples takes one; set automatic, or leave it out")
    check_seed(spec.seed, f"{field}.seed", wrong)
    check_max_memory(spec.max_memory_mib, f"{field}.max_memory_mib", wrong)
    complete = specs_pb2.EigenbasisSpec(
        generator=spec.generator,
        space=space_of(spec.space, generator, f"{field}.space", wrong),
        distance=distance.name if distance else "",
        method=method,
        samples=samples,
        seed=spec.seed,
        automatic=spec.automatic,
        tolerance=tolerance if spec.automatic else 0.0,
        k=spec.k,
        separate=spec.separate,
        max_memory_mib=spec.max_memory_mib,
    )
    if not wrong:
        _check_k(complete, generator, field, wrong)
        if complete.separate and not blocks_of(generator, complete.space):
            wrong.add(f"{field}.separate", f"no other spaces tile space {complete.space!r} of {spec.generator}")
    wrong.raise_if_any()
    return complete


def blocks_of(generator: CatalogueEntry, space: str) -> dict[str, int]:
    """The spaces that tile a space, with their dimensions, in the order of their coordinates; empty where none do."""
    if generator.has_mapping:
        return {}
    whole = generator.space(space)
    blocks = sorted(
        (
            each
            for each in generator.spaces
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


def _default_samples(method: specs_pb2.MetricMethod, *, automatic: bool) -> int:
    if method == specs_pb2.METRIC_METHOD_SKETCH:
        return MAX_AUTOMATIC_PROBES if automatic else DEFAULT_PROBES
    return MAX_AUTOMATIC_POSITIONS if automatic else DEFAULT_POSITIONS


def _check_method(method: specs_pb2.MetricMethod, distance: DistanceEntry, field: str, wrong: Violations) -> None:
    if method in EMBEDDING_METHODS and not distance.embedding:
        able = ", ".join(repr(name) for known, name in METRIC_METHODS.items() if known not in EMBEDDING_METHODS)
        wrong.add(f"{field}.method", f"distance {distance.name!r} has no embedding; take one of {able}")


def _check_k(spec: specs_pb2.EigenbasisSpec, generator: CatalogueEntry, field: str, wrong: Violations) -> None:
    if not spec.k:
        return
    dim = generator.space(spec.space).dim
    if spec.method not in ITERATIONS:
        wrong.add(f"{field}.k", f"method {METRIC_METHODS[spec.method]!r} computes the whole metric; leave k out")
    elif not 1 <= spec.k <= dim:
        wrong.add(f"{field}.k", f"expected 1 to {dim} (0 = the default), but {spec.k} came")
