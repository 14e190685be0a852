"""A generator network of residual blocks: a linear layer, blocks of growing side, a last normalisation and tanh."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class Stage(nn.Module):
    """One block, and the coordinates of the input that condition it.

    Args:
        block: Takes a map and a condition; its attribute `doubles` says whether it doubles the side.
        columns: Which coordinates of the input are the condition, in their order.
        attention: What follows the block; None = nothing.
    """

    columns: Tensor

    def __init__(self, block: nn.Module, columns: Sequence[int], attention: nn.Module | None = None) -> None:
        super().__init__()
        self.block, self.attention = block, attention
        self.register_buffer("columns", torch.tensor(columns, dtype=torch.long))

    def forward(self, values: Tensor, inputs: Float[Tensor, "batch input_dim"]) -> Tensor:
        """The map behind the block."""
        values = self.block(values, inputs[:, self.columns])
        return values if self.attention is None else self.attention(values)


class ResidualNetwork(nn.Module):
    """Input → image.

    Args:
        input_dim: Number of coordinates of the input.
        first: The linear layer that makes the first map.
        columns: Which coordinates of the input it takes, in their order.
        stages: The blocks.
        last: The normalisation behind them.
        output: The last convolution.
        side: That of the first map.
        channels_last: Whether the linear layer's outputs are (side, side, channels), else (channels, side, side).
    """

    columns: Tensor

    def __init__(
        self,
        *,
        input_dim: int,
        first: nn.Linear,
        columns: Sequence[int],
        stages: Sequence[Stage],
        last: nn.Module,
        output: nn.Conv2d,
        side: int = 4,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        self.input_dim = input_dim
        self.first, self.last, self.output = first, last, output
        self.stages = nn.ModuleList(stages)
        self.register_buffer("columns", torch.tensor(columns, dtype=torch.long))
        self._side, self._channels_last = side, channels_last

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images."""
        side = self._side << sum(bool(stage.block.doubles) for stage in self.stages)  # type: ignore[union-attr]
        return (self.output.out_channels, side, side)

    def maps(self, inputs: Float[Tensor, "batch input_dim"]) -> Iterator[Float[Tensor, "batch channels height width"]]:
        """The last map of each side, ascending."""
        side = self._side
        values: Tensor = self.first(inputs[:, self.columns])
        if self._channels_last:
            values = torch.unflatten(values, 1, (side, side, -1)).permute(0, 3, 1, 2)
        else:
            values = torch.unflatten(values, 1, (-1, side, side))
        for stage in self.stages:
            following = stage(values, inputs)
            if following.shape[-1] != values.shape[-1]:
                yield values
            values = following
        yield values

    def image(
        self, values: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch colours height width"]:
        """Images in [0, 1] of the last map."""
        drawn: Tensor = self.output(functional.relu(self.last(values)))
        return (torch.tanh(drawn) + 1) / 2

    def first_weights(self) -> Float[Tensor, "outputs input_dim"]:
        """The weights that meet an input: of the linear layer, then of each block's gains and offsets."""
        met: list[tuple[Tensor, Tensor]] = [(self.first.weight, self.columns)]
        for stage in self.stages:
            assert isinstance(stage, Stage)  # noqa: S101  (no others are put in)
            for name, weight in stage.block.named_parameters():
                if name.rpartition(".")[2] in {"gain", "offset"} and weight.ndim > 1:
                    met.append((weight, stage.columns))
        rows = [weight.new_zeros(len(weight), self.input_dim).index_copy(1, columns, weight) for weight, columns in met]
        return torch.cat(rows)
