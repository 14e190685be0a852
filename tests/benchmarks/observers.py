"""What evolutions are run for: units that answer a generator's images, and the images' way to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pullback import distances, generators, neurons
from pullback.geometry import Eigenbasis, global_metric
from pullback.neurons import Neurons, Unit
from pullback.search import SearchSpace, catalogue_space

SPACES = {"faces": "z", "eyes": "noise"}
# Visual systems: layers of each network from edges to objects, from which units are taken in turn. Wang & Ponce evolved
# images for units of AlexNet.
LAYERS = {
    "alexnet": ("conv2", "conv3", "conv4", "conv5"),
    "vgg16": ("conv2_2", "conv3_3", "conv4_3", "conv5_3"),
    "efficientnet-lite0": ("blocks.1.1", "blocks.2.1", "blocks.4.2", "blocks.5.3", "bn2", "logits"),
}
# Pixels of what a network sees: as many as an hour of evolutions allows.
_SIDES = {"alexnet": 128, "vgg16": 64, "efficientnet-lite0": 128}
# Of a processor: without these, convolutions in bfloat16 take tens of times as long as in float32.
_HAS_BFLOAT16 = any(torch.cpu.get_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
# Convolutions in bfloat16 are .7 to 1.5 % off and take half the time; many normalised layers add up to 7 %.
_BRIEF = frozenset({"alexnet", "vgg16"})
# Mean rate to draws of the prior in spikes/s.
MEAN_RATE = 20.0
# A unit must answer to this share of draws, as one that a laboratory finds and keeps.
_ANSWERED = 0.5
_DRAWS, _DRAW_SEED = 192, 6_000_011
# Images that are rendered and looked at together: as many at once as a core's cache holds, and as memory does.
_RENDERED, _SEEN = 16, 512


class Observer:
    """Units that look at a generator's images.

    Args:
        generator: Name of the generator.
        units: The units; their gains are set so that draws of the prior are answered with MEAN_RATE.
        folder: Where the eigenbasis is kept.

    Attributes:
        spreads: Standard deviations of the units' rates to draws of the prior, shape (units,).
    """

    def __init__(self, generator: str, units: Sequence[Unit], folder: Path) -> None:
        self.name, self.space_name = generator, SPACES[generator]
        self.generator = generators.load(generator).to(memory_format=torch.channels_last)
        self.space = space_of(generator)
        self.basis = eigenbasis(generator, folder)
        self.units = tuple(units)
        found, draws = neurons.load(units, side=_SIDES[units[0].network]), self.images(self._draws())
        self.neurons: Neurons = found.calibrated(draws, MEAN_RATE)
        self.spreads: NDArray[np.float64] = self.neurons.respond(draws).double().std(dim=0).numpy()

    def images(self, latents: NDArray[np.floating]) -> torch.Tensor:
        """Images of latents, shape (n, 3, H, W).

        In `brief` precision on average 0.0009 away from float32, as 8-bit pixels are.
        """
        chunks = torch.split(torch.from_numpy(np.asarray(latents, dtype=np.float32)), _RENDERED)
        with torch.inference_mode(), brief():
            return torch.cat([self.generator.render(chunk, self.space_name) for chunk in chunks]).float()

    def rates(self, latents: NDArray[np.floating], unit: NDArray[np.int64]) -> NDArray[np.float64]:
        """Spikes/s of one unit for each latent, without noise."""
        is_brief = self.neurons.network.name in _BRIEF
        rates = []
        for first in range(0, len(latents), _SEEN):
            images, numbers = self.images(latents[first : first + _SEEN]), torch.from_numpy(unit[first : first + _SEEN])
            with torch.inference_mode(), brief(is_brief):
                rates.append(self.neurons.respond_each(images, numbers))
        return torch.cat(rates).double().numpy()

    def _draws(self) -> NDArray[np.float32]:
        return self.generator.space(self.space_name).sample(_DRAWS, _DRAW_SEED).numpy()


def brief(enabled: bool = True) -> torch.autocast:
    """Convolutions within are of bfloat16, where that is faster on this processor."""
    return torch.autocast("cpu", torch.bfloat16, enabled=enabled and _HAS_BFLOAT16)


def space_of(generator: str) -> SearchSpace:
    """Where evolutions search."""
    return catalogue_space(generators.entry(generator), SPACES[generator])


def eigenbasis(generator: str, folder: Path) -> Eigenbasis:
    """Of the generator's metric under the default distance; kept in a file for it."""
    path = folder / f"{generator}-{distances.DEFAULT_DISTANCE}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = global_metric(generators.load(generator), distances.load(), SPACES[generator], samples=1000)
        made.save(path)
    return Eigenbasis.load(path)


def responsive_units(generator: str, network: str, count: int) -> tuple[Unit, ...]:
    """So many units that answer a generator's images, of each of the network's LAYERS in turn, in an order of chance.

    Raises:
        SystemExit: Too few do.
    """
    rng, layers = np.random.default_rng(5), LAYERS[network]
    model, space = generators.load(generator), SPACES[generator]
    with torch.inference_mode():
        images = model.render(model.space(space).sample(_DRAWS, _DRAW_SEED), space)
    side = _SIDES[network]
    shapes = neurons.load([Unit(network, layers[-1], 0)], side=side).layers
    units = [Unit(network, layer, channel) for layer in layers for channel in range(shapes[layer][0])]
    answered = (neurons.load(units, side=side).respond(images) > 0).double().mean(dim=0).numpy() >= _ANSWERED
    chosen = [units[number] for number in rng.permutation(np.flatnonzero(answered))]
    per_layer = {layer: [unit for unit in chosen if unit.layer == layer] for layer in layers}
    needed = -(-count // len(layers))
    if few := [layer for layer, found in per_layer.items() if len(found) < needed]:
        raise SystemExit(
            f"{count} units need {needed} of each layer that answer {generator}; {network} {few} has fewer"
        )
    return tuple(per_layer[layers[number % len(layers)]][number // len(layers)] for number in range(count))
