"""Loader of neurons: from units to neurons with the published weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pullback.neurons.networks import network_of
from pullback.neurons.neurons import Neurons
from pullback.neurons.units import Unit
from pullback.weights.finite import check_module
from pullback.weights.store import load_state_dict


def load(units: Sequence[Unit], *, side: int | None = None, device: str | torch.device | None = "cpu") -> Neurons:
    """Loads units of a network, fetching its weights the first time: `load([Unit("alexnet", "conv4", 22)])`.

    The weights are those of the distance that compares images by the same network.

    Args:
        units: The units, at least one, all of one network.
        side: Height and width in pixels that images are resized to, 32 to 1024; None = what suits the network, 224 px
            for AlexNet and VGG-16 and 128 px for EfficientNet-Lite0.
        device: Where to put it; None takes CUDA where there is one, else the CPU.

    Raises:
        UnknownNameError: A unit of a network that is not known, or of a layer that the network does not have; the
            message lists those there are.
        InvalidInputError: A unit that the layer does not have, no unit at all, units of several networks, or a side out
            of range.
        WeightsUnavailableError: The weights are not on this machine and not to be had; the message says how to place
            them by hand.
        WeightsError: The weights cannot be used.
    """
    state = load_state_dict(network_of(units).source)
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return build(units, state, side=side).to(device)


def build(units: Sequence[Unit], state: Mapping[str, Tensor], *, side: int | None = None) -> Neurons:
    """Units of a network with these weights, on the CPU.

    Args:
        units: As for `load`.
        state: The published tensors of the network by name.
        side: As for `load`.

    Raises:
        UnknownNameError: As `load` does.
        InvalidInputError: As `load` does.
        WeightsError: The tensors are not those of the network, or not finite.
    """
    network = network_of(units)
    layers = network.layers_of(state)
    check_module(nn.ModuleList(layers.values()), state, f"the neurons' {network.name}", network.source)
    return Neurons(network, layers, units, side=side)
