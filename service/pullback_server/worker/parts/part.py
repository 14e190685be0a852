"""Parts: which shards another worker is to compute, and what comes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import safetensors.torch
from torch import Tensor

from pullback.errors import PullbackError
from pullback_server.worker.parts.sources import Shard, ShardSource


@dataclass(frozen=True)
class Part:
    """Shards that are to be computed by another worker.

    Attributes:
        numbers: Which.
        computed_with: What they must be computed with: see `ShardSource`.
    """

    numbers: tuple[int, ...]
    computed_with: Mapping[str, str | int]

    def check_same(self, source: ShardSource) -> None:
        """Checks that a source has computed what the other worker's would have.

        Raises:
            PullbackError: It has not.
        """
        found = source.computed_with()
        for name, wanted in self.computed_with.items():
            if found[name] != wanted:
                raise PullbackError(
                    f"this worker computes with {name}: {found[name]}, and the one that it helps with {wanted}: "
                    "their shards are not the same"
                )

    def to_bytes(self) -> bytes:
        """As bytes, for `from_bytes`."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Part:
        """What `to_bytes` wrote."""
        said = json.loads(data)
        return cls(tuple(said["numbers"]), said["computed_with"])


def write_shards(shards: Mapping[int, Shard]) -> dict[str, Tensor]:
    """Shards, by number, as named tensors."""
    return {f"{number}/{place}": each for number, shard in shards.items() for place, each in enumerate(shard)}


def read_shards(tensors: Mapping[str, Tensor]) -> dict[int, Shard]:
    """What `write_shards` gave."""
    shards: dict[int, Shard] = {}
    places = sorted(tuple(map(int, name.split("/"))) for name in tensors)
    for number, place in places:
        shards[number] = (*shards.get(number, ()), tensors[f"{number}/{place}"])
    return shards


def shards_to_bytes(shards: Mapping[int, Shard]) -> bytes:
    """Shards, by number, as one safetensors file."""
    return safetensors.torch.save({name: each.contiguous() for name, each in write_shards(shards).items()})


def shards_from_bytes(data: bytes) -> dict[int, Shard]:
    """What `shards_to_bytes` wrote."""
    return read_shards(safetensors.torch.load(data))
