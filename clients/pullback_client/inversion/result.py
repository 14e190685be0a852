"""Inversion of a photograph as the client holds it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from pullback_api.sounds import Sound, write_wav
from pullback_client.errors import ClientError
from pullback_client.files import protected_files
from pullback_client.images import ImageInput, open_photograph
from pullback_client.inversion import files
from pullback_client.inversion.framing import WHOLE, Framing
from pullback_client.inversion.pasting import FEATHER, Alignment, paste
from pullback_client.text import markup
from pullback_client.wire.codec import Array
from pullback_client.wire.names import id_of


@dataclass(frozen=True, eq=False)
class Solution:
    """One of the best latents for a photograph.

    Attributes:
        latent: The latent; float32, shape (dim,).
        image: Its image, at the generator's size.
        distance: Image distance to the photograph.
        loss: The weighted loss.
        restart: The restart that found it, from 0.
        step: After how many updates.
        alignment: Where it lies within the photograph; None where that was not searched.
        class_label: Its class, the nearest where the class was free; empty where the generator has none, and in `w` and
            `w+` where none was given.
        framing: Which part of the photograph was compared, and what of it counted, as far as this client knows.
        noise_maps: The noise maps that its image was drawn with, from the first layer on, each float32, shape (height,
            width); empty where none were searched.
        sound: Of a generator of sounds, its sound; `image` is the spectrogram then. None of images.
    """

    latent: Array
    image: Image.Image
    distance: float
    loss: float
    restart: int
    step: int
    alignment: Alignment | None
    class_label: str
    framing: Framing = WHOLE
    noise_maps: tuple[Array, ...] = ()
    sound: Sound | None = None

    def paste_back(
        self, photograph: ImageInput, *, feather: float = FEATHER, framing: Framing | None = None
    ) -> Image.Image:
        """`Inversion.paste_back` of this solution."""
        framing = self.framing if framing is None else framing
        return paste(self.image, open_photograph(photograph), self.alignment or Alignment(), framing, feather)


class BestSoFar(NamedTuple):
    """The course of an inversion: what was best after each number of updates, over all restarts; each (steps + 1,).

    Attributes:
        evaluations: Evaluations of the generator by then, every update of a restart counted alike.
        distance: Image distance of the latent with the lowest loss.
        loss: Its loss.
    """

    evaluations: Array
    distance: Array
    loss: Array


@dataclass(frozen=True, eq=False)
class Inversion:
    """What inverting one photograph found.

    Attributes:
        label: Name of the photograph's file, empty where it came as an image.
        latent: The best latent over all restarts and steps, by loss; float32, shape (dim,).
        image: Its image, at the generator's size.
        target: The photograph as it was compared, at the generator's size.
        aligned_target: The photograph within the frame of the reconstruction, which is what `image` resembles, at the
            generator's size; None where the alignment was not searched.
        distance: Image distance between the two.
        loss: The weighted loss at `latent`.
        best_restart: The restart that found it, from 0.
        best_step: After how many updates.
        solutions: The best solutions, best first; the first is the one above.
        evaluations: Evaluations of the generator that this photograph took.
        distance_trace: Image distance after k updates at [restart, k], NaN where the restart was given up before;
            float32, shape (restarts, steps + 1).
        loss_trace: The loss likewise.
        restart_latents: The best latent of every restart; float32, shape (restarts, dim).
        settings: How it was computed, every default filled in, under the contract's field names.
        name: Resource name of the inversion, `inversions/{id}`.
        job: Resource name of the job that computed it.
        compute_seconds: Seconds that the optimization of all photographs of the request took on the worker.
        generator_weights_hash: SHA-256 of the generator's weight file.
        distance_weights_hash: SHA-256 of the distance's; empty where it has no weights.
        version: Version of Pullback that computed it.
        created: When.
        tuning: Resource name of the weights that were tuned to the photograph, with which `Client.render` of `latent`
            draws it; empty where none were.
        target_sound: Of a generator of sounds, the sound as it was compared; `target` is its spectrogram then. None of
            images.
    """

    label: str
    latent: Array
    image: Image.Image
    target: Image.Image
    aligned_target: Image.Image | None
    distance: float
    loss: float
    best_restart: int
    best_step: int
    solutions: tuple[Solution, ...]
    evaluations: int
    distance_trace: Array
    loss_trace: Array
    restart_latents: Array
    settings: dict[str, Any]
    name: str
    job: str
    compute_seconds: float
    generator_weights_hash: str
    distance_weights_hash: str
    version: str
    created: datetime
    tuning: str = ""
    target_sound: Sound | None = None

    @property
    def sound(self) -> Sound | None:
        """Of a generator of sounds, the sound that was found; `image` is its spectrogram then. None of images."""
        return self.solutions[0].sound

    @property
    def alignment(self) -> Alignment | None:
        """Where the reconstruction lies within the photograph; None where that was not searched."""
        return self.solutions[0].alignment

    @property
    def framing(self) -> Framing:
        """Which part of the photograph was compared, and what of it counted, as far as this client knows.

        It knows of what it asked for itself; a result that `get_inversion` fetched by its name comes without.
        """
        return self.solutions[0].framing

    @property
    def noise_maps(self) -> tuple[Array, ...]:
        """The noise maps that `image` was drawn with, from the first layer on; empty where none were searched.

        `Client.render` draws it again with them, and a walk from this inversion has them in every frame.
        """
        return self.solutions[0].noise_maps

    @property
    def class_label(self) -> str:
        """The class, the nearest where it was free; empty where the generator has none."""
        return self.solutions[0].class_label

    @property
    def trace(self) -> Array:
        """The distance trace of the restart that found the best latent, shape (steps + 1,), NaN once it is given up."""
        trace: Array = self.distance_trace[self.best_restart]
        return trace

    @property
    def provenance(self) -> dict[str, Any]:
        """What was computed from what, as plain values: all but images, latents and traces."""
        fields = (
            "label name job distance loss best_restart best_step evaluations compute_seconds settings "
            "generator_weights_hash distance_weights_hash version"
        )
        return {name: getattr(self, name) for name in fields.split()} | {
            "created": self.created.isoformat(),
            "solutions": [_plain(solution) for solution in self.solutions],
            "framing": self.framing.provenance,
            **({"tuning": self.tuning} if self.tuning else {}),
        }

    def _repr_html_(self) -> str:
        course = self.best_so_far()
        return markup.card(
            self.label or self.name,
            markup.picture(self.aligned_target or self.target, "the photograph as it was compared"),
            markup.picture(self.image, f"what was found, distance {self.distance:.4g}"),
            markup.curves(
                "image distance, best so far",
                "evaluations",
                {"distance": list(zip(course.evaluations, course.distance, strict=True))},
                logarithmic=True,
            ),
            markup.facts(
                {
                    "generator": id_of(self.settings["generator"]),
                    "space": self.settings["space"],
                    "distance": self.distance,
                    "evaluations": self.evaluations,
                    "seconds": self.compute_seconds,
                }
                | ({"class": self.class_label} if self.class_label else {})
            ),
        )

    def _repr_png_(self) -> bytes:
        return markup.png(self.image)

    def framed(self, framing: Framing) -> Inversion:
        """The same with another framing, such as that of the request of a result that was fetched by its name."""
        return replace(self, solutions=tuple(replace(solution, framing=framing) for solution in self.solutions))

    def best_so_far(self) -> BestSoFar:
        """What was best after each number of updates, by loss, and after how many evaluations that was."""
        losses = np.where(np.isfinite(self.loss_trace), self.loss_trace, np.inf)
        restart = np.argmin(losses, axis=0)  # the best restart after exactly k updates
        steps = np.arange(losses.shape[1])
        lowest = np.minimum.accumulate(losses[restart, steps])
        # The latest step at which the loss was lowered is where the best latent after k updates comes from.
        lowered = np.concatenate([[True], lowest[1:] < lowest[:-1]])
        step = np.maximum.accumulate(np.where(lowered, steps, 0))
        # Restarts that were given up take no more evaluations; those that go on share what there was.
        going = np.cumsum(np.isfinite(self.loss_trace).sum(axis=0))
        evaluations = self.evaluations * going / max(going[-1], 1)
        return BestSoFar(evaluations, self.distance_trace[restart[step], step], lowest)

    def paste_back(
        self, photograph: ImageInput, *, feather: float = FEATHER, framing: Framing | None = None
    ) -> Image.Image:
        """The photograph with the reconstruction in its place.

        The reconstruction is scaled up to where the alignment puts it; where none was searched, that is the part of
        the photograph that was compared: all of it, its crop, or its centred crop. What a mask or a region to ignore
        hid stays the photograph's own, pixel by pixel.

        Args:
            photograph: The one that was inverted, at whatever resolution; the result has its size.
            feather: Width of the edge over which the reconstruction fades into the photograph, in sides of its frame,
                0 (a hard edge) to 0.5.
            framing: What was cut out and hidden; None = what this result knows of it.

        Returns:
            An RGB image, upright, in the sRGB colour space.

        Raises:
            InvalidArgumentError: The photograph or the mask cannot be read, or `feather` is out of range.
        """
        return self.solutions[0].paste_back(photograph, feather=feather, framing=framing)

    def save(self, path: str | os.PathLike[str]) -> list[Path]:
        """Writes the result, each file atomically; files that exist are replaced, but never the photograph.

        Args:
            path: `.png`: the image. `.wav`: the sound. `.npz`: `latent`, `solution_latents`, `restart_latents`,
                `distance_trace`, `loss_trace`, where they were searched the noise maps of the solutions, stacked
                (`noise_map_0`, of the first layer, and so on), and `provenance` (a JSON text). `.safetensors`: the same
                with the pictures as arrays of uint8, and WAV files as their bytes, and the provenance as metadata;
                `Inversion.load` reads it. `.json`: the provenance. Without a suffix, or an existing folder: a folder
                that gets `image.png`, `target.png`, `inversion.npz`, `inversion.safetensors` and `inversion.json`;
                where the alignment was searched
                `aligned_target.png`, and of several solutions `solution-1.png`, `solution-2.png` and so on. Of sounds
                these pictures are spectrograms, and beside them are `sound.wav`, `target.wav`, `solution-1.wav`.

        Returns:
            The files written.

        Raises:
            InvalidArgumentError: Another suffix, or it would be written over the file of the photograph or its mask.
        """
        with protected_files.keeping(self.framing.originals):
            return files.save(self._content(), Path(path))

    def encoded(self) -> dict[str, bytes]:
        """The files that `save` writes into a folder, by their names, without a disk."""
        return files.encoded(self._content())

    def _content(self) -> files.InversionContent:
        pictures = {name: getattr(self, name) for name in files.PICTURES}
        return files.InversionContent(
            provenance=self.provenance,
            arrays={name: getattr(self, name) for name in files.ARRAYS},
            pictures={name: picture for name, picture in pictures.items() if picture is not None},
            solution_latents=[solution.latent for solution in self.solutions],
            solution_images=[solution.image for solution in self.solutions],
            mask=self.framing.mask,
            sounds=_files_of({"sound": self.sound, "target": self.target_sound}),
            solution_sounds=[write_wav(each.sound) for each in self.solutions if each.sound is not None],
            noise_maps=[np.stack(layer) for layer in zip(*(each.noise_maps for each in self.solutions), strict=True)],
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Inversion:
        """Reads a result that `save` wrote as `.safetensors`.

        Raises:
            InvalidArgumentError: There is no such file, or it is not one that `save` wrote.
        """
        content = files.load(Path(path))
        framing = Framing.read(content.pop("framing", None), content.pop("mask_file", None))
        maps, sounds = content.pop("noise_maps"), content.pop("solution_sounds")
        solutions = [
            Solution(
                latent=latent,
                image=image,
                noise_maps=tuple(layer[number] for layer in maps),
                sound=sounds[number] if sounds else None,
                alignment=None if scalars["alignment"] is None else Alignment(**scalars["alignment"]),
                framing=framing,
                **{name: scalars[name] for name in SOLUTION_SCALARS},
            )
            for number, (latent, image, scalars) in enumerate(
                zip(
                    content.pop("solution_latents"),
                    content.pop("solution_images"),
                    content.pop("solutions"),
                    strict=True,
                )
            )
        ]
        created = datetime.fromisoformat(content.pop("created"))
        return cls(solutions=tuple(solutions), created=created, **content)


@dataclass(frozen=True, eq=False)
class InversionFailure:
    """A photograph of several that could not be inverted.

    Attributes:
        label: Name of the photograph's file, empty where it came as an image.
        error: Why.
    """

    label: str
    error: ClientError


InversionOutcome: TypeAlias = Inversion | InversionFailure
"""What became of one photograph of several."""

SOLUTION_SCALARS = ("distance", "loss", "restart", "step", "class_label")


def _files_of(sounds: dict[str, Sound | None]) -> dict[str, bytes]:
    """The WAV files of those that there are."""
    return {name: write_wav(sound) for name, sound in sounds.items() if sound is not None}


def _plain(solution: Solution) -> dict[str, Any]:
    scalars = {name: getattr(solution, name) for name in SOLUTION_SCALARS}
    return scalars | {"alignment": None if solution.alignment is None else solution.alignment._asdict()}
