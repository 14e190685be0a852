"""Tuned weights: the tensors of a generator that a tuning changed, as a file, and the generator that has them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from pullback.errors import InvalidInputError, WeightsError
from pullback.generators.generator import Generator

FORMAT = "pullback-tuning-1"
# Of StyleGAN2 at 1024 px it is 115 MiB, of BigGAN-deep-512 about twice as much.
MAX_WEIGHT_BYTES = 512 * 2**20


@dataclass(frozen=True, eq=False)
class TunedWeights:
    """Tensors that take the place of a generator's own.

    Attributes:
        generator: Name of the generator.
        weights_hash: Its identity: the tensors fit these weights alone.
        tensors: Those that changed, by the names that the generator's module has for them; float32, on the CPU.
    """

    generator: str
    weights_hash: str
    tensors: Mapping[str, Tensor]

    def to_bytes(self, told: Mapping[str, str] | None = None) -> bytes:
        """A safetensors file; numbers are exact.

        Args:
            told: What its header says besides, by name.
        """
        header = {"format": FORMAT, "generator": self.generator, "weights_hash": self.weights_hash}
        tensors = {name: tensor.contiguous() for name, tensor in sorted(self.tensors.items())}
        return safetensors.torch.save(tensors, {**(told or {}), "pullback": json.dumps(header)})

    @classmethod
    def from_bytes(cls, data: bytes) -> TunedWeights:
        """What `to_bytes` wrote.

        Raises:
            WeightsError: It is something else.
        """
        try:
            tensors = safetensors.torch.load(data)
            length = int.from_bytes(data[:8], "little")
            said = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["pullback"])
            if said["format"] != FORMAT:
                raise KeyError(said["format"])
            return cls(said["generator"], said["weights_hash"], tensors)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"these are no tuned weights as Pullback writes them ({error})") from error

    def applied(self, generator: Generator) -> Generator:
        """A copy of the generator that has these weights, frozen; the generator itself stays as it is.

        Its eigenbases and directions serve the copy: `tuned_from` says whose they are.

        Raises:
            WeightsError: They are of another generator or of other weights, or do not fit.
        """
        if (generator.name, generator.weights_hash) != (self.generator, self.weights_hash):
            raise WeightsError(
                f"these weights were tuned from generator {self.generator!r} with weights {self.weights_hash[:12]}…, "
                f"but {generator.name!r} has {generator.weights_hash[:12]}…; load that one, or tune this one anew"
            )
        tuned = copied(generator)
        own = dict(tuned.named_parameters())
        for name, tensor in self.tensors.items():
            if name not in own or own[name].shape != tensor.shape:
                has = f"shape {tuple(own[name].shape)}" if name in own else "none of that name"
                raise WeightsError(f"tuned weight {name!r} has shape {tuple(tensor.shape)}, the generator {has}")
            with torch.no_grad():
                own[name].copy_(tensor)
        tuned.tuned_from = generator.weights_hash
        # No bank of starts and no eigenbasis that is made with these is taken for one of the generator's own.
        tuned.weights_hash = hashlib.sha256(f"{generator.weights_hash} {self._digest()}".encode()).hexdigest()
        return tuned

    def _digest(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()


def copied(generator: Generator) -> Generator:
    """A copy of a generator with tensors of its own.

    Raises:
        InvalidInputError: Its code cannot be copied.
    """
    try:
        return deepcopy(generator)
    except Exception as error:  # whatever code of one's own is made of
        raise InvalidInputError(
            f"generator {generator.name!r} cannot be tuned, for Python cannot copy it ({type(error).__name__}: "
            f"{error}); let its parts be plain modules"
        ) from error
