"""Tuning of a generator's weights as the client holds it, and its options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pullback_api.v1 import specs_pb2, tunings_pb2
from pullback_client.errors import InvalidArgumentError
from pullback_client.images import ImageInput, is_image
from pullback_client.inversion.options import InversionOptions
from pullback_client.inversion.requests import photographs
from pullback_client.inversion.result import Inversion
from pullback_client.inversion.starts import StartsInput, space_of_starts
from pullback_client.text.vocabulary import refuse_unknown_options
from pullback_client.wire.codec import Array, array_from_tensor
from pullback_client.wire.fields import as_dict
from pullback_client.wire.names import generator_name, id_of
from pullback_client.wire.option_types import TuningFields
from pullback_client.wire.option_values import set_options
from pullback_client.wire.times import utc

_HASHES = ("generator_weights_hash", "distance_weights_hash", "sha256")
_SCALARS = ("updates", "tensors", "size", "job", "compute_seconds", "version", *_HASHES)
_OF_PHOTOGRAPHS = ("label", "distance_before", "distance", "squared_error_before", "squared_error")


class TuningOptions(TuningFields, total=False):
    """Options of a tuning. What is left out, or None, has the published value (Roich et al. 2021)."""


@dataclass(frozen=True, eq=False)
class TunedPhotograph:
    """What a tuning made of a photograph.

    Attributes:
        label: Name of its file, empty where it came as an image.
        pivot: The latent that was found for it, shape (dim,): `Client.render` of it with the tuning draws it. None in
            lists.
        distance_before: Image distance of the pivot's image before the tuning.
        distance: And after.
        squared_error_before: Mean squared difference of images on [0, 1] before the tuning.
        squared_error: And after.
    """

    label: str
    pivot: Array | None
    distance_before: float
    distance: float
    squared_error_before: float
    squared_error: float


@dataclass(frozen=True, eq=False)
class Tuning:
    """Weights of a generator, tuned to photographs; they stay on the server until they are deleted.

    `Client.render` and `Client.traverse` take it as `tuning=`. Eigenbases and directions of the generator serve it.

    Attributes:
        name: Resource name, `generators/{generator}/tunings/{id}`.
        generator: Id of the generator.
        space: Space of the pivots.
        photographs: What became of each photograph.
        trace: Of every update loss, distance and locality term (NaN without one) at the photograph whose turn it was;
            shape (updates, 3). None in lists.
        settings: How it was computed, every default filled in, under the contract's field names.
        updates: Updates that were made.
        tensors: How many tensors have changed.
        size: Bytes of the weight file.
        sha256: SHA-256 of that file.
        job: Resource name of the job that computed it.
        compute_seconds: Seconds that it took on the worker.
        generator_weights_hash: SHA-256 of the generator's weight file.
        distance_weights_hash: SHA-256 of the distance's; empty where it has no weights.
        version: Version of Pullback that computed it.
        created: When.
    """

    name: str
    generator: str
    space: str
    photographs: tuple[TunedPhotograph, ...]
    trace: Array | None
    settings: dict[str, Any]
    updates: int
    tensors: int
    size: int
    sha256: str
    job: str
    compute_seconds: float
    generator_weights_hash: str
    distance_weights_hash: str
    version: str
    created: datetime

    @classmethod
    def from_wire(cls, message: tunings_pb2.Tuning) -> Tuning:
        """The record of a message.

        Raises:
            BadResponseError: An array cannot be read.
        """
        return cls(
            name=message.name,
            generator=id_of(message.settings.generator),
            space=message.settings.space,
            photographs=tuple(_photograph(each, message.name) for each in message.photographs),
            trace=array_from_tensor(message.trace, f"{message.name}: trace") if message.HasField("trace") else None,
            settings=as_dict(message.settings),
            created=utc(message.create_time),
            **{name: getattr(message, name) for name in _SCALARS},
        )


def tuning_name(tuning: Tuning | str, generator: str = "") -> str:
    """Resource name of a tuning.

    Args:
        tuning: The tuning, its resource name, or its id.
        generator: Name of its generator, of an id.

    Raises:
        InvalidArgumentError: It is empty, or an id without a generator.
    """
    name = tuning.name if isinstance(tuning, Tuning) else tuning
    if name and "/" not in name and generator:
        return f"{generator_name(generator)}/tunings/{name}"
    if "/tunings/" not in name:
        raise InvalidArgumentError(
            f"expected a tuning, or its name generators/GENERATOR/tunings/ID, got {name!r}; Client.list_tunings() "
            "lists the known ones"
        )
    return generator_name(name)


def drawing_name(generator: str, tuning: Tuning | str | None) -> str:
    """Name of what draws images: a generator, or a tuning of it.

    Raises:
        InvalidArgumentError: The tuning is of another generator.
    """
    owner = generator_name(generator)
    if tuning is None:
        return owner
    name = tuning_name(tuning, generator)
    if not name.startswith(f"{owner}/tunings/"):
        raise InvalidArgumentError(f"{name} is no tuning of {owner}")
    return name


def tune_request(
    images: Inversion | ImageInput | Sequence[Inversion | ImageInput],
    generator: str | None,
    pivots: StartsInput | None,
    about: InversionOptions,
    options: TuningOptions,
) -> tunings_pb2.TuneRequest:
    """The request of a tuning, without a request id; see `Client.tune`.

    Args:
        images: Inversions, or photographs.
        generator: Name of the generator; None = that of the inversions.
        pivots: Of photographs.
        about: What is said of each photograph: masks, crops.
        options: See `TuningOptions`.

    Raises:
        InvalidArgumentError: A value that cannot be sent, or something is missing.
        TypeError: An option that does not exist.
    """
    refuse_unknown_options(options, TuningOptions)
    listed: list[Any] = [images] if isinstance(images, Inversion) or is_image(images) else list(images)
    found = [each for each in listed if isinstance(each, Inversion)]
    if found and (len(found) < len(listed) or pivots is not None):
        raise InvalidArgumentError("give inversions alone, which have their pivots, or photographs with pivots=")
    if not found and pivots is None:
        raise InvalidArgumentError("pivots: give the latents that were found for these photographs")
    if generator is None:
        owners = sorted({each.settings["generator"] for each in found})
        if len(owners) != 1:
            raise InvalidArgumentError(f"generator: name the one that is tuned; the inversions are of {owners}")
        generator = owners[0]
    if about.get("masks") is None and any(each.framing.mask or each.framing.ignore for each in found):
        raise InvalidArgumentError(
            "masks: something was hidden when these were inverted; give photographs with pivots= and masks="
        )
    if any(each.noise_maps for each in found):
        raise InvalidArgumentError(
            "noise maps were searched with these, and a tuning draws with the generator's own: invert without them, or "
            "give photographs with pivots="
        )
    given: Any = [each.aligned_target or each.target for each in found] or images
    starts: Any = found or pivots
    settings = specs_pb2.TuningSettings(generator=generator_name(generator))
    space = options.get("space") or space_of_starts(starts)
    set_options(settings, {**options, "space": space})
    if len(spaces := {each.settings["space"] for each in found}) == 1 and space not in spaces:
        raise InvalidArgumentError(f"space: the inversions are in {', '.join(spaces)}; leave it out")
    about = {**about, "starts": starts}
    targets = [photograph.target()[0] for photograph in photographs(given, about)]
    for target, inversion in zip(targets, found, strict=False):
        target.label = inversion.label
    return tunings_pb2.TuneRequest(settings=settings, targets=targets)


def _photograph(message: tunings_pb2.TunedPhotograph, name: str) -> TunedPhotograph:
    pivot = array_from_tensor(message.pivot, f"{name}: pivot") if message.HasField("pivot") else None
    return TunedPhotograph(pivot=pivot, **{name: getattr(message, name) for name in _OF_PHOTOGRAPHS})
