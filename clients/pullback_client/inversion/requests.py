"""Requests of an inversion: any number of photographs, cut into messages that a server takes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pullback_api.v1 import inversion_pb2, values_pb2
from pullback_client.errors import ClientError, InvalidArgumentError, ResourceExhaustedError
from pullback_client.images import ImageInput, encode, is_image, listed, name_of, size_of
from pullback_client.inversion.framing import Box, Crop, Framing, cropped
from pullback_client.inversion.options import InversionOptions, inversion_settings
from pullback_client.inversion.result import InversionFailure
from pullback_client.inversion.starts import starts_of
from pullback_client.text.printable import printable
from pullback_client.wire.codec import Array, tensor_from_array
from pullback_client.wire.fields import whole_number
from pullback_client.wire.transport import MAX_MESSAGE_BYTES

MAX_TARGETS = 256
"""Most photographs that a server takes in one request."""

_MAX_LABEL = 200
_MAX_REGIONS = 64
_MIB = 2**20
_OVERHEAD = 4096  # bytes of a message, at most, besides its targets


@dataclass(frozen=True, eq=False)
class Photograph:
    """One image of a call, and what is said of it; nothing is read yet.

    Attributes:
        number: Its place in the call, from 1.
        image: The image.
        mask: Its mask, None where the whole image counts.
        ignore: Regions to ignore.
        class_label: Its class; empty where none is given.
        center_crop: Cut the largest centred part of the generator's aspect, instead of refusing other aspects.
        convert: Of a sound: make it what the generator draws, instead of refusing another rate, length or number of
            channels.
        crop: The square to cut out; None = the whole image. Mask and regions are of the whole image all the same.
        start: A latent to start from; None where none is given.
        originals: The files of image and mask, where they are files.
    """

    number: int
    image: ImageInput
    mask: ImageInput | None
    ignore: tuple[Box, ...]
    class_label: str
    center_crop: bool
    convert: bool = False
    crop: Crop | None = None
    start: Array | None = field(default=None, compare=False)
    originals: tuple[Path, ...] = field(default=(), compare=False)

    @property
    def label(self) -> str:
        """Name of the image's file, empty where it is no file."""
        return printable(name_of(self.image))[-_MAX_LABEL:]

    @property
    def _fit(self) -> inversion_pb2.Fit:
        if self.center_crop and self.convert:
            raise InvalidArgumentError("center_crop is of photographs, and convert of sounds: leave one of them out")
        if self.convert:
            return inversion_pb2.FIT_CONVERT
        return inversion_pb2.FIT_CENTER_CROP if self.center_crop else inversion_pb2.FIT_UNSPECIFIED

    def target(self) -> tuple[inversion_pb2.Target, Framing]:
        """What to send, and what is cut out and hidden.

        Raises:
            InvalidArgumentError: A file is missing or not a file, an array has an unusable shape, type or range, or the
                square to cut out does not lie within the image.
            ResourceExhaustedError: It is larger than a message can be.
        """
        what = self.label or f"image {self.number}"
        ignore, size = self.ignore, None
        # What may be read but once, such as a pipe, is read once.
        mask = hidden = None if self.mask is None else encode(self.mask, f"mask {self.number}", mask=True)
        if self.crop is None:
            data = encode(self.image, f"image {self.number}")
            size = size_of(data) if ignore else None
        else:
            piece, its_mask, ignore, size = cropped(self.image, self.crop, mask, ignore, what)
            data, mask = encode(piece), None if its_mask is None else encode(its_mask, mask=True)
        framing = Framing(crop=self.crop, ignore=self.ignore, mask=hidden, size=size, originals=self.originals)
        target = inversion_pb2.Target(
            image=values_pb2.Image(data=data),
            fit=self._fit,
            mask=None if mask is None else values_pb2.Image(data=mask),
            label=self.label,
            ignore=[inversion_pb2.Box(**box._asdict()) for box in ignore],
            class_label=self.class_label,
            start=None if self.start is None else tensor_from_array(self.start),
        )
        if (length := target.ByteSize()) > MAX_MESSAGE_BYTES - _OVERHEAD:
            raise ResourceExhaustedError(
                f"{what} and its mask take {length / _MIB:.1f} MiB; at most "
                f"{MAX_MESSAGE_BYTES // _MIB} MiB can be sent: scale them down first"
            )
        return target, framing


