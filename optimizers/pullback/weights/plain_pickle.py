"""Pickles of NumPy arrays and of NVIDIA's networks, read without running what else they might hold.

NVIDIA's files (stylegan2-ada-pytorch, stylegan3) hold the source of their classes, to be run when they are read. Here
it is passed over: a network becomes a `PickledModule`, of which tensors and settings are taken.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pullback.errors import WeightsError
from pullback.weights.inspection import inspect

_RECONSTRUCT: Callable[..., Any] = np.empty(0).__reduce__()[0]  # type: ignore[assignment]
_PLAIN_KINDS = "biuf"


@dataclass(frozen=True)
class PickledModule:
    """What a pickle says of a network of PyTorch: the attributes of a module, none of its code.

    Attributes:
        kind: Name of its class.
        attributes: Its `__dict__`: `_parameters`, `_buffers`, `_modules`, and settings.
    """

    kind: str
    attributes: Mapping[str, Any]

    def tensors(self) -> dict[str, object]:
        """What the module's own `state_dict` holds of itself, and its submodules, by name."""
        passing = self._part("_non_persistent_buffers_set")
        held = {**self._part("_parameters"), **self._part("_buffers")}
        return {**{name: value for name, value in held.items() if name not in passing}, **self._part("_modules")}

    def settings(self) -> dict[str, object]:
        """Its other attributes, and its submodules, by name."""
        own = {name: value for name, value in self.attributes.items() if not name.startswith("_")}
        return {**own, **self._part("_modules")}

    def _part(self, name: str) -> Any:
        return self.attributes.get(name) or {}


class _RefusedError(Exception):
    """A pickle names something that is no part of plain data."""


def _module(described: Mapping[str, Any]) -> PickledModule:
    return PickledModule(str(described["class_name"]), dict(described["state"]))


def _scalar(kind: np.dtype[Any], content: bytes) -> object:
    if kind.kind not in _PLAIN_KINDS:
        raise ValueError(f"a number of type {kind}")
    return np.frombuffer(content, kind, count=1)[0].item()


def _storage(content: bytes) -> object:
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _tensor(storage: Any, offset: int, size: Sequence[int], stride: Sequence[int], *_: object) -> Tensor:
    numbers = torch.empty(0, dtype=storage.dtype).set_(storage)
    # Checks that they lie within the storage, which `set_` would enlarge instead.
    return torch.as_strided(numbers, tuple(size), tuple(stride), offset)


def _parameter(tensor: Tensor, *_: object) -> Tensor:
    return tensor


# All that may be named. NumPy 1 and 2 call their module differently.
_ADMITTED: dict[tuple[str, str], Any] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _RECONSTRUCT for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("dnnlib.util", "EasyDict"): dict,
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): _module,
    ("torch.storage", "_load_from_bytes"): _storage,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


# In Python: the one in C takes as much memory as the number of a place in a pickle's memory says.
class _PlainUnpickler(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        # Never imported by name: what is not in the table does not exist for a pickle.
        if (module, name) not in _ADMITTED:
            raise _RefusedError(f"{module}.{name}")
        return _ADMITTED[module, name]


def read_plain_pickle(path: Path, what: object = None) -> object:
    """What a pickle of arrays or of NVIDIA's networks holds.

    Args:
        path: The file.
        what: What to call it in errors; its path when omitted.

    Returns:
        Tensors, and tensors of the values of arrays, in the dictionaries and modules in which they stood.

    Raises:
        WeightsError: It names anything else, or is no whole pickle; the message says which.
    """
    called = path if what is None else what
    unread = f"{called} is not a file of plain tensors that can be read safely"
    try:
        with path.open("rb") as file:
            content: object = _PlainUnpickler(file).load()
        return _as_tensors(content, {})
    except _RefusedError as error:
        raise WeightsError(
            f"{unread}: it is a pickle that names {error}, and could run code when it is read; nothing of it was run. "
            "Where it is trusted, read it there and save the tensors alone: torch.save(model.state_dict(), …), or "
            "safetensors.numpy.save_file(arrays, …)"
        ) from error
    except OSError as error:
        raise WeightsError(f"{called} cannot be read: {inspect(path)}") from error
    except Exception as error:  # whatever a damaged pickle makes of the machine that reads it says one thing
        raise WeightsError(
            f"{unread}: it is no whole pickle of arrays or of NVIDIA's networks: {inspect(path)} "
            f"({str(error).partition(chr(10))[0][:160] or type(error).__name__}). Download or copy it again"
        ) from error


def is_plain_pickle(head: bytes) -> bool:
    """Whether a file that begins so is a pickle, but none of the files that PyTorch wrote until 1.6."""
    return head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"} and _TORCH_MAGIC not in head[:32]


# The number with which PyTorch's own pickles begin.
_TORCH_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")


def _as_tensors(content: object, done: dict[int, object]) -> object:
    if isinstance(content, np.ndarray):
        # A copy of its own, in this machine's byte order. Arrays of objects have no tensor, and are an error.
        return torch.from_numpy(content.astype(content.dtype.newbyteorder("="), order="C"))
    if not isinstance(content, Mapping):
        return content
    # Once each: a few bytes can put dictionaries into one another again and again.
    if id(content) not in done:
        done[id(content)] = {name: _as_tensors(value, done) for name, value in content.items()}
    return done[id(content)]
