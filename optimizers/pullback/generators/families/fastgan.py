"""FastGAN (Liu et al., "Towards faster and stabilized GAN training", ICLR 2021), as its public code names it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.errors import WeightsError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.families.whole_input import WholeInputGenerator, levels
from pullback.generators.ready_layers import convolution, take_norm, transposed_convolution
from pullback.generators.spectral_norm import fold_spectral_norm
from pullback.generators.state_tensors import StateTensors

_FIRST = "init.init"
# Sides of the maps behind two convolutions with noise; the others have one, without.
_NOISY = (8, 32, 128, 512)
# By the side of a map that is excited, the side of the map that excites it.
_EXCITED_BY = {64: 4, 128: 8, 256: 16, 512: 32}
_NOISE_SEED = 0
_EPSILON = 1e-5
# The list of averages; and the order in which the public code makes the blocks whose parameters it lists.
_LISTED = re.compile(r"(?:g_ema\.)?(\d+)")
_LIVE = re.compile(r"^g\.(module\.)?")
_BLOCKS = (
    *("init", "feat_8", "feat_16", "feat_32", "feat_64", "feat_128", "feat_256", "se_64", "se_128", "se_256"),
    *("to_128", "to_big", "feat_512", "se_512", "feat_1024"),
)


class FastGan(WholeInputGenerator):
    """A FastGAN of 256, 512 or 1,024 px, in evaluation mode.

    Args:
        entry: What the catalogue says of this generator.
        state: Tensors of `g` by name; the list `g_ema`, where the file has one, is put in the place of the parameters.
        settings: Of no meaning here.

    Raises:
        WeightsError: The tensors are not those of this architecture.
        InvalidInputError: The catalogue states other shapes.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        del settings  # Such files have none.
        network = FastGanNetwork(averaged(state, entry.name), entry.name, noisy=entry.option("noise") == "fixed")
        super().__init__(entry, network.dim, (network.to_image.out_channels, network.side, network.side))
        self.network = network

    @property
    def first_weight(self) -> Float[Tensor, "outputs input_dim"]:
        """The first transposed convolution: what each coordinate adds to the 4 × 4 map."""
        # Stored as (in, out, 4, 4).
        return self.network.first.weight.flatten(1).T

    def activations(self, inputs: Float[Tensor, "batch input_dim"], until: str = "") -> dict[str, Tensor]:
        """The maps of each resolution, `4 px` and on, and the images."""
        found: dict[str, Tensor] = {}
        for side, values in self.network.maps(inputs):
            found[f"{side} px"] = values
            if until in found:
                return found
        return {**found, "image": levels(self.network.image(found[f"{self.network.side} px"]))}

    def synthesize(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels height width"]:
        """Images in [0, 1] of complete inputs."""
        return levels(self.network(inputs))


def averaged(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """A state dict whose parameters are the moving averages that a file lists beside it, `g_ema.0` and on.

    The list is in the order of the network's parameters and says no names. Statistics of batch normalisation and the
    vectors of spectral norms are not averaged: those of the state hold. Where the list itself was read, `0` and on, the
    state stands beside it, `g.init.init.0.weight_orig` and on.

    Raises:
        WeightsError: The list has other lengths or shapes than the parameters.
    """
    numbered = {each: found for each in state if (found := _LISTED.fullmatch(each))}
    listed = {int(found[1]): state[each] for each, found in numbered.items()}
    own = {_LIVE.sub("", each): tensor for each, tensor in state.items() if each not in numbered}
    if not listed:
        return own
    names = [each for each in _in_order(own) if each.endswith((".weight_orig", ".weight", ".bias"))]
    shapes = [own[each].shape for each in names]
    if sorted(listed) != list(range(len(names))) or [listed[number].shape for number in sorted(listed)] != shapes:
        raise WeightsError(
            f"the list 'g_ema' of the file of {name!r} has {len(listed)} tensors, which are not in number and shape "
            f"the {len(names)} parameters of its 'g'; save the averaged network's state_dict() instead"
        )
    return own | {each: listed[number] for number, each in enumerate(names)}


def _in_order(names: Iterable[str]) -> list[str]:
    """Names in the order in which the public code makes the layers: blocks as below, and numbers ascending."""

    def place(name: str) -> tuple[int, tuple[int, ...], int]:
        block, *path, kind = name.split(".")
        known = _BLOCKS.index(block) if block in _BLOCKS else len(_BLOCKS)
        return known, tuple(int(each) for each in path if each.isdigit()), int(kind == "bias")

    return sorted(names, key=place)


class FastGanNetwork(nn.Module):
    """A latent becomes a 4 × 4 map, each block doubles its side, and small maps excite the channels of large ones.

    The public code draws noise in every call. Here each layer has one map, drawn with a fixed seed, so that a latent
    means one image. Spectral norms are those of the stored u and v.

    Args:
        state: Tensors of the network by name. Widths and side follow from them.
        name: The generator's name, for errors.
        noisy: Whether the maps of noise are added at all.

    Raises:
        WeightsError: The tensors are not those of this architecture.
    """

    def __init__(self, state: Mapping[str, Tensor], name: str, *, noisy: bool = True) -> None:
        super().__init__()
        folded = fold_spectral_norm(state, transposed={f"{_FIRST}.0"})
        tensors = StateTensors(folded, name, "fastgan")
        tensors.drop(r".*\.num_batches_tracked")
        kernel = tensors.take(f"{_FIRST}.0.weight", None, None, 4, 4)
        self.dim, doubled = kernel.shape[:2]
        self.first = transposed_convolution(kernel, None, stride=1, padding=0)
        self.first_norm = take_norm(tensors, f"{_FIRST}.1", doubled, _EPSILON)
        widths = {4: doubled // 2}
        rng = torch.Generator().manual_seed(_NOISE_SEED) if noisy else None
        self.blocks, self.excitations = nn.ModuleDict(), nn.ModuleDict()
        side = max([8, *tensors.numbers(r"feat_(\d+)\..*")])
        for depth in range(3, side.bit_length()):
            grown = 1 << depth
            block = [_Unit(tensors, f"feat_{grown}", 1, widths[grown // 2], grown, rng)]
            if grown in _NOISY:
                block.append(_Unit(tensors, f"feat_{grown}", 5, block[0].width, grown, rng))
            widths[grown] = block[-1].width
            self.blocks[str(grown)] = nn.Sequential(*block)
            if grown in _EXCITED_BY:
                excited_by = widths[_EXCITED_BY[grown]]
                self.excitations[str(grown)] = _Excitation(tensors, f"se_{grown}", excited_by, widths[grown])
        self.side = side
        self.to_image = convolution(tensors.take("to_big.weight", None, widths[side], 3, 3))
        # Makes a smaller image, for the training alone.
        tensors.take("to_128.weight", self.to_image.out_channels, widths.get(128), 1, 1)
        tensors.finish()

    def maps(self, inputs: Float[Tensor, "batch dim"]) -> Iterator[tuple[int, Float[Tensor, "batch width side side"]]]:
        """The sides and the maps that the blocks give, one after the other."""
        values = _gated(self.first_norm(self.first(inputs[:, :, None, None])))
        found = {4: values}
        yield 4, values
        for name, block in self.blocks.items():
            values = block(functional.interpolate(values, scale_factor=2, mode="nearest"))
            if name in self.excitations:
                values = values * self.excitations[name](found[_EXCITED_BY[int(name)]])
            found[int(name)] = values
            yield int(name), values

    def image(self, values: Float[Tensor, "batch width side side"]) -> Float[Tensor, "batch channels side side"]:
        """The image of the last map, about [−1, 1]: within it at 1,024 px, where the network ends in tanh."""
        image: Tensor = self.to_image(values)
        return image.tanh() if self.side == 1024 else image

    def forward(self, inputs: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch channels side side"]:
        """Images of latents."""
        *_, (_, values) = self.maps(inputs)
        return self.image(values)


class _Unit(nn.Module):
    """A convolution, noise where the file has a strength of it, a normalisation and a gated linear unit."""

    noise: Tensor | None

    def __init__(
        self, tensors: StateTensors, block: str, place: int, width: int, side: int, rng: torch.Generator | None
    ) -> None:
        super().__init__()
        kernel = tensors.take(f"{block}.{place}.weight", None, width, 3, 3)
        self.width = len(kernel) // 2
        self.convolution = convolution(kernel)
        noise, place = None, place + 1
        if side in _NOISY:
            strength = tensors.take(f"{block}.{place}.weight", 1)
            noise = None if rng is None else strength * torch.randn(1, 1, side, side, generator=rng)
            place += 1
        self.register_buffer("noise", noise, persistent=False)
        self.norm = take_norm(tensors, f"{block}.{place}", len(kernel), _EPSILON)

    def forward(self, values: Float[Tensor, "batch into side side"]) -> Float[Tensor, "batch width side side"]:
        values = self.convolution(values)
        if self.noise is not None:
            values = values + self.noise
        return _gated(self.norm(values))


class _Excitation(nn.Module):
    """Factors of the channels of a large map, in (0, 1), from a small one pooled to 4 × 4."""

    def __init__(self, tensors: StateTensors, block: str, width: int, excited: int) -> None:
        super().__init__()
        self.gather = nn.Conv2d(width, excited, 4, bias=False, device="meta")
        self.gather.weight = nn.Parameter(tensors.take(f"{block}.main.1.weight", excited, width, 4, 4))
        self.spread = convolution(tensors.take(f"{block}.main.3.weight", excited, excited, 1, 1))

    def forward(self, values: Float[Tensor, "batch width side side"]) -> Float[Tensor, "batch excited 1 1"]:
        gathered = functional.silu(self.gather(functional.adaptive_avg_pool2d(values, 4)))
        factors: Tensor = self.spread(gathered).sigmoid()
        return factors


def _gated(values: Float[Tensor, "batch doubled side side"]) -> Float[Tensor, "batch width side side"]:
    """The gated linear unit: the first half of the channels times the sigmoid of the second."""
    # Not `functional.glu`, whose forward mode PyTorch cannot batch.
    kept, gates = values.chunk(2, dim=1)
    return kept * gates.sigmoid()
