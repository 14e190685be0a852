"""`python -m pullback.training --folder DIR --kimg N`: trains `faces32`, and goes on where it was stopped.

The folder gets `checkpoint.pt`, `log.jsonl`, `samples.png` and, at each checkpoint, `faces32.safetensors`: the averaged
generator in float16 with the names of the public PyTorch checkpoints, and `latent_avg`, the mean of w.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import safetensors.torch
import torch
from PIL import Image

from pullback import generators
from pullback.files import write_whole
from pullback.generators.stylegan2_network import StyleGan2Network, StyleGan2Shape
from pullback.training.stream import ImageStream
from pullback.training.trainer import Recipe, Trainer

SIDE = 32
RECIPE = Recipe(StyleGan2Shape(latent_dim=64, mapping_layers=8, channels=(128, 128, 64, 32)))
SHEET = 12
LOG_EVERY = 50


def main() -> None:
    """Trains until so many images were shown."""
    parser = argparse.ArgumentParser(prog="python -m pullback.training", description=main.__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where checkpoints and results are kept")
    parser.add_argument("--kimg", type=float, required=True, help="thousands of real images to show in all")
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="stop after so many minutes; a later run goes on"
    )
    parser.add_argument("--checkpoint-minutes", type=float, default=5.0, help="minutes between checkpoints")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    train(parser.parse_args())


def train(asked: argparse.Namespace) -> None:
    """Trains, and keeps what it came to."""
    folder: Path = asked.folder
    folder.mkdir(parents=True, exist_ok=True)
    stream = ImageStream(generators.load("faces", asked.device), SIDE, RECIPE.batch)
    trainer = Trainer(RECIPE, stream, torch.device(asked.device))
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(torch.load(checkpoint, weights_only=True, map_location=asked.device))
    began = kept = time.monotonic()
    first = trainer.step
    while trainer.kimg < asked.kimg and time.monotonic() - began < 60 * asked.minutes:
        said = trainer.advance()
        if trainer.step % LOG_EVERY == 0:
            rate = (trainer.step - first) * RECIPE.batch / (time.monotonic() - began)
            write_log(folder, {"kimg": round(trainer.kimg, 1), "images/s": round(rate, 1)} | said)
        if time.monotonic() - kept > 60 * asked.checkpoint_minutes:
            keep(trainer, folder)
            kept = time.monotonic()
    keep(trainer, folder)


def write_log(folder: Path, said: dict[str, float]) -> None:
    """One line of JSON."""
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps({name: round(value, 4) for name, value in said.items()}) + "\n")


def keep(trainer: Trainer, folder: Path) -> None:
    """Checkpoint, weights and samples, each whole or not at all."""
    partial = folder / "checkpoint.part"
    torch.save(trainer.state(), partial)
    partial.replace(folder / "checkpoint.pt")
    write_whole(folder / "faces32.safetensors", safetensors.torch.save(published(trainer.average)))
    sheet(trainer.average, folder / "samples.png")


@torch.no_grad()
def published(network: StyleGan2Network) -> dict[str, torch.Tensor]:
    """The tensors that the catalogue's generator is made of, float16."""
    rng = torch.Generator().manual_seed(0)
    w = network.mapping(torch.randn(16384, network.shape.latent_dim, generator=rng).to(next(network.parameters())))
    tensors = {**network.state_dict(), "latent_avg": w.mean(dim=0)}
    return {name: tensor.half().cpu().contiguous() for name, tensor in tensors.items()}


@torch.no_grad()
def sheet(network: StyleGan2Network, path: Path) -> None:
    """Draws of the prior, 12 by 12, the same latents every time."""
    rng = torch.Generator().manual_seed(1)
    z = torch.randn(SHEET**2, network.shape.latent_dim, generator=rng).to(next(network.parameters()))
    w = network.mapping(z)[:, None].expand(-1, network.shape.layers, -1)
    images = ((network.synthesis(w) + 1) / 2).clamp(0, 1)
    tiles = images.unflatten(0, (SHEET, SHEET)).permute(0, 3, 1, 4, 2).reshape(SHEET * SIDE, SHEET * SIDE, 3)
    Image.fromarray((255 * tiles).round().byte().cpu().numpy()).save(path)


if __name__ == "__main__":
    main()
