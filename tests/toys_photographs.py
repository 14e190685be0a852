"""Small generators for what real photographs need: one whose images are smooth in space, one that knows classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pullback.generators import CatalogueEntry, Generator, SpaceEntry, build
from pullback.weights import WeightsSource
from toys import ToyGenerator

LABELS = ("ant", "bee", "cat")


class Blobs(ToyGenerator):
    """x = σ(Σₖ zₖ bₖ) with soft blobs bₖ of seeded places and colours: images that can be shifted and scaled."""

    blobs: Tensor

    def __init__(self, dim: int = 12, side: int = 24) -> None:
        super().__init__((3, side, side), dim)
        rng = torch.Generator().manual_seed(5)
        centers = 1.2 * torch.rand(dim, 1, 2, generator=rng) - 0.6
        widths = 0.15 + 0.2 * torch.rand(dim, 1, generator=rng)
        colours = torch.randn(dim, 3, 1, generator=rng)
        places = (2 * torch.arange(side) + 1) / side - 1
        grid = torch.cartesian_prod(places, places)
        soft = torch.exp(-(grid - centers).square().sum(dim=2) / (2 * widths.square()))
        self.register_buffer("blobs", (2 * colours * soft[:, None]).reshape(dim, -1))

    def synthesize(self, inputs: Tensor) -> Tensor:
        return (inputs @ self.blobs).sigmoid().reshape(-1, *self.image_shape)


def conditional(seed: int = 0) -> Generator:
    """A seeded class-conditional DCGAN: five coordinates of noise and three classes to 16 × 16 colour pixels."""
    rng = torch.Generator().manual_seed(seed)
    entry = CatalogueEntry(
        name="tiny-classes",
        title="Tiny, with classes",
        family="conditional-dcgan",
        spaces=(
            SpaceEntry("full", 8, "product"),
            SpaceEntry("noise", 5, "standard-normal"),
            SpaceEntry("class", 3, "one-hot", 5, LABELS, "bee"),
        ),
        input_space="full",
        image_shape=(3, 16, 16),
        source=WeightsSource("path", "/nowhere/tiny.pth", "ab" * 32),
    )
    # Three modules a layer, and a dropout after the first.
    state = {
        f"main.{place}.weight": torch.randn(width_in, width_out, 4, 4, generator=rng) / 4
        for place, width_in, width_out in ((0, 8, 16), (4, 16, 8), (7, 8, 3))
    }
    for place, width in ((1, 16), (5, 8)):
        state |= {
            f"main.{place}.weight": torch.ones(width),
            f"main.{place}.bias": torch.randn(width, generator=rng) / 4,
            f"main.{place}.running_mean": torch.zeros(width),
            f"main.{place}.running_var": torch.ones(width),
            f"main.{place}.num_batches_tracked": torch.tensor(0),
        }
    return build(entry, state)


def laid_back(images: Tensor, frames: Tensor, photographs: Tensor) -> Tensor:
    """Photographs with images laid into their frames: the inverse of cutting frames out, by resampling of its own.

    Every pixel of the photograph at x shows the image at (x − t) / s, where that lies in the image.
    """
    side = images.shape[-1]
    places = (2 * torch.arange(side, dtype=images.dtype) + 1) / side - 1
    found = photographs.clone()
    for number, (scale, right, down) in enumerate(frames):
        x, y = (places - right) / scale, (places - down) / scale
        grid = torch.stack([x.expand(side, side), y[:, None].expand(side, side)], dim=2)
        drawn = functional.grid_sample(images[number][None], grid[None], padding_mode="border", align_corners=False)[0]
        inside = (x.abs() <= 1)[None, :] & (y.abs() <= 1)[:, None]
        found[number] = torch.where(inside, drawn, found[number])
    return found
