"""PGGAN: a progressively grown GAN (Karras et al., ICLR 2018), read from the files of the GAN zoo."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.errors import WeightsError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.families.whole_input import WholeInputGenerator, levels
from pullback.generators.families.zoo_settings import ends_in_tanh, said
from pullback.generators.ready_layers import convolution, linear
from pullback.generators.state_tensors import StateTensors

_EPSILON = 1e-8


class PgGan(WholeInputGenerator):
    """A progressively grown GAN (Karras et al., ICLR 2018) of facebookresearch/pytorch_GAN_zoo.

    Its images lie about [−1, 1], or within where its loss asked for a tanh; what lies outside is clamped. Labels of an
    AC-GAN stand behind the noise in its input.

    Args:
        entry: What the catalogue says of this generator.
        state: Tensors of `avgG` by name.
        settings: The `config` of the file.

    Raises:
        WeightsError: The tensors are not those of this architecture, or the settings no such file's.
        InvalidInputError: The catalogue states other shapes, or lacks what the file does not say.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        if settings.get("perChannelNormalization", True) is not True:
            raise WeightsError(
                f"generator {entry.name!r} was trained with perChannelNormalization = False, which the GAN zoo itself "
                "cannot run; there are no images to reproduce"
            )
        network = PgGanNetwork(
            StateTensors(without_wrappers(state), entry.name, entry.family),
            equalized=said(entry, settings, "equalized", "equalizedlR"),
            leak=said(entry, settings, "leak", "leakyReluLeak"),
            alpha=said(entry, settings, "alpha", "alpha"),
        )
        super().__init__(entry, network.dim, (network.channels, network.side, network.side))
        self.network = network
        self._tanh = ends_in_tanh(entry, settings)

    @property
    def first_weight(self) -> Float[Tensor, "outputs input_dim"]:
        """The linear layer behind the normalised input."""
        return self.network.first.scaled_weight

    def activations(self, inputs: Float[Tensor, "batch input_dim"], until: str = "") -> dict[str, Tensor]:
        """The maps of each resolution, `4 px` and on, and the images."""
        found: dict[str, Tensor] = {}
        for values in self.network.maps(inputs):
            found[f"{values.shape[-1]} px"] = values
            if until in found:
                return found
        *_, before, last = (inputs, *found.values())
        return {**found, "image": self._levels(self.network.image(before, last))}

    def synthesize(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels height width"]:
        """Images in [0, 1] of complete inputs."""
        return self._levels(self.network(inputs))

    def _levels(self, images: Tensor) -> Tensor:
        return levels(images.tanh() if self._tanh else images)


class PgGanNetwork(nn.Module):
    """A normalised latent becomes a 4 × 4 map, and each scale doubles its side; not clamped, about [−1, 1].

    Widths and the number of scales follow from the weights' shapes.

    Args:
        tensors: Those of `avgG`, as the zoo names them, without the `.module` of its equalised layers.
        equalized: Whether every layer's weights and biases are scaled by √(2 / fan-in), as they are by default.
        leak: Slope of the rectifiers below 0.
        alpha: While a scale was being faded in: the share of the scale before it in the image.

    Raises:
        WeightsError: The tensors are not those of this architecture.
    """

    def __init__(self, tensors: StateTensors, *, equalized: bool = True, leak: float = 0.2, alpha: float = 0) -> None:
        super().__init__()
        self._leak, self._alpha = leak, alpha

        def layer(name: str, *shape: int | None) -> _Scaled:
            weight = tensors.take(f"{name}.weight", *shape)
            return _Scaled(weight, tensors.take(f"{name}.bias", len(weight)), equalized=equalized)

        self.start = layer("groupScale0.0", None, None, 3, 3)
        self.width = self.start.width_in
        self.first = layer("formatLayer", 16 * self.width, None)
        self.dim = self.first.width_in
        widths = [self.start.width]
        self.scales = nn.ModuleList()
        for number in range(len(tensors.numbers(r"scaleLayers\.(\d+)\..*"))):
            doubled = layer(f"scaleLayers.{number}.0", None, widths[-1], 3, 3)
            self.scales.append(
                nn.ModuleList([doubled, layer(f"scaleLayers.{number}.1", doubled.width, doubled.width, 3, 3)])
            )
            widths.append(doubled.width)
        # Images of the earlier scales are left from growing; but for the last of them, while the next fades in.
        to_image = [layer(f"toRGBLayers.{number}", None, width, 1, 1) for number, width in enumerate(widths)]
        self.to_image = to_image[-1]
        self.channels = self.to_image.width
        self.before = to_image[-2] if alpha and self.scales else None
        tensors.finish()

    @property
    def side(self) -> int:
        """Side of the images in pixels."""
        return 4 << len(self.scales)

    def maps(self, inputs: Float[Tensor, "batch dim"]) -> Iterator[Float[Tensor, "batch width side side"]]:
        """The maps of each side, 4 × 4 first."""
        values = torch.unflatten(self._rectified(self.first(_normalized(inputs))), 1, (self.width, 4, 4))
        values = _normalized(self._rectified(self.start(_normalized(values))))
        yield values
        for scale in self.scales:
            values = _doubled(values)
            for layer in scale.children():
                values = _normalized(self._rectified(layer(values)))
            yield values

    def image(self, before: Tensor, values: Tensor) -> Float[Tensor, "batch channels side side"]:
        """The image of the last maps but one, and the last."""
        image: Tensor = self.to_image(values)
        if self.before is None:
            return image
        return self._alpha * _doubled(self.before(before)) + (1 - self._alpha) * image

    def forward(self, inputs: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch channels side side"]:
        """Images of latents."""
        before = values = inputs
        for each in self.maps(inputs):
            before, values = values, each
        return self.image(before, values)

    def _rectified(self, values: Tensor) -> Tensor:
        return functional.leaky_relu(values, self._leak)


class _Scaled(nn.Module):
    """(W x + b) √(2 / fan-in), or W x + b: a linear layer, or a convolution that keeps the size of the map."""

    def __init__(self, weight: Tensor, bias: Tensor, *, equalized: bool) -> None:
        super().__init__()
        self.layer = linear(weight, bias) if weight.ndim == 2 else convolution(weight, bias)
        self.width, self.width_in = weight.shape[:2]
        self.scale = math.sqrt(2 / weight[0].numel()) if equalized else 1.0

    @property
    def scaled_weight(self) -> Tensor:
        """W √(2 / fan-in)."""
        return self.layer.weight * self.scale

    def forward(self, values: Tensor) -> Tensor:
        scaled: Tensor = self.layer(values) * self.scale
        return scaled


def without_wrappers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names without the `.module` of the zoo's equalised layers."""
    return {re.sub(r"\.module\.(weight|bias)$", r".\1", name): tensor for name, tensor in state.items()}


def _normalized(values: Float[Tensor, "batch channels *size"]) -> Tensor:
    """Of every position, x / √(mean over the channels of x² + ε)."""
    return values * torch.rsqrt(values.square().mean(dim=1, keepdim=True) + _EPSILON)


def _doubled(values: Tensor) -> Tensor:
    return functional.interpolate(values, scale_factor=2, mode="nearest")
