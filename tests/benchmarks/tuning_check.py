"""Pivotal tuning of `faces32` to photographs: what it gains there, and how far images of other latents drift.

python tests/benchmarks/tuning_check.py [FOLDER [STEPS]]    prints a table, and writes a contact sheet into the folder
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from photographs import faces
from torch import Tensor

from pullback import distances, generators
from pullback.generators import Generator
from pullback.inversion import LossWeights, Problem, invert
from pullback.inversion.tuning import PivotalTuning, TuningSettings, interpolation_code, locality_draw
from pullback.pictures import side_by_side, to_pictures

PHOTOGRAPHS, OTHERS, PIVOT_STEPS = 8, 64, 100
SETTINGS = {
    "no locality": TuningSettings(threshold=0.0),
    "locality 0.1": TuningSettings(threshold=0.0, locality=0.1),
    "locality 1": TuningSettings(threshold=0.0, locality=1.0),
}


def main(folder: Path, steps: int) -> None:
    """Prints the table and writes the sheet; so many updates for each photograph."""
    folder.mkdir(parents=True, exist_ok=True)
    generator, judge = generators.load("faces32"), distances.load("lpips-alex")
    photographs = faces(PHOTOGRAPHS, 32)
    weights = LossWeights(prior=0.0005)
    problem = Problem(generator, judge, "w", photographs, weights=weights)
    pivots = invert(problem, "adam", restarts=1, start="mean", steps=PIVOT_STEPS, learning_rate=0.05).latents
    others = generator.space("w").sample(OTHERS, seed=77)
    with torch.no_grad():
        before = generator.render(others, "w")
        shown = [photographs, generator.render(pivots, "w")]
    spread = (others - generator.space("w").prior.mean(64)).norm(dim=1).mean()
    say(
        f"draws lie {spread:.2f} from the mean of w on average, pivots "
        f"{(pivots - generator.space('w').prior.mean(64)).norm(dim=1).mean():.2f}"
    )
    say(
        "settings | distance before | after | squared error before | after | others: distance | squared error | "
        "near: distance | updates | processor s | updates until 0.06"
    )
    for name, chosen in SETTINGS.items():
        settings = replace(chosen, steps=steps)
        began, rows, images, reached = time.process_time(), [], [], []
        for number in range(PHOTOGRAPHS):
            one = slice(number, number + 1)
            tuning = PivotalTuning(generator, judge, "w", photographs[one], pivots[one], settings=settings, seed=number)
            while not tuning.done:
                tuning.step()
            found = tuning.result()
            reached.append(next((k for k, (_, far, _) in enumerate(found.trace.tolist()) if far <= 0.06), None))
            near = torch.cat(
                [
                    interpolation_code(pivots[one], locality_draw(generator, "w", 1_000 + number, place), 30.0)
                    for place in range(8)
                ]
            )
            rows.append(
                [
                    *found.distances[0].tolist(),
                    *found.squared_errors[0].tolist(),
                    *apart(judge, before, tuning.tuned, others),
                    apart(judge, generator.render(near, "w"), tuning.tuned, near)[0],
                    tuning.updates,
                ]
            )
            images.append(found.images)
        mean = torch.tensor(rows).mean(dim=0).tolist()
        shown.append(torch.cat(images))
        figures = " | ".join(f"{value:.4f}" for value in mean[:-1])
        say(f"{name} | {figures} | {mean[-1]:.0f} | {(time.process_time() - began) / PHOTOGRAPHS:.1f} | {reached}")
        (folder / "tuning.png").write_bytes(side_by_side(to_pictures(torch.cat(shown)), PHOTOGRAPHS))


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@torch.no_grad()
def apart(judge: distances.Distance, before: Tensor, tuned: Generator, latents: Tensor) -> tuple[float, float]:
    """Mean distance and squared error of images before and after."""
    after = tuned.render(latents, "w")
    far = (judge.embed(after) - judge.embed(before)).square().sum(dim=1).mean()
    return float(far), float((after - before).square().mean())


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "tuning"), int(sys.argv[2]) if len(sys.argv) > 2 else 350)