@dataclass(eq=False)
class Part:
    """Photographs, one after the other, that one request asks for.

    Attributes:
        targets: What to send, of those that can be sent.
        framings: Of each of these, what is cut out and hidden.
        failures: For each photograph why it cannot be sent; None where it can.
    """

    targets: list[inversion_pb2.Target] = field(default_factory=list)
    framings: list[Framing] = field(default_factory=list)
    failures: list[InversionFailure | None] = field(default_factory=list)
    _size: int = 0

    def takes(self, target: inversion_pb2.Target, most: int) -> bool:
        """Whether the message has room for one more, of at most `most`."""
        fits = self._size + target.ByteSize() + _OVERHEAD <= MAX_MESSAGE_BYTES
        return not self.targets or (len(self.targets) < most and fits)

    def add(self, target: inversion_pb2.Target, framing: Framing) -> None:
        """Puts a target into the message."""
        self.targets.append(target)
        self.framings.append(framing)
        self.failures.append(None)
        self._size += target.ByteSize() + 16  # of its tag and length

    def refuse(self, errors: Mapping[int, ClientError]) -> None:
        """Notes what is wrong with targets, by their places; the targets stay."""
        places = [place for place, failure in enumerate(self.failures) if failure is None]
        for index, (place, target) in enumerate(zip(places, self.targets, strict=True)):
            if index in errors:
                self.failures[place] = InversionFailure(target.label, errors[index])


def photographs(images: ImageInput | Sequence[ImageInput], options: InversionOptions) -> list[Photograph]:
    """The images of a call, each with what is said of it. Nothing is read, but for a mask that is meant for all.

    Args:
        images: One image or a list.
        options: See `InversionOptions`.

    Raises:
        InvalidArgumentError: No images, something that is none, a mask for all that cannot be sent, other numbers of
            masks, regions, starts or classes than of images, or a region that is none.
    """
    asked = listed(images)
    if not asked:
        raise InvalidArgumentError("no images: expected one, or a list of at least one")
    masks, labels, ignore = options.get("masks"), options.get("class_labels"), options.get("ignore")
    crop: Any = options.get("crop")
    ignored_in_all = ignore is None or all(_is_box(each) for each in ignore)
    cropped_alike = crop is None or not all(each is None or isinstance(each, Sequence) for each in crop)
    values = zip(
        asked,
        _masks(masks, asked),
        _for_each("class_labels", labels, asked, one=labels is None or isinstance(labels, str)),
        _for_each("lists of regions to ignore", ignore, asked, one=ignored_in_all),
        _for_each("crops", crop, asked, one=cropped_alike),
        starts_of(options.get("starts"), len(asked)),
        strict=True,
    )
    return [
        Photograph(
            number=number,
            image=image,
            mask=mask,
            ignore=_regions(boxes or ()),
            class_label=label or "",
            center_crop=options.get("center_crop", False),
            convert=options.get("convert", False),
            crop=None if square is None else _crop(square),
            start=start,
            originals=_files(image, mask, masks),
        )
        for number, (image, mask, label, boxes, square, start) in enumerate(values, start=1)
    ]


def parts(asked: Sequence[Photograph], per_request: int) -> Iterator[Part]:
    """Cuts photographs into requests, in their order; each is read when its turn comes.

    A photograph that cannot be read or sent fails alone.

    Args:
        asked: The photographs.
        per_request: At most so many in one request, 1 to `MAX_TARGETS`.
    """
    part = Part()
    for photograph in asked:
        try:
            target, framing = photograph.target()
        except ClientError as error:
            part.failures.append(InversionFailure(photograph.label, error))
            continue
        if not part.takes(target, per_request):
            yield part
            part = Part()
        part.add(target, framing)
    yield part


