"""DeePSiM (Dosovitskiy and Brox, NIPS 2016): networks that invert layers of CaffeNet, as a PyTorch port names them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.families.whole_input import WholeInputGenerator
from pullback.generators.state_tensors import StateTensors

_LEAK = 0.3
# What CaffeNet subtracts from its inputs: the mean of red, green and blue.
_MEAN = (123.0, 117.0, 104.0)
_NUMBERED = re.compile(r"^(\w+)\.1\.")


@dataclass(frozen=True)
class Step:
    """A layer: a convolution, a transposed one, or a linear layer where it has no side.

    Attributes:
        name: Its name in the file.
        side: Side of its kernel; 0 = a linear layer.
        stride: Its stride.
        padding: Its zero padding.
        transposed: Whether it is a transposed convolution.
        rectified: Whether a rectifier follows.
    """

    name: str
    side: int = 0
    stride: int = 1
    padding: int = 1
    transposed: bool = False
    rectified: bool = True


def _double(name: str, *, rectified: bool = True) -> Step:
    return Step(name, 4, 2, 1, transposed=True, rectified=rectified)


def _keep(name: str, *, transposed: bool = False, rectified: bool = True) -> Step:
    return Step(name, 3, 1, 1, transposed=transposed, rectified=rectified)


def _upwards(*names: str) -> tuple[Step, ...]:
    """Transposed convolutions: those named `deconv…` double the side, the others keep it."""
    return tuple(_double(name) if name.startswith("de") else _keep(name, transposed=True) for name in names)


_CODES = (Step("defc7"), Step("defc6"), Step("defc5"))
_LEVELS = (
    *_upwards("deconv5", "conv5_1", "deconv4", "conv4_1", "deconv3", "conv3_1", "deconv2", "deconv1"),
    _double("deconv0", rectified=False),
)
_FROM_CONV = (
    Step("Rconv6", 3, 1, 0),
    Step("Rconv7", 3, 1, 0),
    Step("Rconv8", 2, 1, 0),
    *_upwards("deconv5", "conv5_1", "deconv4", "conv4_1", "deconv3", "conv3_1", "deconv2"),
    _keep("conv2_1"),
    _double("deconv1"),
    _keep("conv1_1", rectified=False),
)


def _from_norm(stride: int) -> tuple[Step, ...]:
    return (
        Step("Rconv6", 3, stride, 2),
        _keep("Rconv7"),
        _keep("Rconv8"),
        _double("deconv4"),
        _keep("conv4_1"),
        _double("deconv3"),
        _keep("conv3_1"),
        _double("deconv2"),
        _keep("conv2_1"),
        _double("deconv1", rectified=False),
        _keep("conv1_1", rectified=False),
    )


@dataclass(frozen=True)
class Inverted:
    """An inverted layer.

    Attributes:
        steps: The layers of its network.
        code_side: Side of its maps, which are the code; 0 where the code is a vector.
        image_side: Side of the images.
        squashed: Whether the images end in tanh, rather than in CaffeNet's levels.
    """

    steps: tuple[Step, ...]
    code_side: int
    image_side: int = 256
    squashed: bool = False


_OF_CODES = Inverted((*_CODES, *_LEVELS), 0)
_OF_FIRST = Inverted(_from_norm(2), 27, 240, squashed=True)
_OF_CONV = Inverted(_FROM_CONV, 13, squashed=True)
INVERTED = {
    "fc6": _OF_CODES,
    "fc7": _OF_CODES,
    "fc8": _OF_CODES,
    "pool5": Inverted((Step("Rconv6", 3), Step("Rconv7", 3), Step("Rconv8", 3, 1, 0), *_LEVELS), 6),
    "conv4": _OF_CONV,
    "conv3": _OF_CONV,
    "norm2": Inverted(_from_norm(1), 13, 240, squashed=True),
    "conv1": _OF_FIRST,
    "norm1": _OF_FIRST,
}


class DeepSim(WholeInputGenerator):
    """A network that makes images of the codes that a layer of CaffeNet had for them.

    Args:
        entry: What the catalogue says of this generator. No distribution of codes is published: its space is bounded.
        state: Tensors by name; that of a layer may be followed by a 1, as in the first files.
        settings: Of no meaning here.

    Raises:
        WeightsError: The tensors are not those of one of these networks.
        InvalidInputError: The catalogue states other shapes, or lacks the inverted layer where the tensors do not tell.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        del settings  # Such files have none.
        prefix = "G." if all(name.startswith("G.") for name in state) else ""
        plain = {_NUMBERED.sub(r"\1.", name.removeprefix(prefix)): tensor for name, tensor in state.items()}
        tensors, inverted = StateTensors(plain, entry.name, entry.family), INVERTED[_layer_of(entry, plain)]
        network = DeepSimNetwork(tensors, inverted, signed=entry.option("levels") == "signed")
        super().__init__(entry, network.dim, network.image_shape)
        self.network = network

    @property
    def first_weight(self) -> Float[Tensor, "outputs input_dim"] | None:
        """The first linear layer; None where a code is a map."""
        first = next(iter(self.network.layers.values()))
        return first.weight if isinstance(first, nn.Linear) else None

    def activations(self, inputs: Float[Tensor, "batch input_dim"], until: str = "") -> dict[str, Tensor]:
        """What each layer gives, behind its rectifier, by the layer's name, and the images."""
        found: dict[str, Tensor] = {}
        for name, values in self.network.steps(inputs):
            found[name] = values
            if until == name:
                return found
        return {**found, "image": self.network.image(values)}

    def synthesize(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels height width"]:
        """Images in [0, 1] of codes."""
        images: Tensor = self.network(inputs)
        return images


def _layer_of(entry: CatalogueEntry, state: Mapping[str, Tensor]) -> str:
    """The layer of CaffeNet that tensors invert, where the catalogue does not say it."""
    stated: str | None = entry.option("layer")
    if stated:
        return stated
    if "defc7.weight" in state:
        return "fc6"
    if "deconv0.weight" in state:
        return "pool5"
    if "deconv5.weight" in state:
        return "conv4"
    # Two networks of the same names and kernels, whose maps have different sides.
    channels = state["Rconv6.weight"].shape[1] if "Rconv6.weight" in state else 1
    positions = entry.space(entry.input_space).dim / channels
    for name in ("norm2", "conv1"):
        if positions == INVERTED[name].code_side ** 2:
            return name
    asked: str = entry.asked("layer")
    return asked


class DeepSimNetwork(nn.Module):
    """A code of CaffeNet becomes an image in [0, 1].

    Where the layers end in CaffeNet's levels (`fc6`, `fc7`, `fc8`, `pool5`), the mean that CaffeNet subtracts is added,
    and levels of 0 to 255 become 0 to 1. Where they end in tanh, −1 to 1 become 0 to 1; or they are multiplied by 255
    and become images as those of the others do. Early versions of the port do that without the 255, and show grey.

    Args:
        tensors: Tensors by name, without the number that the layers of some files have behind their names.
        inverted: Which layer of CaffeNet is inverted.
        signed: Whether what ends in tanh is an image's range, rather than CaffeNet's levels over 255.

    Raises:
        WeightsError: The tensors are not those of this network.
    """

    levels: Tensor

    def __init__(self, tensors: StateTensors, inverted: Inverted, *, signed: bool = True) -> None:
        super().__init__()
        self._inverted, self._signed = inverted, signed
        self.layers = nn.ModuleDict()
        first, *others = inverted.steps
        self.layers[first.name], self.code_channels, width = _layer(first, tensors, None)
        is_map = bool(inverted.code_side)
        for step in others:
            if step.side and not is_map:
                # The last linear layer gives a map of 4 × 4.
                width, is_map = _map_channels(tensors, width), True
            self.layers[step.name], _, width = _layer(step, tensors, width)
        tensors.finish()
        if width != 3:
            raise tensors.error(f"its last layer {inverted.steps[-1].name!r} gives {width} channels instead of 3")
        # The mean of CaffeNet's inputs, of shape (3, 1, 1).
        self.register_buffer("levels", torch.tensor(_MEAN)[:, None, None], persistent=False)

    @property
    def dim(self) -> int:
        """Number of coordinates of a code."""
        return self.code_channels * (self._inverted.code_side**2 if self._inverted.code_side else 1)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images."""
        return (3, self._inverted.image_side, self._inverted.image_side)

    def steps(self, codes: Float[Tensor, "batch dim"]) -> Iterator[tuple[str, Tensor]]:
        """The names of the layers, and what each gives behind its rectifier."""
        values, side = codes, self._inverted.code_side
        if side:
            values = torch.unflatten(values, 1, (self.code_channels, side, side))
        for step in self._inverted.steps:
            if step.side and values.ndim == 2:
                values = torch.unflatten(values, 1, (-1, 4, 4))
            values = self.layers[step.name](values)
            if step.rectified:
                values = functional.leaky_relu(values, _LEAK)
            yield step.name, values

    def image(self, values: Float[Tensor, "batch 3 side side"]) -> Float[Tensor, "batch 3 side side"]:
        """Images in [0, 1] of what the last layer gives: blue, green and red, as CaffeNet takes them."""
        if self._inverted.squashed:
            values = values.tanh()
            if self._signed:
                return (values.flip(1) + 1) / 2
            values = 255 * values
        return (values.flip(1) + self.levels).clamp(0, 255) / 255

    def forward(self, codes: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch 3 side side"]:
        """Images of codes."""
        values = codes
        for _, each in self.steps(codes):
            values = each
        return self.image(values)


def _map_channels(tensors: StateTensors, outputs: int) -> int:
    """Channels of the 4 × 4 map that the last linear layer gives."""
    if outputs % 16:
        raise tensors.error(f"'defc5' gives {outputs} numbers, which are no map of 4 × 4")
    return outputs // 16


def _layer(step: Step, tensors: StateTensors, width: int | None) -> tuple[nn.Module, int, int]:
    """A layer with its weights, and the channels that it takes, which may be known as `width`, and gives."""
    name, kernel = f"{step.name}.weight", (step.side, step.side)
    layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d
    if not step.side:
        weight = tensors.take(name, None, width)
        outputs, inputs = weight.shape
        layer = nn.Linear(inputs, outputs, device="meta")
    elif step.transposed:
        weight = tensors.take(name, width, None, *kernel)
        inputs, outputs = weight.shape[:2]
        layer = nn.ConvTranspose2d(inputs, outputs, step.side, step.stride, step.padding, device="meta")
    else:
        weight = tensors.take(name, None, width, *kernel)
        outputs, inputs = weight.shape[:2]
        layer = nn.Conv2d(inputs, outputs, step.side, step.stride, step.padding, device="meta")
    layer.weight = nn.Parameter(weight)
    layer.bias = nn.Parameter(tensors.take(f"{step.name}.bias", outputs))
    return layer, inputs, outputs
