"""The bottleneck block of BigGAN-deep (Brock, Donahue and Simonyan, ICLR 2019, App. B)."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class BottleneckBlock(nn.Module):
    """Four times norm, ReLU and convolution, beside a shortcut that keeps the first channels of its input.

    Args:
        norms: The four conditional normalisations.
        convolutions: The four convolutions, the outer ones 1 × 1.
        doubles: Whether the second convolution works at twice the side.
    """

    def __init__(self, norms: Sequence[nn.Module], convolutions: Sequence[nn.Conv2d], *, doubles: bool) -> None:
        super().__init__()
        self.norms, self.convolutions = nn.ModuleList(norms), nn.ModuleList(convolutions)
        self._channels, self.doubles = convolutions[-1].out_channels, doubles

    def forward(
        self, values: Float[Tensor, "batch into height width"], condition: Float[Tensor, "batch dim"]
    ) -> Float[Tensor, "batch out height2 width2"]:
        """The map behind the block, of the same side or of twice that."""
        inner = values
        for number, (norm, convolution) in enumerate(zip(self.norms, self.convolutions, strict=True)):
            inner = functional.relu(norm(inner, condition))
            if number == 1:
                inner = self._resized(inner)
            inner = convolution(inner)
        return inner + self._resized(values[:, : self._channels])

    def _resized(self, values: Tensor) -> Tensor:
        return functional.interpolate(values, scale_factor=2, mode="nearest") if self.doubles else values
