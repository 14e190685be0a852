"""Starts of an inversion that are given: latents of an encoder, or results of earlier inversions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pullback_client.errors import InvalidArgumentError
from pullback_client.inversion.result import Inversion, InversionFailure
from pullback_client.text.printable import printable
from pullback_client.wire.codec import Array

StartsInput: TypeAlias = "npt.ArrayLike | Inversion | Sequence[npt.ArrayLike | Inversion | InversionFailure | None]"
"""Where an inversion starts: one latent (dim,) or inversion for all images; or one for each, as an array (n, dim) or
(n, layers, dim) or as a list, with None or an `InversionFailure` where there is none."""

# Under which names files of latents have them.
_NAMES = ("latents", "latent", "w", "ws", "codes")


class Starts(NamedTuple):
    """Latents to start from, as files have them.

    Attributes:
        latents: One for each photograph; None where there is none.
        space: The space they lie in; empty where only the caller knows.
    """

    latents: Sequence[Array | None]
    space: str = ""


def starts_of(given: Any, count: int) -> list[Array | None]:
    """The latent at which each of so many images starts; None where there is none.

    Raises:
        InvalidArgumentError: Another number of them, or something that is no latent.
    """
    if given is None or isinstance(given, Inversion):
        return [None if given is None else _latent(given)] * count
    if _is_list(given):
        latents = [None if each is None or isinstance(each, InversionFailure) else _latent(each) for each in given]
    else:
        array = _numbers(given)
        if array.ndim < 2:
            return [_latent(array)] * count
        latents = [_latent(row) for row in array.reshape(len(array), -1)]
    if len(latents) != count:
        raise InvalidArgumentError(f"{count} images but {len(latents)} starts: give one for all, or one for each")
    return latents


def space_of_starts(given: Any) -> str | None:
    """The space in which inversions that are starts lie; None where they are latents, of which only the caller knows.

    Raises:
        InvalidArgumentError: They lie in several.
    """
    listed = given if _is_list(given) else [given]
    spaces = sorted({each.settings["space"] for each in listed if isinstance(each, Inversion)})
    if len(spaces) > 1:
        raise InvalidArgumentError(f"starts: inversions in one space are expected, but they are in {spaces}")
    return spaces[0] if spaces else None


def read_starts(path: Path, names: Sequence[str]) -> Starts:
    """The starts that a file, or a folder of results, has for photographs.

    Args:
        path: A result that `Inversion.save` wrote (`.npz`, `.safetensors`), which is for all; latents as `.npy` or
            `.npz`, shape (n, dim), a row for each, or (dim,) for all; or a folder of results that are called as the
            photographs.
        names: The photographs' names, without suffixes.

    Raises:
        InvalidArgumentError: There is no such file, it holds no latents, other numbers of them, or of several spaces.
    """
    if path.is_dir():
        files = [_result_of(path, name) for name in names]
        found = [None if file is None else _read(file) for file in files]
        if not any(found):
            raise InvalidArgumentError(f"no results of these photographs are in {printable(path)}")
        spaces = sorted({each.space for each in found if each is not None})
        if len(spaces) > 1:
            raise InvalidArgumentError(f"results in {printable(path)} are in several spaces: {', '.join(spaces)}")
        return Starts([None if each is None else _only(each, path) for each in found], spaces[0])
    one = _read(path)
    if len(one.latents) == 1:
        return Starts([one.latents[0]] * len(names), one.space)
    if len(one.latents) != len(names):
        raise InvalidArgumentError(f"{len(names)} photographs but {len(one.latents)} latents in {printable(path)}")
    return one


def _read(path: Path) -> Starts:
    try:
        if path.suffix.lower() == ".safetensors":
            found = Inversion.load(path)
            return Starts([found.latent], found.settings["space"])
        loaded = np.load(path, allow_pickle=False)
        with nullcontext({"latents": loaded}) if isinstance(loaded, np.ndarray) else loaded as arrays:
            name = next((name for name in _NAMES if name in arrays), None)
            if name is None:
                known = ", ".join(list(arrays)[:8])
                raise InvalidArgumentError(f"{printable(path)} holds {known}; expected one of {', '.join(_NAMES)}")
            latents = _numbers(arrays[name])
            told = json.loads(str(arrays["provenance"])) if "provenance" in arrays else {}
    except (OSError, ValueError) as error:
        raise InvalidArgumentError(f"cannot read latents from {printable(path)}: {error}") from error
    rows = latents.reshape(1, -1) if latents.ndim == 1 else latents.reshape(len(latents), -1)
    space = told.get("settings", {}).get("space", "") if isinstance(told, dict) else ""
    return Starts(list(rows), space)


def _only(starts: Starts, folder: Path) -> Array:
    if len(starts.latents) != 1:
        raise InvalidArgumentError(f"a result in {printable(folder)} holds several latents, expected one for each")
    latent = starts.latents[0]
    assert latent is not None  # noqa: S101  (files hold numbers)
    return latent


def _result_of(folder: Path, name: str) -> Path | None:
    return next(
        (file for ending in (".safetensors", ".npz", ".npy") if (file := folder / f"{name}{ending}").is_file()), None
    )


def _is_list(given: Any) -> bool:
    """Whether a value is a list of starts, rather than an array of numbers."""
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        return False
    return any(each is None or isinstance(each, Inversion | InversionFailure) for each in given)


def _latent(value: Any) -> Array:
    array = _numbers(value.latent if isinstance(value, Inversion) else value)
    if array.ndim != 1:
        raise InvalidArgumentError(f"starts: expected a latent of shape (dim,), got {array.shape}")
    return array


def _numbers(value: Any) -> Array:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InvalidArgumentError(f"starts: latents of one length are expected: {error}") from error
    if array.dtype.kind not in "fiu":
        raise InvalidArgumentError(f"starts: expected latents as real numbers, got dtype {array.dtype}")
    return array.astype(np.float32)
