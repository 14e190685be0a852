"""Traversal along a direction as the client holds it: frames, each with its latent and its distance from the start."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from PIL import Image

from pullback_api.sounds import Sound, write_wav
from pullback_api.v1 import directions_pb2
from pullback_client.directions.frame import Frame
from pullback_client.directions.pictures import check_upscale, enlarged_animation, labelled_strip
from pullback_client.directions.video import FPS, Rate, encode_mp4
from pullback_client.errors import BadResponseError, InvalidArgumentError
from pullback_client.files.atomic import delete, write_bytes, write_json, write_npz, write_png
from pullback_client.text import markup
from pullback_client.wire.codec import Array, image_from_wire
from pullback_client.wire.fields import as_dict
from pullback_client.wire.sounds import sound_from_wire

FRAME_FILES = ("frame-[0-9]*.png", "frame-[0-9]*.wav")
"""The patterns of the frames that `Traversal.save` puts into a folder."""

FOLDER_FILES = ("strip.png", "animation.gif", "strip.wav", "traversal.npz", "traversal.json")
"""What it puts there besides, in this order: the animation of images alone, and the second strip of sounds."""

_CURVE = "TRAVERSAL_KIND_CURVE"


@dataclass(frozen=True, eq=False)
class Traversal(Sequence[Frame]):
    """A walk: a sequence of frames, in ascending order of their steps.

    Attributes:
        frames: The frames.
        space: Space of their latents.
        strip: All frames side by side; of a subspace as a grid. Of sounds, their spectrograms.
        animation: The frames forth and back, an animated GIF; empty of sounds.
        settings: How the walk went, under the contract's field names; what was left to the server is missing or empty.
        strip_sound: Of sounds, all frames one after the other; None of images.
    """

    frames: tuple[Frame, ...]
    space: str
    strip: Image.Image
    animation: bytes
    settings: dict[str, Any]
    strip_sound: Sound | None = None

    @classmethod
    def read(
        cls, pieces: Iterable[directions_pb2.TraverseResponse], request: directions_pb2.TraverseRequest
    ) -> Traversal:
        """The record of a stream.

        Args:
            pieces: The answers to the request, which asked for strip and animation.
            request: What was asked for.

        Raises:
            BadResponseError: The stream ended too early, or a part cannot be read.
        """
        frames: list[Frame] = []
        end: directions_pb2.TraversalEnd | None = None
        for piece in pieces:
            if piece.HasField("frame"):
                frames.append(Frame.from_wire(piece.frame))
            else:
                end = piece.end
        if end is None or end.frames != len(frames) or not frames:
            told = "no end" if end is None else f"an end after {end.frames} frames"
            raise BadResponseError(f"a walk of {len(frames)} frames came with {told}; walk again")
        settings = as_dict(request)
        for name in ("latent", "strip", "animation", "format"):
            settings.pop(name, None)
        if request.HasField("end"):
            settings["end"] = "the last frame's latent"
        sound = sound_from_wire(end.strip, "strip")
        strip = image_from_wire(end.strip, "strip") if sound is None else _side_by_side(frames)
        return cls(tuple(frames), end.space, strip, end.animation, settings, sound)

    def __len__(self) -> int:
        return len(self.frames)

    @overload
    def __getitem__(self, index: int) -> Frame: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Frame, ...]: ...

    def __getitem__(self, index: int | slice) -> Frame | tuple[Frame, ...]:
        """One frame, or several."""
        return self.frames[index]

    @property
    def images(self) -> list[Image.Image]:
        """The frames' images."""
        return [frame.image for frame in self.frames]

    @property
    def latents(self) -> Array:
        """Their latents, float32, shape (frames, dim)."""
        return np.stack([frame.latent for frame in self.frames])

    @property
    def steps(self) -> Array:
        """Where they lie along the direction, shape (frames,)."""
        return np.array([frame.step for frame in self.frames])

    @property
    def distances(self) -> Array:
        """Their image distances from the start, shape (frames,)."""
        return np.array([frame.distance for frame in self.frames])

    @property
    def provenance(self) -> dict[str, Any]:
        """How the walk went, and the steps and distances of its frames, as plain values."""
        frames = [
            {"step": frame.step, "second_step": frame.second_step, "distance": frame.distance} for frame in self.frames
        ]
        return {"settings": self.settings, "space": self.space, "frames": frames}

    @property
    def step_unit(self) -> str:
        """What steps are counted in, in letters that every font has."""
        if "end" in self.settings:
            return "parts of the way"  # from one latent to another
        # A curve has no rate of its own to count by.
        in_latent = self.settings.get("unit") == "STEP_UNIT_LATENT" or self.settings.get("kind") == _CURVE
        return "units of the latent" if in_latent else "units of rate^(-1/2)"

    def _repr_html_(self) -> str:
        places = list(zip(self.steps, self.distances, strict=True))
        return markup.card(
            f"{len(self)} frames in {self.space}",
            markup.picture(self.strip, self.step_unit + ", from the first to the last frame", side=96),
            markup.animation(self.animation, "forth and back") if self.animation else "",
            markup.curves("image distance from the start", self.step_unit, {"distance": places}),
        )

    def _repr_png_(self) -> bytes:
        return markup.png(self.labelled_strip())

    def labelled_strip(self, upscale: int = 1) -> Image.Image:
        """The strip as people look at it: enlarged, with the steps written below.

        Args:
            upscale: Every pixel becomes a square of so many, ≥ 1; letters keep a size that can be read.

        Raises:
            InvalidArgumentError: Not such a number, or one that makes too large a picture.
        """
        times = check_upscale(upscale, self.frames[0].image.size, len(self))
        return labelled_strip(self.strip, self.frames, times, self.step_unit)

    def enlarged_animation(self, upscale: int = 1) -> bytes:
        """The animation with every pixel as a square; arguments and errors as for `labelled_strip`.

        Raises:
            InvalidArgumentError: A walk of sounds has none, too.
        """
        if not self.animation:
            raise InvalidArgumentError("a walk of sounds has no animation: take the strip, .png or .wav")
        # Forth and back, each frame but the ends is there twice.
        return enlarged_animation(
            self.animation, check_upscale(upscale, self.frames[0].image.size, max(2 * len(self) - 2, 1))
        )

    def video(self, upscale: int = 1, fps: Rate = FPS) -> bytes:
        """The frames forth and back as an MP4 file (H.264), which begins where it ends, to be played in a loop.

        Args:
            upscale: Every pixel becomes a square of so many, ≥ 1; an even number keeps the colours of each.
            fps: Frames a second, from 1/60 to 240.

        Raises:
            FailedPreconditionError: PyAV, of the `video` extra, is not installed.
            InvalidArgumentError: A walk of sounds has none; another number of frames a second; a side of more than
                4,096 pixels.
        """
        if self.strip_sound is not None:
            raise InvalidArgumentError("a walk of sounds has no video: take the strip, .png or .wav")
        # The two ends are not shown twice in a row, as in the animation.
        return encode_mp4([*self.images, *self.images[-2:0:-1]], fps, upscale)

    def save(self, path: str | os.PathLike[str], *, upscale: int = 1, fps: Rate = FPS) -> list[Path]:
        """Writes the walk, each file atomically; files that exist are replaced.

        Args:
            path: `.png`: the strip, with the steps below. `.gif`: the animation. `.mp4`: the same as a video, see
                `video`. `.wav`: the strip of sounds. `.npz`: `latents`, `steps`, `second_steps`, `distances` and
                `provenance` (a JSON text). `.json`: the provenance. Without a suffix, or an existing folder: a folder
                that gets `frame-000.png` and so on, `strip.png`, `animation.gif`, `traversal.npz` and
                `traversal.json`; of sounds `frame-000.wav` and so on besides, and `strip.wav` in the place of the
                animation. What another walk left of all these is deleted.
            upscale: Strip, animation and video so many times as large, pixel by pixel; frames stay as they were drawn.
            fps: Frames a second of a video.

        Returns:
            The files written.

        Raises:
            InvalidArgumentError: Another suffix, or an `upscale` that makes too large a picture; nothing is written.
            FailedPreconditionError: A video, and PyAV is not installed.
        """
        path = Path(path)
        if path.is_dir() or not path.suffix:
            return self._save_folder(path, upscale)
        match path.suffix.lower():
            case ".png":
                write_png(path, self.labelled_strip(upscale))
            case ".gif":
                write_bytes(path, self.enlarged_animation(upscale))
            case ".mp4":
                write_bytes(path, self.video(upscale, fps))
            case ".wav" if self.strip_sound is not None:
                write_bytes(path, write_wav(self.strip_sound))
            case ".npz":
                second_steps = np.array([frame.second_step for frame in self.frames])
                arrays = {"latents": self.latents, "steps": self.steps, "distances": self.distances}
                write_npz(path, arrays | {"second_steps": second_steps}, self.provenance)
            case ".json":
                write_json(path, self.provenance)
            case suffix:
                known = ".gif, .mp4" if self.strip_sound is None else ".wav"
                raise InvalidArgumentError(
                    f"cannot save a walk as {suffix!r}: expected .png, {known}, .npz, .json, or a folder"
                )
        return [path]

    def _save_folder(self, folder: Path, upscale: int) -> list[Path]:
        check_upscale(upscale, self.frames[0].image.size, max(2 * len(self) - 2, 1))  # before anything is written
        images = [folder / f"frame-{frame.index:03}.png" for frame in self.frames]
        sounds = {file.with_suffix(".wav"): f.sound for file, f in zip(images, self.frames, strict=True) if f.sound}
        for stale in {file for pattern in FRAME_FILES for file in folder.glob(pattern)} - {*images, *sounds}:
            delete(stale)
        for file, frame in zip(images, self.frames, strict=True):
            write_png(file, frame.image)
        for file, sound in sounds.items():
            write_bytes(file, write_wav(sound))
        without = {"animation.gif"} if self.strip_sound else {"strip.wav"}
        for name in without:
            # Of an earlier walk.
            delete(folder / name)
        # Last, what tells of all the rest.
        others = [name for name in FOLDER_FILES if name not in without]
        return [*images, *sounds, *(file for name in others for file in self.save(folder / name, upscale=upscale))]


def _side_by_side(frames: Sequence[Frame]) -> Image.Image:
    """The frames' images in rows: one, or of a subspace one for each step along the second direction."""
    width, height = frames[0].image.size
    columns = sum(frame.second_step == frames[0].second_step for frame in frames)
    strip = Image.new(frames[0].image.mode, (columns * width, len(frames) // columns * height))
    for number, frame in enumerate(frames):
        strip.paste(frame.image, (number % columns * width, number // columns * height))
    return strip
