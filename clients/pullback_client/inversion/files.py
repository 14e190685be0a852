"""Files of an inversion, written and read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from PIL import Image
from safetensors import SafetensorError, safe_open

from pullback_api.sounds import Sound, SoundError, read_wav
from pullback_client.errors import InvalidArgumentError
from pullback_client.files.atomic import to_json, to_json_file, to_npz, to_png, write_bytes
from pullback_client.wire.codec import Array

_FORMAT = "pullback-inversion-1"
ARRAYS = ("latent", "restart_latents", "distance_trace", "loss_trace")
"""The arrays of an inversion besides those of its solutions."""
PICTURES = ("image", "target", "aligned_target")
"""The pictures of an inversion besides those of its solutions."""
_MASK = "mask_file"  # its bytes
_NOISE = "noise_map_"  # with the number of its layer
_SOUND, _SOLUTION_SOUNDS = "_sound_file", "solution_sound_files"  # their bytes


class InversionContent(NamedTuple):
    """What the files of an inversion hold.

    Attributes:
        provenance: What was computed from what, as plain values.
        arrays: By the names of `ARRAYS`.
        pictures: Those that there are of `PICTURES`, by name.
        solution_latents: The latents of the solutions, best first; each (dim,).
        solution_images: Their images.
        mask: The file of the mask; None = there is none.
        noise_maps: For each layer its noise maps, one of each solution, (solutions, height, width); empty = none.
        sounds: WAV files: `sound`, what was found, and `target`; empty of images.
        solution_sounds: Those of the solutions, all of one length; empty of images.
    """

    provenance: Mapping[str, Any]
    arrays: Mapping[str, Array]
    pictures: Mapping[str, Image.Image]
    solution_latents: Sequence[Array]
    solution_images: Sequence[Image.Image]
    mask: bytes | None
    noise_maps: Sequence[Array] = ()
    sounds: Mapping[str, bytes] = MappingProxyType({})
    solution_sounds: Sequence[bytes] = ()


def save(content: InversionContent, path: Path) -> list[Path]:
    """Writes an inversion by suffix, or as a folder; see `Inversion.save`."""
    if path.is_dir() or not path.suffix:
        files = encoded(content)
        for name, data in files.items():
            write_bytes(path / name, data)
        return [path / name for name in files]
    write_bytes(path, _encoded(content, path.suffix.lower()))
    return [path]


def encoded(content: InversionContent) -> dict[str, bytes]:
    """The files of an inversion's folder by their names, last what tells of all the rest."""
    pictures = {f"{name}.png": picture for name, picture in content.pictures.items() if name != "image"}
    if len(content.solution_images) > 1:
        pictures |= {f"solution-{n}.png": image for n, image in enumerate(content.solution_images, start=1)}
    parts = ("image.png", "inversion.npz", "inversion.safetensors", "inversion.json")
    files = {name: to_png(picture) for name, picture in pictures.items()}
    files |= {f"{name}.wav": data for name, data in content.sounds.items()}
    if len(content.solution_sounds) > 1:
        files |= {f"solution-{n}.wav": data for n, data in enumerate(content.solution_sounds, start=1)}
    return files | {name: _encoded(content, Path(name).suffix) for name in parts}


def load(path: Path) -> dict[str, Any]:
    """What a `.safetensors` file of `save` holds: the provenance's entries, and arrays and pictures by name.

    Raises:
        InvalidArgumentError: There is no such file, or it is not one that `save` wrote.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("pullback", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    except (OSError, SafetensorError, ValueError) as error:
        raise InvalidArgumentError(f"cannot read {path} as a safetensors file: {error}") from error
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise InvalidArgumentError(f"{path} is not an inversion that was saved as .safetensors")
    if missing := [name for name in ("solution_images", *ARRAYS) if name not in tensors]:
        raise InvalidArgumentError(f"{path} is an inversion's file that lacks {', '.join(missing)}")
    pictures = {name: Image.fromarray(tensors.pop(name)) if name in tensors else None for name in PICTURES}
    mask: dict[str, Any] = {_MASK: tensors.pop(_MASK).tobytes()} if _MASK in tensors else {}
    solution_images = [Image.fromarray(pixels) for pixels in tensors.pop("solution_images")]
    # There are none in files of earlier versions, and of inversions that searched none.
    names = sorted((name for name in tensors if name.startswith(_NOISE)), key=lambda name: int(name[len(_NOISE) :]))
    content: dict[str, Any] = header["provenance"] | {"noise_maps": [tensors.pop(name) for name in names]}
    tensors.pop(f"sound{_SOUND}", None)  # That of the first solution.
    target = tensors.pop(f"target{_SOUND}", None)
    content["target_sound"] = None if target is None else _read_sound(target, path)
    content["solution_sounds"] = [_read_sound(each, path) for each in tensors.pop(_SOLUTION_SOUNDS, ())]
    return content | tensors | pictures | mask | {"solution_images": solution_images}


def _encoded(content: InversionContent, suffix: str) -> bytes:
    match suffix:
        case ".png":
            return to_png(content.pictures["image"])
        case ".wav" if "sound" in content.sounds:
            return content.sounds["sound"]
        case ".json":
            return to_json_file(content.provenance)
        case ".npz":
            return to_npz(_arrays(content), content.provenance)
        case ".safetensors":
            header = to_json({"format": _FORMAT, "provenance": content.provenance})
            tensors = _arrays(content) | _pixels(content)
            if content.mask is not None:
                tensors[_MASK] = np.frombuffer(content.mask, np.uint8)
            tensors |= {f"{name}{_SOUND}": np.frombuffer(file, np.uint8) for name, file in content.sounds.items()}
            if content.solution_sounds:
                files = [np.frombuffer(each, np.uint8) for each in content.solution_sounds]
                tensors[_SOLUTION_SOUNDS] = np.stack(files)
            return safetensors.numpy.save(tensors, {"pullback": header})
        case _:
            known = ".png, .wav" if content.sounds else ".png"
            raise InvalidArgumentError(
                f"cannot save an inversion as {suffix!r}: expected {known}, .npz, .safetensors, .json, or a folder"
            )


def _read_sound(file: npt.NDArray[np.uint8], path: Path) -> Sound:
    try:
        return read_wav(file.tobytes())
    except SoundError as error:
        raise InvalidArgumentError(f"{path} is an inversion's file whose sound cannot be read: {error}") from error


def _arrays(content: InversionContent) -> dict[str, npt.NDArray[Any]]:
    noise = {f"{_NOISE}{number}": layer for number, layer in enumerate(content.noise_maps)}
    return {**content.arrays, "solution_latents": np.stack(content.solution_latents), **noise}


def _pixels(content: InversionContent) -> dict[str, npt.NDArray[Any]]:
    """The pictures, uint8, shape (H, W, 3) or, in grey, (H, W); those of the solutions stacked."""
    pixels = {name: np.asarray(picture) for name, picture in content.pictures.items()}
    return pixels | {"solution_images": np.stack([np.asarray(image) for image in content.solution_images])}
