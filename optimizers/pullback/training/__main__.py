"""`python -m pullback.training --folder DIR --kimg N`: trains `faces32`, and goes on where it was stopped."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import torch

from pullback import generators
from pullback.errors import PullbackError
from pullback.generators.style_based.stylegan2_network import StyleGan2Shape
from pullback.training.run import train
from pullback.training.trainer import Recipe

FACES32 = Recipe(StyleGan2Shape(latent_dim=64, mapping_layers=8, channels=(128, 128, 64, 32)))


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
    asked = parser.parse_args()
    try:
        train(
            FACES32,
            generators.load("faces", asked.device),
            asked.folder,
            kimg=asked.kimg,
            minutes=asked.minutes,
            checkpoint_minutes=asked.checkpoint_minutes,
        )
    except PullbackError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
