"""`make bench-scale`: generators of the sizes that are in use, timed on this machine or counted without computing.

Timed on the CPU, in seconds of a processor: StyleGAN2 at 256 px and a generator of 4,096 dimensions, each step against
one bare forward and backward pass of generator and distance, in turns. Counted on the meta device: StyleGAN2 config-f
at 512 and 1024 px. Compared bit for bit: results alone and in company, under three sets of instructions and one and two
threads. `QUICK=1` takes under 5 minutes of a processor, with fewer repetitions, one channel multiplier and two of those
six settings; `ONLY=step,budget` runs parts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch
from counting import GIB, counted_peak
from full_size import FullyConnected, stylegan2
from reporting import QUICK, Figure, Report
from scale_search import bench_search
from torch import Tensor
from under_bases import bench_bases

from company import INSTRUCTIONS, compared_under
from pullback import distances, generators
from pullback.distances import EmbeddingDistance
from pullback.errors import PullbackError
from pullback.generators import Generator, rendered
from pullback.geometry import metric_estimator
from pullback.geometry.point import Point
from pullback.geometry.pointwise.gram import Gram
from pullback.inversion import Problem, TargetSearches, evaluate_together, invert, make_bank, make_solver
from pullback.memory import set_budget

TURNS = 2 if QUICK else 7
MULTIPLIERS = (1,) if QUICK else (1, 2)
PROBES = 2 if QUICK else 16
COUNTED_SIDES = (1024,) if QUICK else (512, 1024)
IMAGES, BANK_SAMPLES, PIECES = 40, 40, 4
BUDGET_GIB = 8
# One row of `lpips-vgg` on whole images of 1024 px takes 6.1 GiB, more than is for it: images are computed twice. A
# target's embedding takes half a GiB: it is computed whenever it is needed.
GUIDES = ("lpips-alex",) if QUICK else ("lpips-alex", "lpips-vgg@256", "lpips-vgg")
SETTINGS = [("as it is", 1), ("SSE4", 2)] if QUICK else [(each, threads) for each in INSTRUCTIONS for threads in (1, 2)]
STEP_RATIO, PEAK_RATIO, PROBE_RATIO = 1.15, 1.3, 1.25


def load(name: str, device: str = "cpu") -> EmbeddingDistance:
    """A distance with an embedding."""
    found = distances.load(name).to(device)
    assert isinstance(found, EmbeddingDistance)
    return found


def bare_pass(generator: Generator, distance: EmbeddingDistance, space: str) -> Tensor:
    """The gradient of a distance at one latent, and nothing besides: forward, and backward."""
    latent = generator.space(space).prior.mean(generator.space(space).dim)[None].to(generator.device)
    latent.requires_grad_()
    squared = distance.embed(generator.render(latent, space)).square().sum()
    return torch.autograd.grad(squared, latent)[0]


def seconds_of(run: Callable[[], object]) -> float:
    """Seconds of a processor that it takes, whatever else the machine does."""
    began = time.process_time()
    run()
    return time.process_time() - began


def in_turns(run: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """The least seconds of both, one after the other so many times, after one of each that does not count."""
    found = [(seconds_of(run), seconds_of(other)) for _ in range(TURNS + 1)][1:]
    return min(first for first, _ in found), min(second for _, second in found)


class Inversion:
    """An inversion of one gray image, step by step."""

    def __init__(self, generator: Generator, distance: EmbeddingDistance, space: str) -> None:
        target = torch.full((1, *generator.image_shape), 0.5, device=generator.device)
        problem = Problem(generator, distance, space, target)
        start = generator.space(space).prior.mean(problem.latent_dim).to(generator.device)
        self._searches = TargetSearches.begin(make_solver("adam", steps=100), problem, start[None, None])

    def step(self) -> None:
        """The next step."""
        problems, queries = zip(*self._searches.ask(), strict=True)
        self._searches = self._searches.tell(evaluate_together(problems, queries))


# Timed -------------------------------------------------------------------------------------------------------------


def timed_generators() -> list[tuple[Generator, str]]:
    """The generators whose steps are timed, with their spaces."""
    large: list[tuple[Generator, str]] = [(stylegan2(256, multiplier), "w") for multiplier in MULTIPLIERS]
    return [(generators.load("faces"), "z"), *large, (FullyConnected(), "z")]


def bench_step(report: Report) -> None:
    """A step of an inversion of one image, under the distance that guides inversions."""
    distance = load(distances.INVERSION_DISTANCE)
    for generator, space in timed_generators():
        inversion = Inversion(generator, distance, space)
        step, bare = in_turns(inversion.step, partial(bare_pass, generator, distance, space))
        name = f"{generator.name}: inversion step of one image / bare forward and backward"
        detail = f"{step:.3f} s / {bare:.3f} s"
        report.add(Figure(name, step / bare, f"≤ {STEP_RATIO}", step / bare <= STEP_RATIO, detail))


def bench_sketch(report: Report) -> None:
    """A probe of the gradient sketch, under the default distance of eigenbases."""
    distance = load(distances.DEFAULT_DISTANCE)
    for generator, space in timed_generators():
        estimator = metric_estimator(generator, distance, space, samples=PROBES)
        step, bare = in_turns(lambda it=estimator: it.step(it.init()), partial(bare_pass, generator, distance, space))
        name = f"{generator.name}: probe of a sketch / bare forward and backward"
        ratio, detail = step / PROBES / bare, f"{step:.3f} s for {PROBES} probes / {bare:.3f} s"
        report.add(Figure(name, ratio, f"≤ {PROBE_RATIO}", ratio <= PROBE_RATIO, detail))


# Counted -----------------------------------------------------------------------------------------------------------


def one_inversion(generator: Generator, distance: EmbeddingDistance) -> None:
    """Three steps from one start."""
    inversion = Inversion(generator, distance, "w")
    for _ in range(3):
        inversion.step()


def bench_peak(report: Report) -> None:
    """Peak memory of one inversion, counted, over that of one bare forward and backward pass."""
    distance = load(distances.INVERSION_DISTANCE, "meta")
    for side in COUNTED_SIDES:
        generator = stylegan2(side).to("meta")
        bare = counted_peak(lambda it=generator: bare_pass(it, distance, "w"))
        whole = counted_peak(lambda it=generator: one_inversion(it, distance))
        name = f"{side} px, counted: peak of one inversion / bare forward and backward"
        detail = f"{whole / GIB:.2f} GiB / {bare / GIB:.2f} GiB"
        report.add(Figure(name, whole / bare, f"≤ {PEAK_RATIO}", whole / bare <= PEAK_RATIO, detail))


def render_all(generator: Generator) -> None:
    """Images of as many latents, each thrown away."""
    for _ in rendered(generator, generator.space("w").sample(IMAGES, 0), "w"):
        pass


def invert_all(generator: Generator, guide: str) -> None:
    """An inversion of as many images, from their embeddings to the images that are found."""
    targets = torch.full((IMAGES, *generator.image_shape), 0.5, device=generator.device)
    problem = Problem(generator, load(guide, "meta"), "w", targets)
    invert(problem, "adam", steps=1, start="prior", restarts=1)


def bench_budget(report: Report) -> None:
    """What the parts of the library take at 1024 px within a budget of 8 GiB, counted."""
    generator, distance = stylegan2(1024).to("meta"), load(distances.DEFAULT_DISTANCE, "meta")
    set_budget("meta", BUDGET_GIB * GIB)
    latent = generator.space("w").sample(1, 0)[0]
    parts: dict[str, Callable[[], object]] = {
        f"render of {IMAGES} images": partial(render_all, generator),
        "shard of a sketch": lambda: _first_step(generator, distance),
        f"{PIECES} pieces of gram": lambda: _first_pieces(Point(generator, distance, latent, "w")),
        f"bank of {BANK_SAMPLES} samples": partial(make_bank, generator, distance, "w", size=BANK_SAMPLES),
    }
    for guide in GUIDES:
        parts[f"inversion of {IMAGES} images, {guide}"] = partial(invert_all, generator, guide)
    for name, run in parts.items():
        began, refused = time.process_time(), ""
        try:
            peak = counted_peak(run) / GIB
        except PullbackError as error:
            peak, refused = float("nan"), f"refused: {error}"
        detail = refused or f"counted in {time.process_time() - began:.0f} s"
        report.add(Figure(f"1024 px, counted: {name}, GiB", peak, f"≤ {BUDGET_GIB}", peak <= BUDGET_GIB, detail))


def _first_pieces(point: Point) -> None:
    # Each piece is like the first: some columns of J, or products with J where that is not held.
    pieces = Gram().metric_in_pieces(point)
    for _ in range(PIECES):
        next(pieces)


def _first_step(generator: Generator, distance: EmbeddingDistance) -> None:
    estimator = metric_estimator(generator, distance, "w", samples=16)
    estimator.step(estimator.init())


# Compared ----------------------------------------------------------------------------------------------------------


def bench_company(report: Report) -> None:
    """Starts, evaluations and inversions, alone and in company, in a process for each setting."""
    compared, differing = 0, []
    for instructions, threads in SETTINGS:
        try:
            compared += len(compared_under(instructions, threads))
        except AssertionError as error:
            differing.append(f"{instructions}, {threads} threads: {error}")
    name = f"alone and in company: settings of {len(SETTINGS)} under which a bit differs"
    detail = "; ".join(differing) or f"{compared} comparisons, sets of instructions × threads of kernels"
    report.add(Figure(name, len(differing), "0", not differing, detail))


PARTS: dict[str, Callable[[Report], None]] = {
    "step": bench_step,
    "sketch": bench_sketch,
    "peak": bench_peak,
    "budget": bench_budget,
    "search": bench_search,
    "bases": bench_bases,
    "company": bench_company,
}


def main() -> None:
    """Runs all parts, or those that $ONLY names, and prints the table."""
    torch.manual_seed(0)
    report = Report("scale")
    report.run({name: partial(part, report) for name, part in PARTS.items()})


if __name__ == "__main__":
    main()
