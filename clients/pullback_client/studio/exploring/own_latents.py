"""Own latents: those that people upload or paste."""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from typing import Any

import numpy as np

from pullback_client.directions.start import latent_of
from pullback_client.errors import InvalidArgumentError
from pullback_client.wire.codec import Array

_NAMES = ("latent", "latents")  # under which an .npz file holds one


def read_file(name: str, content: bytes) -> Array:
    """The latent of an uploaded file: .npy, or .npz with `latent`.

    Raises:
        InvalidArgumentError: The file cannot be read, or holds no single finite latent.
    """
    try:
        found: Any = np.load(io.BytesIO(content), allow_pickle=False)
        if isinstance(found, np.lib.npyio.NpzFile):
            with found:
                found = next((found[each] for each in _NAMES if each in found), None)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidArgumentError(f"{name} is no .npy or .npz file of numbers: save it with numpy.save") from error
    if found is None:
        raise InvalidArgumentError(f"{name} holds no array called {' or '.join(_NAMES)}")
    return _finite(latent_of(found), name)


def read_text(text: str) -> Array:
    """The latent of pasted numbers, with commas or spaces between them, in brackets or not.

    Raises:
        InvalidArgumentError: They are none.
    """
    words = [word for word in re.split(r"[\s,;\[\]()]+", text) if word]
    try:
        numbers = [float(word) for word in words]
    except ValueError as error:
        raise InvalidArgumentError(f"a latent is pasted as numbers such as 0.5, -1.2; {error}") from error
    if not numbers:
        raise InvalidArgumentError("paste the numbers of one latent, with commas or spaces between them")
    return _finite(np.array(numbers), "the pasted latent")


def _finite(latent: Array, what: str) -> Array:
    found = np.asarray(latent, np.float32)
    if not all(map(math.isfinite, found)):
        raise InvalidArgumentError(f"{what} has numbers that are not finite")
    return found
