"""Catalogue of a server: its generators with their latent spaces, its image distances, and where weights are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pullback_api.v1 import generators_pb2, geometry_pb2, values_pb2
from pullback_client.wire.names import id_of


@dataclass(frozen=True)
class LatentSpace:
    """A latent space of a generator.

    Attributes:
        name: Its name within the generator.
        dim: Number of coordinates.
        prior: Distribution that they are drawn from; `mapped` where a mapping network makes them, as `w` and `w+`.
        labels: Names of the coordinates where they have any: the classes.
        bounds: Least and greatest value of a `bounded` prior, drawn evenly between the two, which no search and no
            inversion leaves; None for the others.
        system: The coordinate system: name of the space, itself or another one, of all the coordinates of which these
            are a block, as `noise` and `class` are of `full`; empty where a server of an older version does not say.
        start: First coordinate of the block within its system.
    """

    name: str
    dim: int
    prior: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    system: str = ""
    start: int = 0

    @property
    def mapped(self) -> bool:
        """Whether a mapping network makes its latents of those of another space."""
        return self.prior == "mapped"

    def __str__(self) -> str:
        """Its name and size, and what it lies in: `z (512)`, `w (512, mapped)`, `noise (100, of full)`."""
        where = ", mapped" if self.mapped else f", of {self.system}" if self.system not in {"", self.name} else ""
        return f"{self.name} ({self.dim}{where})"

    @classmethod
    def from_wire(cls, message: generators_pb2.LatentSpace) -> LatentSpace:
        """The record of a message."""
        bounds = (message.bounds[0], message.bounds[1]) if len(message.bounds) == 2 else None
        labels = tuple(message.labels)
        return cls(message.name, message.dim, message.prior, labels, bounds, message.system, message.start)


class WeightsState(str, Enum):
    """Where the weights of a generator or a distance are."""

    UNKNOWN = "unknown"
    """A server of an older version does not say."""

    NOT_NEEDED = "not needed"
    HERE = "here"
    """On the server's machine."""

    TO_DOWNLOAD = "to download"
    """The first use downloads them."""

    MISSING = "missing"
    """Not there, and not to be downloaded: the first use fails, and says how to place them."""


@dataclass(frozen=True)
class Generator:
    """A generator of the server's catalogue.

    Attributes:
        name: Its id, as every method of the client takes it.
        title: What it draws.
        family: Architecture.
        spaces: Its latent spaces by name; the first is the default.
        channels: Channels of an image, or of a sound.
        height: Pixels; 0 where it draws sounds.
        width: Pixels of an image; samples of a sound.
        licence: Licence of the weights.
        citation: Where the weights come from.
        weights_hash: SHA-256 of the published weight file, or of that and its entry's options, hexadecimal.
        weights_source: Where that file was published, or where it stands on the server.
        weights_state: Where the weights are now.
        sample_rate: Samples a second of its sounds; None where it draws images, and where nothing says it.
    """

    name: str
    title: str
    family: str
    spaces: dict[str, LatentSpace]
    channels: int
    height: int
    width: int
    licence: str
    citation: str
    weights_hash: str
    weights_source: str = ""
    weights_state: WeightsState = WeightsState.UNKNOWN
    sample_rate: int | None = None

    @classmethod
    def from_wire(cls, message: generators_pb2.Generator) -> Generator:
        """The record of a message."""
        return cls(
            name=id_of(message.name),
            title=message.title,
            family=message.family,
            spaces={space.name: LatentSpace.from_wire(space) for space in message.spaces},
            channels=message.channels,
            height=message.height,
            width=message.width,
            licence=message.licence,
            citation=message.citation,
            weights_hash=message.weights_hash,
            weights_source=message.weights_source,
            weights_state=_WEIGHTS_STATES.get(message.weights_state, WeightsState.UNKNOWN),
            sample_rate=message.sample_rate or None,
        )


@dataclass(frozen=True)
class CatalogueFault:
    """What of the server's catalogue files cannot be used.

    Attributes:
        generator: The generator's id; empty where a file does not even say which ones it has.
        reason: Which file, entry and key, what came and what was expected.
    """

    generator: str
    reason: str

    @classmethod
    def from_wire(cls, message: generators_pb2.CatalogueFault) -> CatalogueFault:
        """The record of a message."""
        return cls(id_of(message.generator), message.reason)


@dataclass(frozen=True)
class Distance:
    """An image distance of the server.

    Attributes:
        name: Its name, as every method of the client takes it.
        title: What it is.
        weights_hash: SHA-256 of the published weight file, or the published beginning of it, or that of the tensors
            themselves where several files hold them; empty without weights.
        is_default: Whether it is used where none is named; inversions have another.
        takes: What it compares: `images`, `sounds` or both.
        licence: Licence of the weights; empty without weights.
        citation: Where the weights come from; empty without weights.
        weights_source: Where the weight file was published; empty without weights.
        weights_state: Where the weights are now.
        sides: The smallest and the largest side, px, that may be said after the name: `lpips-vgg@256` is the distance
            of images that are resized to 256 × 256 px first; None where it takes none.
        is_inversion_default: Whether it guides inversions where none is named.
        preconditioner: Name of the distance whose eigenbasis and whose bank of starts serve inversions under this one.
    """

    name: str
    title: str
    weights_hash: str
    is_default: bool
    takes: tuple[str, ...] = ()
    licence: str = ""
    citation: str = ""
    weights_source: str = ""
    weights_state: WeightsState = WeightsState.UNKNOWN
    sides: tuple[int, int] | None = None
    is_inversion_default: bool = False
    preconditioner: str = ""

    @classmethod
    def from_wire(cls, message: geometry_pb2.Distance) -> Distance:
        """The record of a message."""
        return cls(
            name=message.name,
            title=message.title,
            weights_hash=message.weights_hash,
            is_default=message.is_default,
            takes=tuple(message.takes),
            licence=message.licence,
            citation=message.citation,
            weights_source=message.weights_source,
            weights_state=_WEIGHTS_STATES.get(message.weights_state, WeightsState.UNKNOWN),
            sides=(message.min_side, message.max_side) if message.max_side else None,
            is_inversion_default=message.is_inversion_default,
            preconditioner=message.preconditioner,
        )


_WEIGHTS_STATES = {
    values_pb2.WEIGHTS_STATE_NOT_NEEDED: WeightsState.NOT_NEEDED,
    values_pb2.WEIGHTS_STATE_HERE: WeightsState.HERE,
    values_pb2.WEIGHTS_STATE_TO_DOWNLOAD: WeightsState.TO_DOWNLOAD,
    values_pb2.WEIGHTS_STATE_MISSING: WeightsState.MISSING,
}
