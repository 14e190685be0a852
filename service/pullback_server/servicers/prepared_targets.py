"""Targets whose photographs, or sounds, are read, as the generator draws them."""

from __future__ import annotations

from pullback.generators import CatalogueEntry
from pullback_api.v1 import inversion_pb2, values_pb2
from pullback_server.decoding import Decoders
from pullback_server.decoding.images import Rectangle
from pullback_server.specs.common import sound_shape


async def prepared_target(
    decoders: Decoders, target: inversion_pb2.Target, generator: CatalogueEntry
) -> inversion_pb2.Target:
    """A target with photograph and mask as PNG files of the generator's size; with its sound as a WAV file.

    Raises:
        ImageError: The photograph, the mask or the sound cannot be used.
    """
    prepared = inversion_pb2.Target(label=target.label, class_label=target.class_label)
    if target.HasField("start"):
        prepared.start.CopyFrom(target.start)
    if generator.draws == "sounds":
        shape = sound_shape(generator)
        converted = target.fit == inversion_pb2.FIT_CONVERT
        data = await decoders.prepare_sound(target.image.data, shape, converted=converted)
        prepared.image.CopyFrom(
            values_pb2.Image(data=data, format=values_pb2.IMAGE_FORMAT_WAV, width=shape.length, height=0)
        )
        return prepared
    files = await decoders.prepare(
        target.image.data,
        target.mask.data if target.HasField("mask") else None,
        image_shape=generator.picture_shape,
        center_crop=target.fit == inversion_pb2.FIT_CENTER_CROP,
        ignore=[Rectangle(box.left, box.top, box.width, box.height) for box in target.ignore],
    )
    _, height, width = generator.picture_shape

    def image(data: bytes) -> values_pb2.Image:
        return values_pb2.Image(data=data, format=values_pb2.IMAGE_FORMAT_PNG, width=width, height=height)

    prepared.image.CopyFrom(image(files.image))
    if files.mask is not None:
        prepared.mask.CopyFrom(image(files.mask))
    return prepared
