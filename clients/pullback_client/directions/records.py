"""Records of directions: plain, frozen, of the contract's messages."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pullback_api.v1 import directions_pb2
from pullback_client.wire.codec import Array
from pullback_client.wire.fields import as_dict
from pullback_client.wire.names import id_of
from pullback_client.wire.times import utc


@dataclass(frozen=True)
class Annotation:
    """What people say of a direction.

    Attributes:
        index: Which direction of the set, from 0.
        title: A name, unique in the set; may be empty.
        notes: Notes; may be empty.
    """

    index: int
    title: str
    notes: str


class EigenShare(NamedTuple):
    """An axis of the eigenbasis to which a direction is aligned more than chance allows.

    Attributes:
        rank: From 0, the largest eigenvalue.
        share: Share of the direction's squared length along it.
    """

    rank: int
    share: float


@dataclass(frozen=True, eq=False)
class Direction:
    """One direction of a set.

    Attributes:
        directions: Resource name of the set.
        index: Which one of it, from 0.
        generator: Id of the generator.
        space: Space that it lies in.
        method: How it was found.
        vector: Unit vector, float64, shape (dim,).
        value: What the method ranks by (eigenvalue, singular value, variance); NaN where it has none.
        rate: α_H(v) = vᵀHv of the global metric H.
        alignment: Share of its squared length in the top eigenspace.
        axes: Axes of the eigenbasis to which it is aligned more than chance allows, the largest share first.
        layers: Layers of a style-based generator on which a step acts, ascending; empty = all.
        input_vector: The vector before the mapping network that belongs to it; None where the method has none.
        purify: The number of top eigenvectors it is projected on; 0 = as it was found.
        title: A name that people gave it; may be empty.
        notes: Their notes; may be empty.
    """

    directions: str
    index: int
    generator: str
    space: str
    method: str
    vector: Array
    value: float
    rate: float
    alignment: float
    axes: tuple[EigenShare, ...]
    layers: tuple[int, ...]
    input_vector: Array | None
    purify: int
    title: str
    notes: str

    @property
    def step(self) -> float:
        """α_H^−½, the unit of steps that changes images at the same rate along every direction; ∞ where none does."""
        return 1 / math.sqrt(self.rate) if self.rate > 0 else math.inf

    @property
    def label(self) -> str:
        """Its title, or its method and index."""
        return self.title or f"{self.method}:{self.index}"

    def to_wire(self) -> directions_pb2.DirectionRef:
        """The contract's reference to it."""
        return directions_pb2.DirectionRef(directions=self.directions, index=self.index, purify=self.purify)


@dataclass(frozen=True, eq=False)
class DirectionsInfo:
    """What a set of directions is, without its arrays.

    Attributes:
        name: Resource name, `generators/{generator}/directions/{id}`.
        generator: Id of the generator.
        space: Space that they lie in.
        method: How they were found; `imported` where they come from a file.
        k: How many there are.
        dim: Number of coordinates of each.
        layers: Layers of a style-based generator on which a step acts, ascending; empty = all.
        aligned_axes: Eigenvectors that hold 99 % of the metric's trace: the top eigenspace of the alignment.
        eigenbasis: Resource name of the eigenbasis by which they are measured.
        annotations: Titles and notes that people gave.
        settings: How they were found, every default filled in, under the contract's field names; without the latent.
        import_format: Of imported ones the file's format, else empty.
        generator_weights_hash: SHA-256 of the generator's weight file.
        version: Version of Pullback that computed them.
        created: When.
        job: Resource name of the job that found them; empty for imported ones.
    """

    name: str
    generator: str
    space: str
    method: str
    k: int
    dim: int
    layers: tuple[int, ...]
    aligned_axes: int
    eigenbasis: str
    annotations: tuple[Annotation, ...]
    settings: dict[str, Any]
    import_format: str
    generator_weights_hash: str
    version: str
    created: datetime
    job: str

    @classmethod
    def from_wire(cls, message: directions_pb2.DirectionSet) -> DirectionsInfo:
        """The record of a message without arrays."""
        return DirectionsInfo(**info_from_wire(message))

    @property
    def provenance(self) -> dict[str, Any]:
        """Everything above as plain values, for a JSON file."""
        fields = {name: getattr(self, name) for name in DirectionsInfo.__dataclass_fields__}
        return fields | {
            "created": self.created.isoformat(),
            "annotations": [asdict(annotation) for annotation in self.annotations],
        }


def info_from_wire(message: directions_pb2.DirectionSet) -> dict[str, Any]:
    """The fields of `DirectionsInfo` by name."""
    settings = as_dict(message.spec)
    settings.pop("latent", None)
    import_format = directions_pb2.ImportFormat.Name(message.import_format) if message.import_format else ""
    return {
        "name": message.name,
        "generator": id_of(settings["generator"]),
        "space": message.space,
        "method": settings["method"].removeprefix("DIRECTION_METHOD_").lower(),
        "k": message.count,
        "dim": message.dim,
        "layers": tuple(message.layers),
        "aligned_axes": message.aligned_axes,
        "eigenbasis": settings["eigenbasis"],
        "annotations": tuple(Annotation(each.index, each.title, each.notes) for each in message.annotations),
        "settings": settings,
        "import_format": import_format.removeprefix("IMPORT_FORMAT_").lower(),
        "generator_weights_hash": message.generator_weights_hash,
        "version": message.version,
        "created": utc(message.create_time),
        "job": message.job,
    }
