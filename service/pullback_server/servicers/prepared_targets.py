"""Targets whose photographs are read, at the generator's size."""

from __future__ import annotations

from pullback.generators import CatalogueEntry
from pullback_api.v1 import inversion_pb2, values_pb2
from pullback_server.decoding import Decoders
from pullback_server.decoding.images import Rectangle


async def prepared_target(
    decoders: Decoders, target: inversion_pb2.Target, generator: CatalogueEntry
) -> inversion_pb2.Target:
    """A target with photograph and mask as PNG files of the generator's size.

    Raises:
        ImageError: The photograph or the mask cannot be used.
    """
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

    prepared = inversion_pb2.Target(label=target.label, class_label=target.class_label, image=image(files.image))
    if files.mask is not None:
        prepared.mask.CopyFrom(image(files.mask))
    if target.HasField("start"):
        prepared.start.CopyFrom(target.start)
    return prepared
