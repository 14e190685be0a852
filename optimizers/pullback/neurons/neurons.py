"""Neurons: the answers of a network's units to images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.neurons.networks import Network
from pullback.neurons.units import Unit

MIN_SIDE, MAX_SIDE = 32, 1024  # px; below, the last layers have no output
# Images that pass the network at once: their activations stay in a core's cache, and the memory they take is small
# enough to be had again without asking the system, which together nearly doubles the speed of one by one.
_CHUNK = 8


class Neurons(nn.Module):
    """Units of a network as neurons: an image gives each a firing rate in spikes/s.

    Images are resized to `side` × `side` px and normalised as the weights ask. The rate is gain · max(0, activation);
    trials with the noise of spikes are drawn from it by `poisson`.

    Args:
        network: The network.
        layers: Its layers by name, in their order (`Network.layers_of`).
        units: The units, at least one, all of this network.
        side: Height and width in pixels of what the network sees, 32 to 1024; None = the network's own.

    Attributes:
        network: The network.
        units: The units.
        layers: Channels, height and width of each layer by its name, in their order: what units can be chosen from.

    Raises:
        UnknownNameError: A unit of a layer that the network does not have; the message lists those it has.
        InvalidInputError: A unit that the layer does not have, no unit at all, or a side out of range.
    """

    mean: Tensor
    std: Tensor
    _depths: Tensor
    _channels: Tensor
    _rows: Tensor
    _columns: Tensor
    _gains: Tensor

    def __init__(
        self, network: Network, layers: Mapping[str, nn.Module], units: Sequence[Unit], *, side: int | None = None
    ) -> None:
        super().__init__()
        if not units:
            raise InvalidInputError("at least one unit is looked at, but none came")
        self.side = network.side if side is None else side
        if not MIN_SIDE <= self.side <= MAX_SIDE:
            raise InvalidInputError(
                f"{network.name} sees images of {MIN_SIDE} to {MAX_SIDE} px, but a side of {side} came"
            )
        self.network = network
        self.units = tuple(units)
        self.register_buffer("mean", torch.tensor(network.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(network.std)[:, None, None], persistent=False)
        self._network = nn.ModuleList(layers.values())
        # Channels innermost suit the depthwise convolutions.
        self._network.requires_grad_(False).eval().to(memory_format=torch.channels_last)
        self.layers = self._shapes(layers)
        places = torch.tensor([self._place(unit) for unit in units], device=self.device)
        for name, values in zip(("_depths", "_channels", "_rows", "_columns"), places.T, strict=True):
            self.register_buffer(name, values, persistent=False)
        gains = torch.tensor([unit.gain for unit in units], device=self.device)
        self.register_buffer("_gains", gains, persistent=False)
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where the network is, and where images come from."""
        return next(self._network.parameters()).device

    @torch.no_grad()
    def respond(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch units"]:
        """The rate of every unit for every image.

        Args:
            images: Images in [0, 1] of any size, greyscale or colour.

        Returns:
            Spikes/s, at least 0, shape (B, units).

        Raises:
            InvalidInputError: No images, or images of neither 1 nor 3 channels.
        """
        self._check_images(images)
        return torch.cat([self._all_units(self._normalised(chunk)) for chunk in torch.split(images, _CHUNK)])

    @torch.no_grad()
    def respond_each(
        self, images: Float[Tensor, "batch channels height width"], unit: Int64[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        """The rate of one unit for each image, so that evolutions for several units share their batches.

        Args:
            images: Images in [0, 1] of any size, greyscale or colour.
            unit: Which unit looks at each image, as its place in `units`, shape (B,).

        Returns:
            Spikes/s, at least 0, shape (B,).

        Raises:
            InvalidInputError: There is no such unit, or not one for each image; or as `respond` does.
        """
        self._check_images(images)
        if unit.shape != images.shape[:1] or bool(((unit < 0) | (unit >= len(self.units))).any()):
            raise InvalidInputError(
                f"each of {len(images)} images is for a unit numbered 0 to {len(self.units) - 1}, but {unit.tolist()} "
                "came"
            )
        unit = unit.to(self.device)
        # Together with others that go as deep, none waits for those that go on.
        order = self._depths[unit].argsort(stable=True)
        rates = self._gains.new_empty(len(images))
        for chunk in torch.split(order, _CHUNK):
            rates[chunk] = self._one_unit_each(self._normalised(images[chunk]), unit[chunk])
        return rates

    def calibrated(self, images: Float[Tensor, "batch channels height width"], rate: float) -> Neurons:
        """The same units with gains that make their mean rate to these images `rate` spikes/s.

        Raises:
            InvalidInputError: A unit answers to none of the images, or the rate is not above 0.
        """
        means = self.respond(images).mean(dim=0).tolist()
        for unit, mean in zip(self.units, means, strict=True):
            if mean == 0:
                raise InvalidInputError(f"unit {unit} answers to none of the {len(images)} images; take another")
        units = [replace(unit, gain=unit.gain * rate / mean) for unit, mean in zip(self.units, means, strict=True)]
        layers = dict(zip(self.layers, self._network, strict=True))
        return Neurons(self.network, layers, units, side=self.side)

    def _shapes(self, layers: Mapping[str, nn.Module]) -> dict[str, tuple[int, int, int]]:
        """What each layer gives of one image."""
        shapes: dict[str, tuple[int, int, int]] = {}
        with torch.no_grad():
            values = torch.zeros(1, 3, self.side, self.side, device=self.device)
            for name, layer in layers.items():
                values = layer(values)
                shapes[name] = (values.shape[1], values.shape[2], values.shape[3])
        return shapes

    def _place(self, unit: Unit) -> tuple[int, int, int, int]:
        """Depth, channel, row and column."""
        if unit.layer not in self.layers:
            raise UnknownNameError(f"layer of {self.network.name}", unit.layer, self.layers)
        channels, height, width = self.layers[unit.layer]
        row = height // 2 if unit.row is None else unit.row
        column = width // 2 if unit.column is None else unit.column
        if not (0 <= unit.channel < channels and 0 <= row < height and 0 <= column < width):
            raise InvalidInputError(
                f"layer {unit.layer!r} of {self.network.name} has channels 0 to {channels - 1}, and for images of "
                f"{self.side} px rows 0 to {height - 1} and columns 0 to {width - 1}, but channel {unit.channel}, row "
                f"{row} and column {column} came"
            )
        return list(self.layers).index(unit.layer), unit.channel, row, column

    def _normalised(self, images: Tensor) -> Tensor:
        size = (self.side, self.side)
        resized = functional.interpolate(images.expand(-1, 3, -1, -1), size, mode="bilinear", antialias=True)
        return ((resized - self.mean) / self.std).contiguous(memory_format=torch.channels_last)

    def _all_units(self, values: Tensor) -> Tensor:
        rates = self._gains.new_empty(len(values), len(self.units))
        for depth, layer in enumerate(self._network[: int(self._depths.max()) + 1]):
            values = layer(values)
            here = self._depths == depth
            read = values[:, self._channels[here], self._rows[here], self._columns[here]]
            rates[:, here] = self._gains[here] * read.relu()
        return rates

    def _one_unit_each(self, values: Tensor, unit: Tensor) -> Tensor:
        rates = self._gains.new_empty(len(values))
        # An image goes no deeper than its unit.
        left = torch.arange(len(values), device=values.device)
        for depth, layer in enumerate(self._network):
            if not len(left):
                break
            values = layer(values)
            here = self._depths[unit[left]] == depth
            looking = unit[left[here]]
            read = values[here, self._channels[looking], self._rows[looking], self._columns[looking]]
            rates[left[here]] = self._gains[looking] * read.relu()
            values, left = values[~here], left[~here]
        return rates

    def _check_images(self, images: Tensor) -> None:
        if len(images) == 0 or images.shape[1] not in {1, 3}:
            raise InvalidInputError(
                f"{self.network.name} sees one image or more, of 1 or 3 channels, but shape {tuple(images.shape)} came"
            )
