"""The server's decoders: photographs and sounds to targets, in processes that a malformed file can only end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from pullback_server.decoding.images import ImageError, PreparedTarget, Rectangle
from pullback_server.processes.disposable import Disposable, Limits, TaskFailedError
from pullback_server.processes.frames import Header
from pullback_server.protocol.calls import Presentation, SoundShape

_MIB = 1024 * 1024
# An image of 16 million pixels takes 64 MB, and up to three copies of it are there at a time.
SMALL = Limits(processes=2, waiting=32, memory_bytes=448 * _MIB, cpu_seconds=30, wall_seconds=120.0, tasks=200)
# The largest that are taken, of 64 million pixels.
LARGE = Limits(processes=1, waiting=16, memory_bytes=1408 * _MIB, cpu_seconds=60, wall_seconds=240.0, tasks=4)
_ADVICE = "save it anew as an ordinary JPEG or PNG file, or scale it down"


class Decoders:
    """Decodes what came from outside.

    Args:
        disposable: What the decoding is done in.
    """

    def __init__(self, disposable: type[Disposable] = Disposable) -> None:
        module = "pullback_server.decoding.tasks"
        self._small = disposable(module, "photographs", SMALL)
        self._large = disposable(module, "large photographs", LARGE)

    async def close(self) -> None:
        """Ends all processes."""
        await self._small.close()
        await self._large.close()

    async def prepare(
        self,
        data: bytes,
        mask: bytes | None,
        *,
        image_shape: tuple[int, int, int],
        center_crop: bool,
        ignore: Sequence[Rectangle] = (),
    ) -> PreparedTarget:
        """As `images.prepare`, elsewhere.

        Args:
            data: An image file.
            mask: An image file of the same pixel size, or none.
            image_shape: (C, H, W) of the images that the target is compared with.
            center_crop: Cut the largest centred part of the right aspect; otherwise another aspect is an error.
            ignore: Regions of the upright photograph that the mask hides too.

        Raises:
            ImageError: As `images.prepare`; or the file takes more time or memory than any photograph, or is so
                malformed that its decoder crashes.
            ApiError: RESOURCE_EXHAUSTED where too many wait already.
        """
        header = {
            "image_shape": image_shape,
            "center_crop": center_crop,
            "ignore": [(box.left, box.top, box.width, box.height) for box in ignore],
        }
        _, made = await self._work(header, [data] if mask is None else [data, mask])
        return PreparedTarget(made[0], made[1] if len(made) > 1 else None)

    async def prepare_sound(self, data: bytes, shape: SoundShape, *, converted: bool) -> bytes:
        """As `sounds.prepare_sound`, elsewhere.

        Raises:
            ImageError: As `sounds.prepare_sound`; or the file takes more time or memory than any sound.
            ApiError: RESOURCE_EXHAUSTED where too many wait already.
        """
        _, (made,) = await self._work({"sound": asdict(shape), "converted": converted}, [data])
        return made

    async def as_shown(
        self, data: bytes, *, image_shape: tuple[int, int, int], presentation: Presentation, image_format: str
    ) -> tuple[bytes, int, int]:
        """A reference image's file as it is shown, its width and its height.

        Args:
            data: An image file; its largest centred part of the right aspect is shown.
            image_shape: (C, H, W) of the images beside which it is shown.
            presentation: What they look like.
            image_format: `PNG` or `JPEG`.

        Raises:
            ImageError, ApiError: As `prepare`.
        """
        shown = {**asdict(presentation), "format": image_format}
        header = {"image_shape": image_shape, "center_crop": True, "ignore": [], "shown": shown}
        answer, made = await self._work(header, [data])
        width, height = answer["size"]
        return made[0], int(width), int(height)

    async def _work(self, header: Header, parts: Sequence[bytes]) -> tuple[Header, list[bytes]]:
        try:
            answer, made = await self._small.call({**header, "small": True}, parts)
            if answer.get("large"):
                answer, made = await self._large.call({**header, "small": False}, parts)
        except TaskFailedError as error:
            raise ImageError(f"the file cannot be decoded here: {error}; {_ADVICE}") from None
        if "fault" in answer:
            raise ImageError(str(answer["fault"]), str(answer["part"]))
        return answer, made
