"""Features of LPIPS-type distances: unit-normalised, weighted activations as one embedding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pullback.errors import WeightsError

# Stands inside the root of the channel norm. 1e-10 is far below the squared norm of any activation that matters, and
# float32 holds the derivatives that it bounds (1e5 for the first, 1e10 for the second).
EPSILON = 1e-10


class LpipsEmbedding(nn.Module):
    """The embedding of LPIPS (Zhang et al., CVPR 2018, Eq. 1) from the activations of a network.

    LPIPS adds up, over layers l, the spatial average of Σ_c w_lc (â_lc − b̂_lc)², where ^ is division by the norm over
    channels. That is ‖φ(a) − φ(b)‖² for φ = â · sqrt(w) / sqrt(H W), concatenated over layers.

    The published norm is sqrt(Σ a²) + 1e-10, whose gradient is NaN where all channels are zero, as on flat images.
    Here the epsilon stands inside the root, so every derivative is finite.

    Args:
        weights: For each layer, one weight ≥ 0 per channel.

    Raises:
        WeightsError: A weight is negative: such a distance has no embedding.
    """

    def __init__(self, weights: Iterable[Float[Tensor, " _"]]) -> None:
        super().__init__()
        for layer, weight in enumerate(weights):
            if bool((weight < 0).any()):
                raise WeightsError(
                    f"LPIPS weights must be ≥ 0, but those of layer {layer} go down to {weight.min():.3g}"
                )
            self.register_buffer(f"root{layer}", weight.sqrt()[:, None, None])

    def forward(self, activations: Sequence[Float[Tensor, "batch _ _ _"]]) -> Float[Tensor, "batch features"]:
        """The embedding of one batch's activations, layer by layer."""
        roots = self.buffers()
        return torch.cat([_unit(a, root) for a, root in zip(activations, roots, strict=True)], dim=1)


def _unit(activation: Tensor, root_weight: Tensor) -> Tensor:
    # â = a / sqrt(Σ_c a_c² + ε)
    unit = activation * torch.rsqrt(activation.square().sum(dim=1, keepdim=True) + EPSILON)
    # φ = â · sqrt(w) / sqrt(H W)
    height, width = activation.shape[-2:]
    return (unit * (root_weight / math.sqrt(height * width))).flatten(start_dim=1)


def prepare(network: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    """Gives a network, built on the meta device, its published weights, and takes its in-place operations out.

    Args:
        network: The network; changed here.
        state: Exactly its tensors by name.
        what: Whose weights they are, for the error: `distance 'lpips-alex'`.

    Raises:
        WeightsError: Names or shapes differ from the network's.
    """
    try:
        network.load_state_dict(dict(state), strict=True, assign=True)
    except RuntimeError as error:
        raise WeightsError(f"the weights of {what} do not fit its network: {error}") from error
    for module in network.modules():
        # In-place activations destroy what forward mode and double backward need.
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
