"""PyTorch's files, read without running what they hold and within bounds."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pullback.directions.formats.arrays import MAX_BYTES, within_single_precision
from pullback.errors import InvalidInputError
from pullback.weights.inspection import inspect_bytes
from pullback.weights.tensor_files import plain_reason


def read_tensors(content: bytes) -> object:
    """What a PyTorch file holds: tensors, and containers of them.

    Args:
        content: Its bytes.

    Raises:
        InvalidInputError: It is no PyTorch file, holds anything else than tensors, containers and numbers, or is larger
            unpacked than may be.
    """
    try:
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > MAX_BYTES:
                raise InvalidInputError(f"it has {unpacked} bytes unpacked, at most {MAX_BYTES} are read")
        found: object = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the restricted unpickler raises says one thing
        raise InvalidInputError(
            f"the file is not a PyTorch file of tensors alone: {inspect_bytes(content)} {plain_reason(error)}"
        ) from error
    return found


def as_array(tensor: object, name: str) -> NDArray[np.float64]:
    """A tensor of a file as an array.

    Args:
        tensor: What the file holds under this name.
        name: What to call it in errors.

    Raises:
        InvalidInputError: It is no dense tensor of floating-point numbers, or claims more values than may be.
    """
    if not isinstance(tensor, Tensor):
        raise InvalidInputError(f"{name} is a tensor, but {type(tensor).__name__} came")
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or not tensor.is_floating_point():
        raise InvalidInputError(
            f"{name} is a dense tensor of floating-point numbers, but {tensor.layout} of {tensor.dtype} came"
        )
    # A few bytes can claim to be a large tensor, by strides of 0.
    if tensor.numel() * tensor.element_size() > MAX_BYTES:
        raise InvalidInputError(f"{name} has at most {MAX_BYTES} bytes, but shape {tuple(tensor.shape)} came")
    return within_single_precision(tensor.detach().double().numpy(), name)