def invert_request(
    images: ImageInput | Sequence[ImageInput], generator: str, options: InversionOptions
) -> tuple[inversion_pb2.InvertRequest, list[Framing]]:
    """One message for all images, without a request id, and what is cut out and hidden of each.

    Args:
        images: One image or a list.
        generator: Name of the generator.
        options: See `InversionOptions`.

    Raises:
        InvalidArgumentError: A value that cannot be sent.
        ResourceExhaustedError: Images that are too large for one message.
        TypeError: An option that does not exist.
    """
    request = inversion_pb2.InvertRequest(settings=inversion_settings(generator, options))
    each = [photograph.target() for photograph in photographs(images, options)]
    request.targets.extend(target for target, _ in each)
    if (size := request.ByteSize()) > MAX_MESSAGE_BYTES - _OVERHEAD:
        raise ResourceExhaustedError(
            f"{len(request.targets)} images take {size / _MIB:.1f} MiB together; at most {MAX_MESSAGE_BYTES // _MIB} "
            "MiB can be sent in one request: send fewer at a time, scale them down, or use Client.invert, which sends "
            "several requests"
        )
    return request, [framing for _, framing in each]


def _files(*inputs: Any) -> tuple[Path, ...]:
    """Those of the inputs that are files, where they are now: a program may go elsewhere before it saves."""
    return tuple(Path(file).absolute() for file in inputs if isinstance(file, str | os.PathLike))


def _masks(masks: Any, images: Sequence[ImageInput]) -> Sequence[ImageInput | None]:
    """A mask, or None, for each image."""
    if masks is None:
        return [None] * len(images)
    if is_image(masks):
        # Once for all: it is encoded, and refused, once.
        return [encode(masks, "the mask", mask=True)] * len(images)
    if isinstance(masks, Mapping) or not isinstance(masks, Iterable):
        raise InvalidArgumentError(f"masks: expected one mask, or a list of them, got {type(masks).__name__}")
    given = list(masks)
    listed((mask for mask in given if mask is not None), "mask")
    return _for_each("masks", given, images, one=False)


def _for_each(what: str, value: Any, images: Sequence[ImageInput], *, one: bool) -> Sequence[Any]:
    """A value for each image: the same `one` for all, or those of a list."""
    if one:
        return [value] * len(images)
    if len(value) != len(images):
        raise InvalidArgumentError(f"{len(images)} images but {len(value)} {what}: give one for all, or one for each")
    return list(value)


def _is_box(value: Any) -> bool:
    """Whether a value is meant as one region, rather than as a list of them."""
    return value is not None and not (isinstance(value, Sequence) and all(isinstance(each, Sequence) for each in value))


def _regions(boxes: Sequence[Any]) -> tuple[Box, ...]:
    if len(boxes) > _MAX_REGIONS:
        raise InvalidArgumentError(
            f"{len(boxes)} regions to ignore, at most {_MAX_REGIONS} are taken: give a mask instead"
        )
    return tuple(_box(box) for box in boxes)


def _box(values: Any) -> Box:
    return Box(*_whole_numbers(values, "a region to ignore", Box._fields, "(left, top, width, height),"))


def _crop(values: Any) -> Crop:
    return Crop(*_whole_numbers(values, "a crop", Crop._fields, "(left, top, size), a square in pixels;"))


def _whole_numbers(values: Any, what: str, names: Sequence[str], form: str) -> list[int]:
    """The numbers of a rectangle: where it begins, and sizes of 1 at least."""
    if not isinstance(values, Sequence) or len(values) != len(names):
        raise InvalidArgumentError(f"{what} is {form} got {values!r}")
    return [
        whole_number(f"{name} of {what}", value, minimum=0 if name in ("left", "top") else 1)
        for name, value in zip(names, values, strict=True)
    ]
