"""Tiny random files of SNGAN generators, as four public implementations name their tensors."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from pullback.generators import CatalogueEntry
from pullback.generators.space_entry import SpaceEntry
from pullback.weights import WeightsSource

State = dict[str, Tensor]

NOISE, CLASSES, COLOURS = 4, 3, 3
WIDTHS = (6, 6, 4)
LABELS = ("red", "green", "blue")


class Maker:
    """Random tensors by name, in one order of random numbers."""

    def __init__(self) -> None:
        self.rng, self.state = torch.Generator().manual_seed(0), State()

    def put(self, name: str, *shape: int) -> Tensor:
        self.state[name] = torch.randn(*shape, generator=self.rng) / max(1, torch.Size(shape[1:]).numel()) ** 0.5
        return self.state[name]

    def layer(self, name: str, *shape: int, bias: int | None = None) -> None:
        self.put(f"{name}.weight", *shape)
        self.put(f"{name}.bias", shape[0] if bias is None else bias)

    def moments(self, name: str, width: int) -> None:
        self.put(f"{name}.running_mean", width)
        self.put(f"{name}.running_var", width).square_().add_(0.5)
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    def norm(self, name: str, width: int) -> None:
        self.layer(name, width)
        self.moments(name, width)


def mimicry(classes: int = 0, side: int = 4) -> State:
    made = Maker()
    made.layer("l1", WIDTHS[0] * side**2, NOISE)
    for number, (into, out) in enumerate(pairwise(WIDTHS), start=2):
        name = f"block{number}"
        made.layer(f"{name}.c1", out, into, 3, 3)
        made.layer(f"{name}.c2", out, out, 3, 3)
        made.layer(f"{name}.c_sc", out, into, 1, 1)
        for norm, width in (("b1", into), ("b2", out)):
            if classes:
                made.moments(f"{name}.{norm}.bn", width)
                made.put(f"{name}.{norm}.embed.weight", classes, 2 * width)
            else:
                made.norm(f"{name}.{norm}", width)
    made.norm("b4", WIDTHS[-1])
    made.layer("c4", COLOURS, WIDTHS[-1], 3, 3)
    return made.state


def pfnet(classes: int = 0, output: str = "l4") -> State:
    """The same network with Chainer's names: a class's gains and offsets are two tables."""
    names = {"weight": "W", "bias": "b", "running_mean": "avg_mean", "running_var": "avg_var"}
    norm_names = names | {"weight": "gamma", "bias": "beta", "num_batches_tracked": "N"}
    state = State()
    for name, tensor in mimicry(classes).items():
        *path, part = name.split(".")
        if path[-1] == "embed":
            gain, offset = tensor.chunk(2, dim=1)
            state["/".join([*path[:-1], "gammas", "W"])] = gain
            state["/".join([*path[:-1], "betas", "W"])] = offset
            continue
        path = [output if place == "c4" else place for place in path if place != "bn"]
        state["/".join([*path, (norm_names if path[-1][0] == "b" else names)[part]])] = tensor
    return state


def sequential(*, discovery: bool) -> State:
    made, start = Maker(), 2 if discovery else 0
    made.layer("model.0" if discovery else "dense", WIDTHS[0] * 16, NOISE)
    for number, (into, out) in enumerate(pairwise(WIDTHS), start=start):
        name = f"model.{number}"
        made.norm(f"{name}.model.0", into)
        made.norm(f"{name}.model.4", out)
        for twice, again, inner in (("model.3", "conv1", into), ("model.6", "conv2", out)):
            made.layer(f"{name}.{twice}", out, inner, 3, 3)
            for part in ("weight", "bias"):
                made.state[f"{name}.{again}.{part}"] = made.state[f"{name}.{twice}.{part}"]
        if into != out:
            made.layer(f"{name}.bypass.1", out, into, 3, 3)
    made.norm(f"model.{start + 2}", WIDTHS[-1])
    made.layer(f"model.{start + 4}", COLOURS, WIDTHS[-1], 3, 3)
    if not discovery:
        for part in ("weight", "bias"):
            made.state[f"final.{part}"] = made.state[f"model.{start + 4}.{part}"]
    return made.state


def transposed() -> State:
    made, widths = Maker(), (NOISE, 6, 5, 4, 4, COLOURS)
    for number, (into, out) in enumerate(pairwise(widths)):
        last = number == len(widths) - 2
        side = 3 if last else 4
        made.layer(f"model.{3 * number}", into, out, side, side, bias=out)
        if not last:
            made.norm(f"model.{3 * number + 1}", out)
    return made.state


def sngan_entry(dim: int, image_shape: tuple[int, int, int], classes: int = 0) -> CatalogueEntry:
    """An entry of noise alone, or of noise and one-hot classes."""
    spaces: tuple[SpaceEntry, ...] = (SpaceEntry("z", dim, "standard-normal"),)
    if classes:
        spaces = (
            SpaceEntry("noise", dim, "standard-normal"),
            SpaceEntry("class", classes, "one-hot", start=dim, labels=LABELS[:classes], default="blue"),
            SpaceEntry("full", dim + classes, "product"),
        )
    source = WeightsSource("path", "/nowhere/gen.pth", "1" * 64)
    return CatalogueEntry("tiny-sngan", "SN", "sngan", spaces, spaces[-1].name, image_shape, source)
