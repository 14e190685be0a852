"""Noise maps of style-based generators: those that come with a request, and whether an inversion can search them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pullback.generators import CatalogueEntry
from pullback.generators.style_based.named_layers import noise_shapes
from pullback.inversion.defaults import METHODS
from pullback_api.tensors import unpack
from pullback_api.v1 import specs_pb2, values_pb2
from pullback_server.errors import Violations
from pullback_server.specs.inversion.methods import INVERSION_METHODS

# Numbers of the maps that a job moves, or an answer brings: 64 MiB, and some six times that while they are searched.
MAX_NOISE_VALUES = 2**24
# As many numbers weigh about what a latent does, of the largest spaces.
_A_ROW = 10_000

NoiseMaps = tuple[NDArray[np.float32], ...]


def read_noise_maps(
    tensors: Sequence[values_pb2.Tensor], generator: CatalogueEntry, field: str, wrong: Violations
) -> NoiseMaps:
    """The maps that came, none or one of each; what cannot be used is a violation.

    Args:
        tensors: What came.
        generator: For which generator.
        field: Path of the field in the request.
        wrong: Where a violation goes.
    """
    shapes = noise_shapes(generator)
    if not tensors:
        return ()
    if len(tensors) != len(shapes):
        expected = f"{len(shapes)} noise maps of {generator.name!r}" if shapes else f"{generator.name!r} takes none"
        wrong.add(field, f"expected {expected}, but {len(tensors)} came" if shapes else f"{expected}; leave them out")
        return ()
    maps = []
    for number, (tensor, shape) in enumerate(zip(tensors, shapes, strict=True)):
        place = f"{field}[{number}]"
        try:
            values = unpack(tensor)
        except ValueError as error:
            wrong.add(place, str(error))
            continue
        if values.shape != shape:
            wrong.add(place, f"expected shape {list(shape)}, but {list(values.shape)} came")
        # NaN compares as false.
        elif not (np.abs(values) <= np.finfo(np.float32).max).all():
            wrong.add(place, "every number must be finite in float32, but NaN or infinity came")
        else:
            maps.append(values.astype(np.float32))
    return tuple(maps)


def check_noise_maps(
    settings: specs_pb2.InversionSettings, generator: CatalogueEntry, field: str, wrong: Violations
) -> None:
    """Notes where an inversion of complete settings is to search noise maps and cannot."""
    if not settings.noise_maps:
        return
    name = INVERSION_METHODS[settings.method]
    if not METHODS[name].moves_noise:
        able = " or ".join(repr(other) for other, method in METHODS.items() if method.moves_noise)
        wrong.add(f"{field}.noise_maps", f"method {name!r} searches none; set it to false, or use method {able}")
    elif not noise_shapes(generator):
        wrong.add(f"{field}.noise_maps", f"{settings.generator} has none that could be searched; set it to false")


def noise_values(settings: specs_pb2.InversionSettings, generator: CatalogueEntry) -> int:
    """How many numbers of noise maps an inversion of complete settings searches for each start."""
    return sum(math.prod(shape) for shape in noise_shapes(generator)) if settings.noise_maps else 0


def rows_of_memory(settings: specs_pb2.InversionSettings, generator: CatalogueEntry) -> int:
    """How many latents, of about the largest spaces, one start weighs with its noise maps."""
    return 1 + noise_values(settings, generator) // _A_ROW
