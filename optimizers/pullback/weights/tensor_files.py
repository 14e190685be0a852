"""Files of tensors: safetensors, PyTorch's, NumPy's .npz and NVIDIA's .pkl, read without running what they hold."""

from __future__ import annotations

import re
import threading
import zipfile
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch.serialization import safe_globals

from pullback.errors import WeightsError
from pullback.weights.inspection import inspect, is_safetensors
from pullback.weights.plain_pickle import is_plain_pickle, read_plain_pickle

_NOT_ALLOWED = re.compile(r"Unsupported (?:global|class)[^\n]*?(?= was not| which|\.\s|\n|$)")
_NO_HELP = (
    "Weights only load failed",
    "legacy .tar format",
    "Error while deserializing",
    "PytorchStreamReader",
    "enforce fail",
)
# Numbers that were learnt hardly get smaller; what unfolds to more is made to fill memory.
_MOST_UNFOLDED = 50
_HEAD_BYTES = 64
_ZIP = b"PK\x03\x04"


class Settings:
    """Settings that a file keeps beside its tensors, in the place of the class that it names; runs nothing."""


# Classes that publishers of weights pickle with them, each a mere bag of attributes.
_BAGS = ("argparse.Namespace", "models.utils.config.BaseConfig")
# PyTorch's list of what may be read is one for the process.
_ADMITTING = threading.Lock()


def read_weight_file(path: Path, what: object = None, device: str | torch.device = "cpu") -> object:
    """What a file of tensors holds: tensors, and containers of them.

    The format is told by the content, not by the name: people rename files. Objects of a class that is known to be a
    bag of attributes become `Settings`, networks of NVIDIA's a `PickledModule`.

    Args:
        path: The file.
        what: What to call it in errors; its path when omitted.
        device: Where the tensors of PyTorch's files and of safetensors go.

    Raises:
        WeightsError: It cannot be read; the message says what it is instead and what to do.
    """
    called = path if what is None else what
    try:
        if is_safetensors(path):
            return safetensors.torch.load_file(path, device=str(device))
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        if is_plain_pickle(head):
            return read_plain_pickle(path, called)
        if head.startswith(_ZIP) and _is_npz(path):
            with np.load(path, allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
            # Words beside the numbers are no tensors.
            return {name: torch.from_numpy(array) for name, array in found.items() if array.dtype.kind not in "SU"}
        # weights_only: a weight file must not be able to run code.
        # From an open file: of a path PyTorch looks at the suffix.
        with _ADMITTING, safe_globals([(Settings, name) for name in _BAGS]), path.open("rb") as file:
            content: object = torch.load(file, weights_only=True, map_location=device)
    except WeightsError:
        raise
    except Exception as error:  # whatever the formats' parsers raise says one thing
        raise WeightsError(
            f"{called} is not a file of plain tensors that can be read safely: {inspect(path)}{plain_reason(error)}"
        ) from error
    return content


def _is_npz(path: Path) -> bool:
    """Whether a zip archive holds NumPy's arrays; raises ValueError where it unfolds to far more than its size."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    unfolded, size = sum(member.file_size for member in members), path.stat().st_size
    if unfolded > _MOST_UNFOLDED * size:
        raise ValueError(f"it would unfold to {unfolded} bytes, which no file of weights of {size} bytes does")
    return bool(members) and all(member.filename.endswith(".npy") for member in members)


def plain_reason(error: Exception) -> str:
    """What a parser of such files said, in brackets; empty where that is no help to who reads it."""
    text = str(error).strip()
    if found := _NOT_ALLOWED.search(text):
        return (
            f" ({found[0].strip()}). It would run code when it is read; where it is trusted, read it there and save "
            "the tensors alone: torch.save(model.state_dict(), …)"
        )
    if isinstance(error, EOFError):
        return " (it ends too early: download or copy it again)"
    # What `inspect` has said better, and PyTorch's advice to read the file unsafely.
    if isinstance(error, OSError | zipfile.BadZipFile) or any(said in text for said in _NO_HELP):
        return ""
    return f" ({text.partition(chr(10))[0][:160] or type(error).__name__})"
