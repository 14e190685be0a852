"""Reader of directions from a published file; needs torch only for the formats that are PyTorch's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import import_module

from pullback.directions.direction_set import DirectionSet, Origin
from pullback.directions.formats.arrays import MAX_BYTES
from pullback.directions.formats.published import Published, Target
from pullback.errors import InvalidInputError, UnknownNameError

# Each is a module of this package.
IMPORT_FORMATS = ("ganspace", "sefa", "local_basis", "styleclip", "deformator", "hessian_penalty", "pullback")


def import_directions(
    content: bytes,
    import_format: str,
    *,
    generator_name: str,
    weights_hash: str,
    space: str,
    dim: int,
    layers: Sequence[int] = (),
    total_layers: int | None = None,
    version: str,
) -> DirectionSet:
    """Reads directions from a published file. Nothing that the file holds is run.

    Args:
        content: The file's bytes, at most 64 MiB.
        import_format: One of `IMPORT_FORMATS`.
        generator_name: The generator for which they are imported.
        weights_hash: SHA-256 of its weight file.
        space: Name of the latent space in which they lie.
        dim: Its number of coordinates.
        layers: Layers of a style-based generator on which a step along a direction of `w` acts, from 0; when empty,
            what the file says, or all.
        total_layers: How many such layers the generator has; None or 0 where it is not style-based.
        version: Version of this library.

    Returns:
        The directions, not yet measured. Their method is `imported`; the settings of their origin have the `format`,
        the file's `sha256`, and what else the file says of itself.

    Raises:
        UnknownNameError: No such format.
        InvalidInputError: The file is too large, not of this format, or its shapes do not fit the space; or the
            generator has no such layers.
    """
    if import_format not in IMPORT_FORMATS:
        raise UnknownNameError("format of directions", import_format, IMPORT_FORMATS)
    if len(content) > MAX_BYTES:
        raise InvalidInputError(f"a file of directions has at most {MAX_BYTES} bytes, but {len(content)} came")
    # Not imported with this module, which a process without torch uses too.
    reader = import_module(f"pullback.directions.formats.{import_format}")
    found: Published = reader.read(content, Target(space, dim, weights_hash))
    acting = tuple(sorted(layers)) or found.layers
    _check_layers(acting, space, total_layers or 0)
    said = {"format": import_format, "sha256": hashlib.sha256(content).hexdigest()}
    return DirectionSet(
        vectors=found.vectors,
        values=found.values,
        origin=Origin(generator_name, weights_hash, space, "imported", version, {**found.said, **said}),
        layers=acting,
        input_vectors=found.input_vectors,
        base=found.base,
    )


def _check_layers(layers: tuple[int, ...], space: str, total: int) -> None:
    if not layers:
        return
    if space != "w":
        raise InvalidInputError(
            f"a step acts on layers along a direction of 'w', but these are of {space!r}; leave the layers out"
        )
    if len(set(layers)) < len(layers) or not all(0 <= layer < total for layer in layers):
        has = f"the layers 0 to {total - 1}, each once" if total else "no layers that take a w each"
        raise InvalidInputError(f"this generator has {has}, but layers {list(layers)} came")
