"""Small generators and distances whose metrics are known in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.generators.generator import Generator, LatentSpace, Prior


class Normal(Prior):
    """z ~ N(0, I)."""

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, dim, generator=rng)


class ToyGenerator(Generator):
    """What the toys share: one space `z`, or blocks of a space `full`."""

    rest: Tensor

    def __init__(self, image_shape: tuple[int, int, int], dim: int, blocks: Sequence[tuple[str, int]] = ()) -> None:
        super().__init__()
        self.name = "toy"
        self.weights_hash = "0" * 64
        self.image_shape = image_shape
        self.input_space = "full" if blocks else "z"
        self.spaces = {self.input_space: LatentSpace(self.input_space, dim, Normal())}
        start = 0
        for name, size in blocks:
            self.spaces[name] = LatentSpace(name, size, Normal(), start)
            start += size
        self.register_buffer("rest", torch.zeros(dim))

    @property
    def default_context(self) -> Tensor:
        return self.rest


class Linear(ToyGenerator):
    """x = ½ + A z: for the distance ‖a − b‖² the metric is 2 AᵀA everywhere. Leaves [0, 1] for large z."""

    matrix: Tensor

    def __init__(
        self, matrix: Tensor, image_shape: tuple[int, int, int], blocks: Sequence[tuple[str, int]] = ()
    ) -> None:
        super().__init__(image_shape, matrix.shape[1], blocks)
        self.register_buffer("matrix", matrix)

    def synthesize(self, inputs: Tensor) -> Tensor:
        return (0.5 + inputs @ self.matrix.T).reshape(-1, *self.image_shape)


class Smooth(ToyGenerator):
    """x = σ(B tanh(A z)): nonlinear, smooth, in [0, 1]."""

    inner: Tensor
    outer: Tensor

    def __init__(self, dim: int = 6, hidden: int = 20, image_shape: tuple[int, int, int] = (3, 4, 4)) -> None:
        super().__init__(image_shape, dim)
        rng = torch.Generator().manual_seed(7)
        channels, height, width = image_shape
        self.register_buffer("inner", torch.randn(hidden, dim, generator=rng) / dim**0.5)
        self.register_buffer("outer", torch.randn(channels * height * width, hidden, generator=rng) / hidden**0.5)

    def synthesize(self, inputs: Tensor) -> Tensor:
        hidden = (inputs @ self.inner.T).tanh()
        return (2 * hidden @ self.outer.T).sigmoid().reshape(-1, *self.image_shape)


class Sphere(ToyGenerator):
    """(θ, ϕ) → a point of the unit sphere, as one pixel of three channels: the metric is 2 diag(1, sin²θ)."""

    def __init__(self) -> None:
        super().__init__((3, 1, 1), 2)

    def synthesize(self, inputs: Tensor) -> Tensor:
        theta, phi = inputs.unbind(dim=1)
        point = torch.stack([theta.sin() * phi.cos(), theta.sin() * phi.sin(), theta.cos()], dim=1)
        return point[:, :, None, None]


class Quadratic(ToyGenerator):
    """xᵢ = ½ zᵀ Qᵢ z with symmetric Qᵢ: J has the rows Qᵢ z."""

    forms: Tensor

    def __init__(self, forms: Tensor, blocks: Sequence[tuple[str, int]] = ()) -> None:
        super().__init__((len(forms), 1, 1), forms.shape[1], blocks)
        self.register_buffer("forms", forms)

    def synthesize(self, inputs: Tensor) -> Tensor:
        values: Tensor = torch.einsum("bi,kij,bj->bk", inputs, self.forms, inputs) / 2
        return values[:, :, None, None]


class Rotated(ToyGenerator):
    """G(z R): another generator behind a change of coordinates."""

    generator: ToyGenerator
    rotation: Tensor

    def __init__(self, generator: ToyGenerator, rotation: Tensor) -> None:
        super().__init__(generator.image_shape, len(rotation))
        self.generator = generator
        self.register_buffer("rotation", rotation)

    def synthesize(self, inputs: Tensor) -> Tensor:
        return self.generator.synthesize(inputs @ self.rotation)


class Euclidean(EmbeddingDistance):
    """D(a, b) = scale ‖a − b‖²."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.name = "euclidean"
        self.root = math.sqrt(scale)

    def embed(self, images: Tensor) -> Tensor:
        return self.root * images.flatten(1)


class Curved(EmbeddingDistance):
    """A distance with a nonlinear embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "curved"

    def embed(self, images: Tensor) -> Tensor:
        flat = images.flatten(1)
        return torch.cat([flat.sin(), (2 * flat).cos() * flat.roll(1, dims=1)], dim=1)


class Poisoned(Euclidean):
    """Euclidean, but NaN for images whose first value exceeds a bound."""

    def __init__(self, bound: float) -> None:
        super().__init__()
        self.name = "poisoned"
        self.bound = bound

    def embed(self, images: Tensor) -> Tensor:
        flat = super().embed(images)
        return flat * torch.where(flat[:, :1].detach() > self.bound, torch.nan, 1.0)


class Bounded(Distance):
    """D(a, b) = 1 − exp(−‖a − b‖²): no embedding, and the metric of the Euclidean distance."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "bounded"

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return -torch.expm1(-(a - b).flatten(1).square().sum(dim=1))


class Convolutional(ToyGenerator):
    """A convolutional generator of seeded weights, large enough for its memory to be measured."""

    def __init__(self, dim: int, side: int, width: int = 8) -> None:
        super().__init__((1, side, side), dim)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            layers: list[nn.Module] = [nn.ConvTranspose2d(dim, width, 4), nn.LeakyReLU(0.2)]
            for _ in range(int(math.log2(side // 4))):
                layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.2)]
            self.layers = nn.Sequential(*layers, nn.Conv2d(width, 1, 3, padding=1), nn.Sigmoid()).requires_grad_(False)

    def synthesize(self, inputs: Tensor) -> Tensor:
        images: Tensor = self.layers(inputs[:, :, None, None])
        return images
