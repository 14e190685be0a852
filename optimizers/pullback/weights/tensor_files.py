"""Files of tensors: safetensors and PyTorch's, read without running what they hold."""

from __future__ import annotations

import re
from pathlib import Path

import safetensors.torch
import torch

from pullback.errors import WeightsError
from pullback.weights.inspection import inspect, is_safetensors

_NOT_ALLOWED = re.compile(r"Unsupported (?:global|class)[^\n]*?(?= was not| which|\.\s|\n|$)")
_NO_HELP = (
    "Weights only load failed",
    "legacy .tar format",
    "Error while deserializing",
    "PytorchStreamReader",
    "enforce fail",
)


def read_weight_file(path: Path, what: object = None, device: str | torch.device = "cpu") -> object:
    """What a file of tensors holds: tensors, and containers of them.

    The format is told by the content, not by the name: people rename files.

    Args:
        path: The file.
        what: What to call it in errors; its path when omitted.
        device: Where the tensors go.

    Raises:
        WeightsError: It cannot be read; the message says what it is instead and what to do.
    """
    try:
        if is_safetensors(path):
            return safetensors.torch.load_file(path, device=str(device))
        # weights_only: a weight file must not be able to run code.
        # From an open file: of a path PyTorch looks at the suffix.
        with path.open("rb") as file:
            content: object = torch.load(file, weights_only=True, map_location=device)
    except Exception as error:  # whatever the formats' parsers raise says one thing
        raise WeightsError(
            f"{path if what is None else what} is not a file of plain tensors that can be read safely: "
            f"{inspect(path)}{plain_reason(error)}"
        ) from error
    return content


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
    if isinstance(error, OSError) or any(said in text for said in _NO_HELP):
        return ""
    return f" ({text.partition(chr(10))[0][:160] or type(error).__name__})"
