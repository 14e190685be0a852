"""Options of an inversion: from Python's words to the contract's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from google.protobuf.message import Message

from pullback_api.options import options_of
from pullback_api.v1 import specs_pb2
from pullback_client.eigenbasis.basis import EigenbasisInfo, eigenbasis_name
from pullback_client.errors import InvalidArgumentError
from pullback_client.images import ImageInput
from pullback_client.inversion.starts import StartsInput, space_of_starts
from pullback_client.text.vocabulary import known_words, refuse_unknown_options
from pullback_client.wire.names import generator_name
from pullback_client.wire.option_types import InversionFields
from pullback_client.wire.option_values import set_options

Boxes: TypeAlias = "Sequence[tuple[int, int, int, int]]"


class InversionOptions(InversionFields, total=False):
    """Options of an inversion. What is left out, or None, is the server's default."""

    weights: Mapping[str, float] | None
    """Weights of the loss, each ≥ 0: `distance` (default 1), `l1` (0), `l2` (3), and `prior` (0.0005) of the penalty
    ½‖z‖²; in w+ `delta` (0) of what the layers differ in; with `noise_maps` also `noise` (1e5) of their regulariser. A
    preset has defaults of its own."""
    eigenbasis: str | EigenbasisInfo | None
    """An eigenbasis or its resource name; default the one of the default specification."""
    class_labels: str | Sequence[str] | None
    """The class, one of the generator's labels: one for all images, or a list as long as the images'. With
    them `class_mode` is `given`. In `w` and `w+`, whose latents hang on no class, that at whose w̄ latents start."""
    alignment: bool | Mapping[str, float] | None
    """Search the frame within the photograph too: True, or standard deviations `scale` (of the logarithm of the scale)
    and `shift` (in half sides), each above 0, at most 0.5; default 0.1 each."""
    starts: StartsInput | None
    """Latents to start from, of an encoder or of earlier inversions: one for all images, or one for each. The first
    restart starts there, the others where `start` says. Of latents `start_space` says where they lie."""
    masks: ImageInput | Sequence[ImageInput | None] | None
    """White counts, black is ignored, greys in between: one for all images, or a list as long as the images'."""
    ignore: Boxes | Sequence[Boxes] | None
    """Regions to ignore, `(left, top, width, height)` in pixels of the photograph: one list for all images, or a list
    of lists as long as the images'."""
    crop: tuple[int, int, int] | Sequence[tuple[int, int, int] | None] | None
    """A square to cut out of the photograph, `(left, top, size)` in its pixels as it lies when it is looked at: one for
    all images, or a list as long as the images'. `masks` and `ignore` are of the whole photograph all the same."""
    center_crop: bool
    """Cut the largest centred part of the generator's aspect, instead of refusing other aspects."""
    convert: bool
    """Of sounds: resample them to the generator's rate, mix their channels, and cut them at their end or let silence
    follow, instead of refusing another rate, number of channels or length."""


def inversion_settings(generator: str, options: InversionOptions) -> specs_pb2.InversionSettings:
    """The settings of an inversion, without what is said of each image; None leaves a default to the server.

    Raises:
        InvalidArgumentError: An unknown word, or a number that the contract cannot carry.
        TypeError: An option that does not exist.
    """
    refuse_unknown_options(options, InversionOptions)
    basis = options.get("eigenbasis")
    # A preset has a method of its own.
    implied = {
        "method": "hessian_adam" if options.get("preset") is None else None,
        "class_mode": None if options.get("class_labels") is None else "given",
        "start_space": space_of_starts(options.get("starts")),
    }
    given = {name: value for name, value in options.items() if value is not None}
    settings = specs_pb2.InversionSettings(generator=generator_name(generator))
    set_options(settings, implied | given | {"eigenbasis": None if basis is None else eigenbasis_name(basis)})
    if (weights := options.get("weights")) is not None:
        _refuse_others("unknown weights", weights, settings.weights)
        settings.weights.SetInParent()
        set_options(settings.weights, weights, "weights.")
    if (alignment := options.get("alignment")) is not None and alignment is not False:
        settings.alignment.SetInParent()
        if alignment is not True:
            _refuse_others("unknown of alignment:", alignment, settings.alignment)
            set_options(settings.alignment, alignment, "alignment.")
    return settings


def _refuse_others(what: str, given: Mapping[str, float], message: Message) -> None:
    """Refuses names that are no options of a message."""
    known = options_of(message.DESCRIPTOR)
    if unknown := sorted(set(given) - known.keys()):
        raise InvalidArgumentError(f"{what} {', '.join(unknown)}; {known_words(unknown[0], known)}")
