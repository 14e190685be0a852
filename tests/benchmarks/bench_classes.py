"""Class searches over a thousand classes under budgets, against the search that tries each of them to the end.

A small BigGAN of random weights with 1,000 classes of embeddings of its own; targets are images of its classes. Prints
a table: evaluations of the generator, how often the class is that of the exhaustive search, and that of the target, and
the loss at the end in terms of the exhaustive one's (geometric mean).
"""

from __future__ import annotations

import dataclasses
import sys
import time

import torch

import biggan_states
from pullback.generators import Generator, build
from pullback.geometry import global_metric
from pullback.inversion import InversionResult, Problem, invert, make_bank, nearest_class
from toys import Euclidean

CLASSES, CLASS_DIM, TARGETS, STEPS = 1000, 16, int(sys.argv[1]) if len(sys.argv) > 1 else 12, 20
BUDGETS = (None, 1200, 2000, 4000, 8000)


def generator() -> Generator:
    """A small BigGAN with a thousand classes."""
    biggan_states.CLASSES, biggan_states.CLASS_DIM = CLASSES, CLASS_DIM
    entry, state = biggan_states.big_entry("biggan"), biggan_states.brock_state()
    labels = tuple(f"class {number}" for number in range(CLASSES))
    noise, classes, full = entry.spaces
    spaces = (
        noise,
        dataclasses.replace(classes, dim=CLASS_DIM, labels=labels, default=labels[0]),
        dataclasses.replace(full, dim=noise.dim + CLASS_DIM),
    )
    return build(dataclasses.replace(entry, spaces=spaces), state)


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Prints the table."""
    drawing, distance = generator(), Euclidean(0.05)
    latents = drawing.space("full").sample(TARGETS, 7)
    problem = Problem(drawing, distance, "full", drawing.render(latents, "full"), moves="noise")
    basis = global_metric(drawing, distance, "noise", samples=256)
    bank = make_bank(drawing, distance, "full", size=2000, rank=64)
    known = {"eigenbasis": basis, "bank": bank, "restarts": 1, "search_classes": True, "steps": STEPS}
    true = nearest_class(problem, latents)

    def run(**options: object) -> tuple[InversionResult, float]:
        began = time.process_time()
        return invert(problem, **known, **options), time.process_time() - began  # type: ignore[arg-type]

    exhaustive, seconds = run(thin=False)
    best = nearest_class(problem, exhaustive.latents)
    say(f"{TARGETS} targets, {CLASSES} classes, {STEPS} updates")
    say(f"{'search':24}{'evaluations':>12}{'as exhaustive':>15}{'as the target':>15}{'loss':>8}{'CPU s':>8}")

    def row(name: str, found: InversionResult, seconds: float) -> None:
        labels = nearest_class(problem, found.latents)
        same, right = (sum(a == b for a, b in zip(labels, others, strict=True)) for others in (best, true))
        ratio = float((found.losses / exhaustive.losses).log().mean().exp())
        say(f"{name:24}{int(found.evaluations[0]):>12,}{same:>15}{right:>15}{ratio:>8.2f}{seconds:>8.0f}")

    row("exhaustive", exhaustive, seconds)
    for budget in BUDGETS:
        row("no bound" if budget is None else f"{budget:,} evaluations", *run(thin=True, evaluations=budget))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
