"""Generator of any network that takes latents and gives images or sounds."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pullback.errors import OwnCodeError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.fitting import Shape
from pullback.generators.generator import Generator
from pullback.generators.priors import latent_spaces, with_default_classes
from pullback.own_code import told


class ModuleGenerator(Generator):
    """A network of shape (B, dim) → (B, C, H, W), or (B, C, T), frozen and in evaluation mode.

    Args:
        entry: What the catalogue says of it; its option `levels` is the range of the network's values, `0..1` or
            `-1..1`. What lies outside is clamped. Of sounds it is `-1..1`.
        network: The network.

    Raises:
        InvalidInputError: The entry lacks `levels`, or states a prior that only a class of its own could have.
    """

    _context: Tensor

    def __init__(self, entry: CatalogueEntry, network: nn.Module) -> None:
        super().__init__()
        self.name = entry.name
        self.weights_hash = entry.weights_hash
        self.spaces = latent_spaces(entry)
        self.input_space = entry.input_space
        self.image_shape = entry.image_shape
        self.network = network
        self._signed = entry.asked("levels") == "-1..1"
        whole = self.spaces[self.input_space]
        context = with_default_classes(whole.prior.mean(whole.dim), entry, self.spaces)
        self.register_buffer("_context", context, persistent=False)

    @property
    def default_context(self) -> Float[Tensor, " input_dim"]:
        """The means of the priors, and the classes that the catalogue names as defaults."""
        return self._context

    def synthesize(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels *size"]:
        """Images in [0, 1], or sounds in [−1, 1], of complete inputs."""
        given = told(f"generator {self.name!r}", type(self.network).__name__, lambda: self.network(inputs))
        expected = (len(inputs), *self.image_shape)
        came = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
        if came != expected:
            raise OwnCodeError(
                f"generator {self.name!r}: of {len(inputs)} latents its network is to give {expected}, but {came} came"
            )
        assert isinstance(given, Tensor)  # noqa: S101  (it has a shape)
        if len(self.image_shape) == 2:
            return given.clamp(-1, 1)
        return ((given + 1) / 2 if self._signed else given).clamp(0, 1)


class Frozen(nn.Module):
    """A network whose mode cannot be changed, as that of exported programs.

    Args:
        network: The network.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def train(self, mode: bool = True) -> Frozen:
        """Leaves it as it was exported."""
        del mode
        return self

    def forward(self, inputs: Tensor) -> Tensor:
        """What the network gives."""
        given: Tensor = self.network(inputs)
        return given


def output_shape(network: nn.Module, dim: int, what: str) -> Shape:
    """The shape of what a network gives for a latent, without its batch.

    Raises:
        OwnCodeError: It does not take such latents, or gives no tensor of a batch.
    """
    with torch.no_grad():
        given = told(what, type(network).__name__, lambda: network(torch.zeros(2, dim)))
    if not isinstance(given, Tensor) or given.ndim not in {3, 4} or len(given) != 2:
        came = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
        raise OwnCodeError(f"{what}: of latents (2, {dim}) came {came}, but images (2, C, H, W) are wanted")
    first, second, *rest = given.shape[1:]
    return (first, second, rest[0]) if rest else (first, second)
