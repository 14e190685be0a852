"""Generator that code of one's own makes: a `Generator`, or any network that takes latents."""

from __future__ import annotations

from torch import Tensor, nn

from pullback.errors import OwnCodeError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.fitting import check_stated
from pullback.generators.generator import Generator
from pullback.generators.own.module_generator import ModuleGenerator
from pullback.own_code import Made, check_identity, made_by, told
from pullback.weights.entry_points import GENERATORS


def from_code(entry: CatalogueEntry) -> Generator:
    """The generator of a catalogue entry whose source is code.

    Raises:
        OwnCodeError: The code cannot be had or failed, gives something else, or is not that of the entry.
        InvalidInputError: The entry states other spaces or another image shape than it gives.
    """
    what = f"generator {entry.name!r}"
    made = made_by(entry.source.location, GENERATORS, what)
    network = network_of(made, what)
    check_identity(made, network, entry.source.sha256, what)
    if not isinstance(network, Generator):
        return ModuleGenerator(entry, network)
    dims = {name: space.dim for name, space in network.spaces.items()}
    check_stated(entry, dims, network.input_space, network.image_shape)
    return named(network, entry.name, entry.weights_hash, made.where)


def installed_generator(name: str) -> Generator:
    """The generator that an installed package brings, of which no catalogue file says anything.

    Raises:
        OwnCodeError: The code failed, or gives no `Generator`, so that nothing says what spaces it has.
    """
    what = f"generator {name!r}"
    made = made_by(name, GENERATORS, what)
    network = network_of(made, what)
    if not isinstance(network, Generator):
        raise OwnCodeError(
            f"{what}: {made.where} gives a {type(network).__name__}, of which nothing says what spaces and images it "
            f"has: pullback generators add {name} {name}, or let it give a pullback.generators.Generator"
        )
    return named(network, name, made.identity(network), made.where)


def network_of(made: Made, what: str) -> nn.Module:
    """The network that a factory gave.

    Raises:
        OwnCodeError: It gave something else.
    """
    if not isinstance(made.value, nn.Module):
        raise OwnCodeError(
            f"{what}: {made.where} is to give a pullback.generators.Generator or a torch.nn.Module, but gave "
            f"{type(made.value).__name__}"
        )
    return made.value


def named(generator: Generator, name: str, weights_hash: str, where: str) -> Generator:
    """The generator under a name and an identity of its catalogue's; what its code raises is told with both."""
    kind = type(generator)
    generator.__class__ = type(kind.__name__, (_Told, kind), {"__module__": kind.__module__})
    generator.name, generator.weights_hash = name, weights_hash
    generator._where = where  # type: ignore[assignment]
    return generator


class _Told(Generator):
    """A generator of somebody's code: says whose it is where that fails."""

    _where: str

    def synthesize(self, inputs: Tensor) -> Tensor:
        """As its own class does."""
        # The next class is the generator's own.
        call = super().synthesize  # type: ignore[safe-super]
        given: Tensor = told(f"generator {self.name!r}", self._where, lambda: call(inputs))
        return given
