"""Publication of a training: weights, and a sheet of samples."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from pullback.files import write_whole
from pullback.generators.style_based.stylegan2_network import StyleGan2Network
from pullback.pictures import side_by_side, to_pictures
from pullback.weights.finite import check_tensors

_MEAN_SAMPLES = 16384
_SHEET = 12


@torch.no_grad()
def write_weights(network: StyleGan2Network, path: Path) -> None:
    """Writes what the catalogue's generator is made of, as float16, with the names of the public PyTorch checkpoints.

    `latent_avg`, the mean of w, is among the tensors.

    Raises:
        WeightsError: The training has diverged; nothing is written.
    """
    w = network.mapping(_draw(network, _MEAN_SAMPLES, seed=0))
    tensors = {**network.state_dict(), "latent_avg": w.mean(dim=0)}
    halves = {name: tensor.half().cpu().contiguous() for name, tensor in tensors.items()}
    check_tensors(halves, "the network in training")
    write_whole(path, safetensors.torch.save(halves))


@torch.no_grad()
def write_samples(network: StyleGan2Network, path: Path) -> None:
    """Writes draws of the prior as a PNG, 12 by 12, of the same latents every time."""
    w = network.mapping(_draw(network, _SHEET**2, seed=1))[:, None].expand(-1, network.shape.layers, -1)
    write_whole(path, side_by_side(to_pictures((network.synthesis(w) + 1) / 2), _SHEET))


def _draw(network: StyleGan2Network, count: int, seed: int) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, network.shape.latent_dim, generator=rng).to(network.input.input)
