"""Distance that code of one's own makes: a `Distance`, or any network that gives features of images."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from pullback.distances.catalogue_file import DistanceEntry
from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.errors import OwnCodeError
from pullback.own_code import Made, check_identity, made_by, told
from pullback.weights.entry_points import DISTANCES


class ModuleDistance(EmbeddingDistance):
    """The mean squared difference of a network's features.

    Args:
        network: Images of shape (B, C, H, W) in [0, 1] → features (B, …).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def embed(self, images: Float[Tensor, "batch channels *size"]) -> Float[Tensor, "batch features"]:
        """The features over the root of their number, so that a sum of squares is a mean."""
        features: Tensor = self.network(images).flatten(1)
        scaled: Tensor = features / features.shape[1] ** 0.5
        return scaled


def from_code(found: DistanceEntry) -> Distance:
    """The distance of a catalogue entry whose source is code.

    Raises:
        OwnCodeError: The code cannot be had or failed, gives something else, or is not that of the entry.
    """
    assert found.source is not None  # noqa: S101  (the catalogue sees to it)
    what = f"distance {found.name!r}"
    made = made_by(found.source.location, DISTANCES, what)
    distance = _distance_of(made, what)
    if isinstance(distance, EmbeddingDistance) != found.embedding:
        has = "an embedding" if isinstance(distance, EmbeddingDistance) else "no embedding"
        raise OwnCodeError(
            f"{what}: {made.where} gives one that has {has}: state embedding = {str(not found.embedding).lower()}"
        )
    check_identity(made, distance, found.source.sha256, what)
    return _named(distance, found.name, found.weights_hash, made.where)


def identity_of(location: str) -> str:
    """The SHA-256 that a catalogue has to state of a distance that code makes: of its tensors and its factory's file.

    Args:
        location: `module:factory`, `file.py:factory`, or the name of an entry point.

    Raises:
        OwnCodeError: The code cannot be had or failed, or gives something else.
    """
    what = f"distance {location!r}"
    made = made_by(location, DISTANCES, what)
    return made.identity(_distance_of(made, what))


def installed_distance(name: str) -> Distance:
    """The distance that an installed package brings, of which no catalogue file says anything.

    Raises:
        OwnCodeError: The code failed, or gives something else.
    """
    what = f"distance {name!r}"
    made = made_by(name, DISTANCES, what)
    distance = _distance_of(made, what)
    return _named(distance, name, made.identity(distance), made.where)


def _distance_of(made: Made, what: str) -> Distance:
    if isinstance(made.value, Distance):
        return made.value
    if isinstance(made.value, nn.Module):
        return ModuleDistance(made.value)
    raise OwnCodeError(
        f"{what}: {made.where} is to give a pullback.distances.Distance or a torch.nn.Module, but gave "
        f"{type(made.value).__name__}"
    )


def _named(distance: Distance, name: str, weights_hash: str, where: str) -> Distance:
    """The distance under a name and an identity of its catalogue's; what its code raises is told with both."""
    kind = type(distance)
    of = _ToldEmbedding if isinstance(distance, EmbeddingDistance) else _Told
    distance.__class__ = type(kind.__name__, (of, kind), {"__module__": kind.__module__})
    distance.name, distance.weights_hash = name, weights_hash
    distance._where = where  # type: ignore[assignment]
    return distance


class _Told(Distance):
    """A distance of somebody's code: says whose it is where that fails."""

    _where: str

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """As its own class does."""
        # The next class is the distance's own.
        call = super().forward  # type: ignore[safe-super]
        given: Tensor = told(f"distance {self.name!r}", self._where, lambda: call(a, b))
        return given


class _ToldEmbedding(EmbeddingDistance):
    """An embedding of somebody's code: says whose it is where that fails."""

    _where: str

    def embed(self, images: Tensor) -> Tensor:
        """As its own class does."""
        call = super().embed  # type: ignore[safe-super]
        given: Tensor = told(f"distance {self.name!r}", self._where, lambda: call(images))
        return given
