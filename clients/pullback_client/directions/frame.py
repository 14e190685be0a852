"""Frame of a walk: its image, its latent, and its distance from the start."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from pullback_api.sounds import Sound
from pullback_api.v1 import directions_pb2
from pullback_client.wire.codec import Array, array_from_tensor, image_from_wire
from pullback_client.wire.sounds import sound_from_wire


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a walk.

    Attributes:
        index: From 0, in the order of the steps; of a subspace row by row, the second direction down.
        step: Where it lies along the direction, signed, in the walk's unit.
        second_step: Of a subspace, where it lies along the second direction; else 0.
        latent: Its latent; float32, shape (dim,). Of a walk with a mask the image is not that of the latent.
        distance: Image distance from the start.
        image: The image; of a sound its spectrogram.
        sound: The sound; None of images.
    """

    index: int
    step: float
    second_step: float
    latent: Array
    distance: float
    image: Image.Image
    sound: Sound | None = None

    @classmethod
    def from_wire(cls, message: directions_pb2.TraversalFrame) -> Frame:
        """The record of a message.

        Raises:
            BadResponseError: The latent or the image cannot be read.
        """
        return cls(
            index=message.index,
            step=message.step,
            second_step=message.second_step,
            latent=array_from_tensor(message.latent, f"latent of frame {message.index}"),
            distance=message.distance,
            image=image_from_wire(message.image, f"frame {message.index}"),
            sound=sound_from_wire(message.image, f"frame {message.index}"),
        )
