"""Edit of a photograph: the inversion, the walk, and the image at its strength."""

from __future__ import annotations

import math
import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from pullback_api.sounds import Sound, write_wav
from pullback_client.directions.frame import Frame
from pullback_client.directions.pictures import check_upscale
from pullback_client.directions.traversal import Traversal
from pullback_client.directions.walk_options import WalkOptions
from pullback_client.errors import InvalidArgumentError
from pullback_client.files import protected_files
from pullback_client.files.atomic import delete, write_bytes, write_json, write_png
from pullback_client.images import ImageInput, open_photograph
from pullback_client.inversion.framing import Framing
from pullback_client.inversion.pasting import FEATHER, Alignment, paste
from pullback_client.inversion.result import Inversion, InversionFailure
from pullback_client.text import markup

EDIT_FILES = ("edited.png", "inverted.png", "strip.png", "animation.gif", "walk.npz", "inversion.safetensors")
"""What `Edit.save` puts into a folder, besides `pasted.png` and `edit.json`."""

EDIT_SOUNDS = ("edited.wav", "inverted.wav", "strip.wav")
"""What it puts there besides of a sound, in the place of the animation."""


@dataclass(frozen=True, eq=False)
class Edit:
    """A photograph that was edited.

    Attributes:
        inversion: What inverting it found; the walk starts there.
        traversal: The walk from there to the strength.
        strength: How far, signed, in the walk's unit.
    """

    inversion: Inversion
    traversal: Traversal
    strength: float

    @property
    def label(self) -> str:
        """Name of the photograph's file, empty where it came as an image."""
        return self.inversion.label

    @property
    def frame(self) -> Frame:
        """The frame of the walk at the strength: its end."""
        return self.traversal[-1 if self.strength > 0 else 0]

    @property
    def image(self) -> Image.Image:
        """The edited image, at the generator's size; of a sound its spectrogram."""
        return self.frame.image

    @property
    def sound(self) -> Sound | None:
        """The edited sound; None of images."""
        return self.frame.sound

    @property
    def provenance(self) -> dict[str, Any]:
        """What was computed from what, as plain values."""
        return {
            "strength": self.strength,
            "distance": self.frame.distance,
            "inversion": self.inversion.provenance,
            "walk": self.traversal.provenance,
        }

    def _repr_html_(self) -> str:
        return markup.card(
            f"{self.label or 'a photograph'}, edited with strength {self.strength:g}",
            markup.picture(self.inversion.target, "the photograph"),
            markup.picture(self.inversion.image, "what was found for it"),
            markup.picture(self.image, f"edited, distance {self.frame.distance:.4g}"),
            markup.picture(self.traversal.strip, "the way there", side=64),
        )

    def _repr_png_(self) -> bytes:
        return markup.png(self.image)

    def paste_back(
        self, photograph: ImageInput, *, feather: float = FEATHER, framing: Framing | None = None
    ) -> Image.Image:
        """The photograph with the edited image in its place; see `Inversion.paste_back`."""
        found = self.inversion
        framing = found.framing if framing is None else framing
        return paste(self.image, open_photograph(photograph), found.alignment or Alignment(), framing, feather)

    def save(
        self,
        path: str | os.PathLike[str],
        photograph: ImageInput | None = None,
        *,
        feather: float = FEATHER,
        upscale: int = 1,
    ) -> list[Path]:
        """Writes the edit, each file atomically; files that exist are replaced, but never the photograph.

        Args:
            path: `.png`: the edited image. `.wav`: the edited sound. `.json`: the provenance. Without a suffix, or an
                existing folder: a folder that gets `edited.png`, `inverted.png`, `strip.png` and `animation.gif` (the
                walk), `walk.npz`, `inversion.safetensors` and `edit.json`; of sounds `edited.wav`, `inverted.wav` and
                `strip.wav` beside the pictures, and no animation.
            photograph: The photograph, to lay the edited image back into: of a folder `pasted.png` then; of `.png`,
                what is written. None = not pasted; a `pasted.png` of an earlier edit in the folder is deleted.
            feather: Of the pasted image; see `Inversion.paste_back`.
            upscale: Strip and animation of a folder so many times as large, pixel by pixel; the edited image itself
                stays as it was drawn.

        Returns:
            The files written.

        Raises:
            InvalidArgumentError: Another suffix, a photograph that cannot be read, an `upscale` that makes too large a
                picture, or one of the files would be the photograph.
        """
        pasted = None if photograph is None else self.paste_back(photograph, feather=feather)
        with protected_files.keeping([photograph]):
            return self._save(Path(path), pasted, upscale)

    def _save(self, path: Path, pasted: Image.Image | None, upscale: int) -> list[Path]:
        if path.is_dir() or not path.suffix:
            return self._save_folder(path, pasted, upscale)
        match path.suffix.lower():
            case ".png":
                write_png(path, self.image if pasted is None else pasted)
            case ".wav" if self.sound is not None:
                write_bytes(path, write_wav(self.sound))
            case ".json":
                write_json(path, self.provenance)
            case suffix:
                known = ".png" if self.sound is None else ".png, .wav"
                raise InvalidArgumentError(f"cannot save an edit as {suffix!r}: expected {known}, .json, or a folder")
        return [path]

    def _save_folder(self, folder: Path, pasted: Image.Image | None, upscale: int) -> list[Path]:
        check_upscale(upscale, self.image.size, 2 * len(self.traversal) - 2)  # before anything is written
        protected_files.refuse(folder / name for name in (*EDIT_FILES, *EDIT_SOUNDS, "pasted.png", "edit.json"))
        edited, inverted, strip, animation, walk, inversion = (folder / name for name in EDIT_FILES)
        write_png(edited, self.image)
        write_png(inverted, self.inversion.image)
        walked = [strip, walk]
        if self.sound is None:
            walked.insert(1, animation)
        else:
            walked.insert(1, folder / "strip.wav")
            self._save(folder / "edited.wav", None, upscale)
            self.inversion.save(folder / "inverted.wav")
            delete(animation)  # of an earlier edit
        for file in walked:
            self.traversal.save(file, upscale=upscale)
        self.inversion.save(inversion)
        written = [edited, inverted, *walked, inversion]
        if self.sound is not None:
            written += [folder / "edited.wav", folder / "inverted.wav"]
        if pasted is None:
            delete(folder / "pasted.png")
        else:
            write_png(folder / "pasted.png", pasted)
            written.append(folder / "pasted.png")
        # Last, what tells of all the rest.
        write_json(folder / "edit.json", self.provenance)
        return [*written, folder / "edit.json"]


EditOutcome: TypeAlias = Edit | InversionFailure
"""What became of one photograph of several."""

EditOutcomes: TypeAlias = Generator[EditOutcome, None, None]


def edit_walk(strength: float, walk: WalkOptions) -> WalkOptions:
    """The walk of an edit: from the inversion to the strength.

    Args:
        strength: How far, signed.
        walk: Its other options.

    Raises:
        InvalidArgumentError: The strength is 0 or not finite, or the options say where the walk begins or ends.
    """
    if not math.isfinite(strength) or strength == 0:
        raise InvalidArgumentError(f"strength must be a finite number other than 0, got {strength!r}")
    if walk.get("first") is not None or walk.get("last") is not None:
        raise InvalidArgumentError("an edit walks from 0 to its strength: leave out first and last")
    if walk.get("kind") == "subspace":
        raise InvalidArgumentError("an edit has one strength, a subspace two directions: use Client.traverse")
    return {**walk, "first": min(0.0, strength), "last": max(0.0, strength)}
