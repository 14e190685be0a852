"""The files of an inversion, written and read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from PIL import Image
from safetensors import SafetensorError, safe_open

from pullback_client.errors import InvalidArgumentError
from pullback_client.files import to_json, write_bytes, write_json, write_npz, write_png

if TYPE_CHECKING:
    from pullback_client.inversion import Inversion

_FORMAT = "pullback-inversion-1"
_ARRAYS = ("latent", "restart_latents", "distance_trace", "loss_trace")
_MASK = "mask_file"  # its bytes
_PICTURES = ("image", "target", "aligned_target")


def save(inversion: Inversion, path: Path) -> list[Path]:
    """Writes an inversion by suffix, or as a folder; see `Inversion.save`."""
    if path.is_dir() or not path.suffix:
        return _save_folder(inversion, path)
    match path.suffix.lower():
        case ".png":
            write_png(path, inversion.image)
        case ".json":
            write_json(path, inversion.provenance)
        case ".npz":
            write_npz(path, _arrays(inversion), inversion.provenance)
        case ".safetensors":
            header = to_json({"format": _FORMAT, "provenance": inversion.provenance})
            tensors = _arrays(inversion) | _pixels(inversion)
            if inversion.framing.mask is not None:
                tensors[_MASK] = np.frombuffer(inversion.framing.mask, np.uint8)
            write_bytes(path, safetensors.numpy.save(tensors, {"pullback": header}))
        case suffix:
            raise InvalidArgumentError(
                f"cannot save an inversion as {suffix!r}: expected .png, .npz, .safetensors, .json, or a folder"
            )
    return [path]


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
    if missing := [name for name in ("solution_images", *_ARRAYS) if name not in tensors]:
        raise InvalidArgumentError(f"{path} is an inversion's file that lacks {', '.join(missing)}")
    pictures = {name: Image.fromarray(tensors.pop(name)) if name in tensors else None for name in _PICTURES}
    mask: dict[str, Any] = {_MASK: tensors.pop(_MASK).tobytes()} if _MASK in tensors else {}
    solution_images = [Image.fromarray(pixels) for pixels in tensors.pop("solution_images")]
    content: dict[str, Any] = header["provenance"]
    return content | tensors | pictures | mask | {"solution_images": solution_images}


def _save_folder(inversion: Inversion, folder: Path) -> list[Path]:
    pictures = {"target.png": inversion.target}
    if inversion.aligned_target is not None:
        pictures["aligned_target.png"] = inversion.aligned_target
    if len(inversion.solutions) > 1:
        pictures |= {f"solution-{n}.png": solution.image for n, solution in enumerate(inversion.solutions, start=1)}
    for name, picture in pictures.items():
        write_png(folder / name, picture)
    # Last, what tells of all the rest.
    parts = ("image.png", "inversion.npz", "inversion.safetensors", "inversion.json")
    return [*(folder / name for name in pictures), *(file for name in parts for file in save(inversion, folder / name))]


def _arrays(inversion: Inversion) -> dict[str, npt.NDArray[Any]]:
    arrays = {name: getattr(inversion, name) for name in _ARRAYS}
    return arrays | {"solution_latents": np.stack([solution.latent for solution in inversion.solutions])}


def _pixels(inversion: Inversion) -> dict[str, npt.NDArray[Any]]:
    """The pictures, uint8, shape (H, W, 3) or, in grey, (H, W); those of the solutions stacked."""
    pictures = {name: getattr(inversion, name) for name in _PICTURES}
    pixels = {name: np.asarray(picture) for name, picture in pictures.items() if picture is not None}
    return pixels | {"solution_images": np.stack([np.asarray(solution.image) for solution in inversion.solutions])}
