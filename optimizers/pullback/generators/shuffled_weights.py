"""The weight-shuffled control: a generator of the same architecture and the same weights, in another order."""

from __future__ import annotations

import copy

import torch

from pullback.generators.generator import Generator


def shuffle_weights(generator: Generator, seed: int) -> Generator:
    """A copy of a generator in which the elements of every weight tensor are permuted.

    Wang & Ponce (ICLR 2021), Sec. 5 and Fig. 7: this keeps the distribution of the weights of each layer and destroys
    what training put into their arrangement. Scales and biases of normalisation layers, which are vectors, stay.

    Args:
        generator: The generator; it is left as it is.
        seed: Of the permutations, any integer ≥ 0.

    Returns:
        The control, on the same device and in the same precision, named `{name}-shuffled`. Its `weights_hash` says
        that these are not the published weights. Its priors are those of the original, so that both are looked at in
        the same places: of w, too, which its own mapping network would put elsewhere.
    """
    control = copy.deepcopy(generator)
    control.name = f"{generator.name}-shuffled"
    control.weights_hash = f"{generator.weights_hash}-shuffled-{seed}"
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in control.parameters():
            if parameter.ndim > 1:
                order = torch.randperm(parameter.numel(), generator=rng).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].reshape(parameter.shape))
    return control
