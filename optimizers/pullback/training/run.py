"""Run of a training from its beginning, or from where it was stopped, to its end."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import torch

from pullback.errors import InvalidInputError, PullbackError
from pullback.generators import Generator
from pullback.training.publication import write_samples, write_weights
from pullback.training.stream import ImageStream
from pullback.training.trainer import Recipe, Trainer
from pullback.weights.tensor_files import read_weight_file

LOG_EVERY = 50


def train(
    recipe: Recipe,
    source: Generator,
    folder: Path,
    *,
    kimg: float,
    minutes: float = math.inf,
    checkpoint_minutes: float = 5.0,
) -> None:
    """Trains until so many images were shown, and keeps what it came to.

    The folder gets `checkpoint.pt`, `log.jsonl` and, at each checkpoint, `samples.png` and `faces32.safetensors`. A
    checkpoint that is there already is gone on from, and ends where an uninterrupted training would have.

    Args:
        recipe: What to train.
        source: Draws the real images; training takes place on its device.
        folder: Where everything is kept; made where it is not there.
        kimg: Thousands of real images to show in all, those before the checkpoint included.
        minutes: Stops after so many.
        checkpoint_minutes: Minutes between checkpoints; there is one more at the end.

    Raises:
        InvalidInputError: The checkpoint that is there belongs to another training, or is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(recipe, ImageStream(source, recipe.shape.side, recipe.batch), source.device)
    if (folder / "checkpoint.pt").exists():
        resume(trainer, folder / "checkpoint.pt")
    began = kept = time.monotonic()
    first = trainer.step
    while trainer.kimg < kimg and time.monotonic() - began < 60 * minutes:
        said = trainer.advance()
        if trainer.step % LOG_EVERY == 0:
            rate = (trainer.step - first) * recipe.batch / (time.monotonic() - began)
            write_log(folder / "log.jsonl", {"kimg": round(trainer.kimg, 1), "images/s": round(rate, 1)} | said)
        if time.monotonic() - kept > 60 * checkpoint_minutes:
            keep(trainer, folder)
            kept = time.monotonic()
    keep(trainer, folder)


def resume(trainer: Trainer, checkpoint: Path) -> None:
    """Goes on from a checkpoint that `keep` wrote.

    Raises:
        InvalidInputError: It belongs to another training, or is damaged; the message names it.
    """
    try:
        trainer.load(read_weight_file(checkpoint, device=trainer.device))
    except (PullbackError, RuntimeError) as error:
        raise InvalidInputError(
            f"cannot go on from {checkpoint}: {error}. Move it away, or choose another folder."
        ) from error


def write_log(log: Path, said: dict[str, float]) -> None:
    """Adds one line of JSON."""
    with log.open("a") as file:
        file.write(json.dumps({name: round(value, 4) for name, value in said.items()}) + "\n")


def keep(trainer: Trainer, folder: Path) -> None:
    """Checkpoint, weights and samples, each whole or not at all."""
    # The checkpoint last: a training that has diverged ends with an error here, and its last good one stays.
    write_weights(trainer.average, folder / "faces32.safetensors")
    write_samples(trainer.average, folder / "samples.png")
    partial = folder / "checkpoint.part"
    torch.save(trainer.state(), partial)
    partial.replace(folder / "checkpoint.pt")
