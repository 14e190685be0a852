"""`make bench-inversion`: the methods of inversion side by side, in one run.

Every comparison gives both sides the same targets, the same starts where they start from the prior, and the same
number of evaluations of the generator (a forward-backward pass, a forward pass and a column of a Jacobian count as one
each), and is paired over targets. `QUICK=1` takes fewer targets, no album, no throughput, and under 5 minutes;
`ONLY=photographs,solved` runs parts of it, `TARGETS=8` takes so many photographs, `GENERATORS=faces32`
other generators.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import photographs
import torch
from judging import JUDGES, judged_by, ratios
from numpy.typing import NDArray
from pairs import compare
from projecting import bench_projector
from reporting import QUICK, Figure, Report
from sheets import save_sheet
from throughput import images_per_second
from torch import Tensor

from pullback import distances, generators
from pullback.distances import Distance
from pullback.generators import Generator
from pullback.geometry import Eigenbasis, global_metric
from pullback.inversion import (
    METHODS,
    InversionResult,
    LossWeights,
    Problem,
    StartBank,
    cached_bank,
    invert,
    make_starts,
)
from pullback.inversion.batching.lanes import lanes_of
from pullback.inversion.defaults import PRIOR_WEIGHT, SQUARED_WEIGHT

EVALUATIONS = METHODS["hessian_adam"].steps
RATES = (0.2, 0.4) if QUICK else (0.2, 0.4, 0.8)
PHOTOGRAPHS = int(os.environ.get("TARGETS", "4" if QUICK else "20"))
# Of each generator: for the comparison of rates, and for the share that is solved.
COMPARED = 4 if QUICK else 12
GENERATED = 4 if QUICK else 24
# A generation of the published BasinCMA alone takes 558.
BASIN_EVALUATIONS = 600
# What else may guide, the former default first.
FORMER_GUIDE, FORMER_SQUARED, FORMER_PRIOR, FORMER_EVALUATIONS = "lpips-effnet-lite0", 1.0, 0.001, 200
OTHER_GUIDES = (FORMER_GUIDE, "lpips-alex")
BEST_FACTOR = 4 if QUICK else 20
SOLVED_EVALUATIONS = 120
ALBUM, ALBUM_STEPS, ALBUM_PAIRS = 8, 20, 2 if QUICK else 5
# A draw that no other seed of this benchmark or of the bank makes.
TARGET_SEED = 5_000_011
START_SEED = 17
OUT = Path("bench-inversion")
# Each generator and the space that its users invert in; photographs are those of the first that is asked for.
SPACES = {"faces": "z", "eyes": "noise", "faces32": "w"}
GENERATORS = os.environ.get("GENERATORS", "faces" if QUICK else "faces,eyes").split(",")

Runs = NDArray[np.float64]


@dataclass
class Setting:
    """A generator with all that inversions of its images need, under the distance that guides them."""

    name: str
    space: str
    guide: str = distances.INVERSION_DISTANCE
    squared: float = SQUARED_WEIGHT
    generator: Generator = field(init=False)
    distance: Distance = field(init=False)
    preconditioner: Distance = field(init=False)

    def __post_init__(self) -> None:
        self.generator, self.distance = generators.load(self.name), distances.load(self.guide)
        self.preconditioner = distances.load(distances.entry(self.guide).preconditioner)

    @cached_property
    def basis(self) -> Eigenbasis:
        """The eigenbasis of the preconditioner's global metric."""
        return global_metric(self.generator, self.preconditioner, self.space, samples=2000)

    @cached_property
    def bank(self) -> StartBank:
        """The bank of starts that the preconditioner serves."""
        return cached_bank(self.generator, self.preconditioner, self.space)

    def problem(self, targets: Tensor, prior: float) -> Problem:
        """The problem with that weight of the prior's penalty."""
        return Problem(
            self.generator, self.distance, self.space, targets, weights=LossWeights(l2=self.squared, prior=prior)
        )

    def photographs(self, count: int) -> Tensor:
        """Photographs of faces at the size that the generator draws."""
        return photographs.faces(count, self.generator.image_shape[-1])

    def generated(self, count: int) -> Tensor:
        """Targets that the generator can draw, from seeds that no method sees."""
        latents = self.generator.space(self.space).sample(count, TARGET_SEED)
        with torch.no_grad():
            return self.generator.render(latents, self.space)

    def between_random_pairs(self) -> float:
        """Mean distance between images of independent latents."""
        latents = self.generator.space(self.space).sample(128, TARGET_SEED + 1)
        with torch.no_grad():
            images = self.generator.render(latents, self.space)
            return float(self.distance(images[::2], images[1::2]).mean())

    def run(
        self, targets: Tensor, method: str, evaluations: int, *, prior: float = 0.0, **options: Any
    ) -> InversionResult:
        """An inversion within so many evaluations of each target."""
        problem, defaults = self.problem(targets, prior), METHODS[method]
        if options.get("start", defaults.start) == "bank":
            restarts = options.pop("restarts", max(defaults.restarts, 1))
            under = problem.under(self.preconditioner)
            options["starts"] = make_starts(under, restarts, START_SEED, start="bank", bank=self.bank)
        return invert(
            problem,
            method,
            eigenbasis=self.basis,
            seed=START_SEED,
            steps=options.pop("steps", 100_000),
            evaluations=evaluations,
            **options,
        )


def best_so_far(result: InversionResult) -> Runs:
    """Distance where the loss was lowest within k + 1 evaluations, shape (images, evaluations); of one restart."""
    losses, distances_ = (trace[:, 0].double().numpy() for trace in (result.trace_loss, result.trace_distance))
    # argmin of losses[: k + 1], for every k
    least = np.minimum.accumulate(losses, axis=1)
    best = np.maximum.accumulate(np.where(losses == least, np.arange(losses.shape[1]), 0), axis=1)
    return np.take_along_axis(distances_, best, axis=1)


def from_prior(rate: float) -> dict[str, Any]:
    """One start from the prior, at that learning rate."""
    return {"start": "prior", "restarts": 1, "thin": False, "learning_rate": rate, "schedule": "cosine"}


def published() -> dict[str, Any]:
    """Hessian Adam as published: rotation only, a constant rate, one start from the prior."""
    return from_prior(0.1) | {"schedule": "constant", "exponent": 0.0, "betas": (0.9, 0.999)}


def at_best_rate(setting: Setting, targets: Tensor, method: str, **options: Any) -> tuple[float, InversionResult]:
    """The learning rate with the lowest mean loss, and its run."""
    runs = {rate: setting.run(targets, method, EVALUATIONS, **(from_prior(rate) | options)) for rate in RATES}
    rate = min(runs, key=lambda rate: float(runs[rate].losses.mean()))
    return rate, runs[rate]


def bench_photographs(report: Report, setting: Setting) -> None:
    """`hessian_adam` against `adam`, each at its own best learning rate."""
    targets = setting.photographs(PHOTOGRAPHS)
    rate, adam = at_best_rate(setting, targets, "adam")
    for exponent in (0.25,) if QUICK else (0.25, 0.0):
        own, ours = at_best_rate(setting, targets, "hessian_adam", exponent=exponent)
        found = compare(ours.losses.numpy(), adam.losses.numpy())
        reached = None if exponent == 0 else found.ratio < 1 and found.p < 1e-3
        name = f"photographs: hessian_adam (exponent {exponent:g}) / adam, loss"
        detail = f"lr {own:g} / {rate:g}; {ours.losses.mean():.4f} / {adam.losses.mean():.4f}; {found}"
        report.add(Figure(name, found.ratio, "< 1, p < 1e-3" if exponent else "", reached, detail))
        apart = compare(ours.distances.numpy(), adam.distances.numpy())
        detail = f"{ours.distances.mean():.4f} / {adam.distances.mean():.4f}; {apart}"
        report.add(Figure(f"{name.removesuffix('loss')}distance", apart.ratio, detail=detail))


def bench_generated(report: Report, settings: Sequence[Setting]) -> None:
    """The same on targets that the generator can draw."""
    for setting in settings:
        targets = setting.generated(COMPARED)
        solved = 0.01 * setting.between_random_pairs()
        rate, adam = at_best_rate(setting, targets, "adam")
        own, ours = at_best_rate(setting, targets, "hessian_adam")
        found = compare(ours.distances.numpy(), adam.distances.numpy())
        parts = []
        for label, run in ((f"hessian_adam lr {own:g}", ours), (f"adam lr {rate:g}", adam)):
            values = run.distances
            share = float((values < solved).double().mean())
            parts.append(f"{label}: mean {values.mean():.4f}, median {values.median():.4f}, solved {share:.0%}")
        detail = "; ".join([*parts, str(found)])
        report.add(Figure(f"{setting.name} generated: hessian_adam / adam, distance", found.ratio, detail=detail))


def bench_basin(report: Report, setting: Setting) -> None:
    """BasinCMA in the eigenbasis against the published one."""
    targets = setting.photographs(min(PHOTOGRAPHS, 20))
    plain = setting.run(targets, "basin_cma", BASIN_EVALUATIONS)
    compared = {"hessian_basin_cma": "< 1, p < 1e-3"} | ({} if QUICK else {"basin_cma_hessian_adam": ""})
    for name, target in compared.items():
        run = setting.run(targets, name, BASIN_EVALUATIONS)
        found = compare(run.losses.numpy(), plain.losses.numpy())
        detail = (
            f"{int(run.evaluations.max())} evaluations; {run.losses.mean():.4f} / {plain.losses.mean():.4f}; {found}"
        )
        reached = found.ratio < 1 and found.p < 1e-3 if target else None
        report.add(Figure(f"photographs: {name} / published BasinCMA, loss", found.ratio, target, reached, detail))


def bench_default(report: Report, setting: Setting) -> None:
    """What our default gains over the published method, at equal work and in work, as image distances."""
    targets = setting.photographs(PHOTOGRAPHS)
    before = setting.run(targets, "hessian_adam", EVALUATIONS, **published())
    ours = setting.run(targets, "hessian_adam", EVALUATIONS, prior=PRIOR_WEIGHT)
    found = compare(ours.distances.numpy(), before.distances.numpy())
    reached = found.ratio <= 0.85 and found.p < 1e-3
    detail = f"{ours.distances.mean():.4f} / {before.distances.mean():.4f}; {found}"
    name = "photographs: default / published Hessian Adam, distance"
    report.add(Figure(name, found.ratio, "≤ 0.85, p < 1e-3", reached, detail))
    # A run of n evaluations knows of its end: its rate falls to 0 there. So each budget is a run of its own.
    quarter = setting.run(targets, "hessian_adam", EVALUATIONS // 4, prior=PRIOR_WEIGHT)
    end, within = float(before.distances.mean()), float(quarter.distances.mean())
    curve = best_so_far(ours).mean(axis=0)
    needed = int(np.argmax(curve <= end)) + 1 if curve[-1] <= end else EVALUATIONS + 1
    ratio = min(needed, EVALUATIONS // 4 if within <= end else needed) / EVALUATIONS
    detail = (
        f"published ends at {end:.4f} after {EVALUATIONS}; a default run of {EVALUATIONS} is there after {needed}, "
        f"one of {EVALUATIONS // 4} ends at {within:.4f}"
    )
    report.add(
        Figure("photographs: evaluations to published's end / published's", ratio, "≤ 0.25", ratio <= 0.25, detail)
    )
    sheet = [targets, before.images]
    for prior in (0.0, PRIOR_WEIGHT, 3 * PRIOR_WEIGHT):
        run = ours if prior == PRIOR_WEIGHT else setting.run(targets, "hessian_adam", EVALUATIONS, prior=prior)
        norm = float(run.latents.norm(dim=1).mean())
        report.note(prior=prior, distance=round(float(run.distances.mean()), 4), latent_norm=round(norm, 2))
        sheet.append(run.images)
    strange = photographs.others(setting.generator.image_shape[-1])
    found = setting.run(strange, "hessian_adam", EVALUATIONS, prior=PRIOR_WEIGHT)
    for number, distance in enumerate(found.distances.tolist()):
        report.note(out_of_domain=number, distance=round(distance, 4))
    save_sheet(sheet, OUT / "photographs.png")
    save_sheet([strange, found.images], OUT / "others.png")


def bench_floor(report: Report, setting: Setting) -> None:
    """How much of the way from the published method to the best that much more work finds our default goes."""
    targets = setting.photographs(PHOTOGRAPHS)
    before = setting.run(targets, "hessian_adam", EVALUATIONS, **published())
    ours = setting.run(targets, "hessian_adam", EVALUATIONS, prior=PRIOR_WEIGHT)
    many = setting.run(targets, "hessian_adam", BEST_FACTOR * EVALUATIONS, restarts=BEST_FACTOR, thin=False)
    end, reached = float(before.distances.mean()), float(ours.distances.mean())
    floor = float(np.minimum.reduce([run.distances.numpy() for run in (before, ours, many)]).mean())
    share = (end - reached) / (end - floor)
    detail = f"published {end:.4f}, default {reached:.4f}, best of {BEST_FACTOR} × the work {floor:.4f}"
    report.add(Figure("photographs: share of the way to the best found", share, "≥ 0.6", share >= 0.6, detail))
    save_sheet([targets, before.images, ours.images, many.images], OUT / "floor.png")


def bench_judged(report: Report, setting: Setting) -> None:
    """The default beside inversions that other distances guide, as every distance judges them."""
    targets = setting.photographs(PHOTOGRAPHS)
    settings = {setting.guide: setting} | {
        guide: Setting(setting.name, setting.space, guide, FORMER_SQUARED) for guide in OTHER_GUIDES
    }
    runs, seconds = {}, {}
    for guide, guided in settings.items():
        # Made before the clock runs.
        _ = guided.basis, guided.bank
        began = time.process_time()
        former = guide == FORMER_GUIDE
        evaluations, prior = (FORMER_EVALUATIONS, FORMER_PRIOR) if former else (EVALUATIONS, PRIOR_WEIGHT)
        runs[guide] = guided.run(targets, "hessian_adam", evaluations, prior=prior)
        seconds[guide] = (time.process_time() - began) / len(targets)
    runs["adam"] = setting.run(targets, "adam", EVALUATIONS, **from_prior(RATES[0]))
    others = [name for name in runs if name != setting.guide]
    for judge in JUDGES:
        values = {name: judged_by(judge, run.images, targets) for name, run in runs.items()}
        report.note(judge=judge, **{name: round(float(each.mean()), 4) for name, each in values.items()})
        for name in others:
            found = ratios(values[setting.guide], values[name])
            # A judge is for the one that it guided.
            asked = name == FORMER_GUIDE and judge not in {setting.guide, FORMER_GUIDE, "ssim"}
            reached = found.mean < 1 if asked else None
            title = f"{judge} judges: default / {name if name == 'adam' else 'guided by ' + name}"
            report.add(Figure(title, found.mean, "< 1" if asked else "", reached, str(found)))
    for name in OTHER_GUIDES:
        detail = f"{seconds[setting.guide]:.1f} s / {seconds[name]:.1f} s of processor time"
        report.add(
            Figure(f"work of an inversion: default / {name}", seconds[setting.guide] / seconds[name], detail=detail)
        )
    order = [FORMER_GUIDE, setting.guide, *(name for name in others if name != FORMER_GUIDE)]
    save_sheet([targets, *(runs[name].images for name in order)], OUT / "judged.png")


def bench_solved(report: Report, settings: Sequence[Setting]) -> None:
    """How many generated targets our default solves."""
    for setting in settings:
        targets = setting.generated(GENERATED)
        solved = 0.01 * setting.between_random_pairs()
        found = setting.run(targets, "hessian_adam", SOLVED_EVALUATIONS, prior=PRIOR_WEIGHT)
        share = float((found.distances < solved).double().mean())
        median, worst = found.distances.median(), found.distances.max()
        detail = f"{GENERATED} targets, bound {solved:.5f}, median {median:.6f}, worst {worst:.4f}"
        name = f"{setting.name} generated: solved within {SOLVED_EVALUATIONS} evaluations"
        report.add(Figure(name, share, "≥ 0.95", share >= 0.95, detail))
        save_sheet([targets, found.images], OUT / f"{setting.name}.png")


def bench_throughput(report: Report, setting: Setting) -> None:
    """Images per second that a server inverts for one client and for several at once."""
    images = setting.photographs(16)
    rates = {clients: images_per_second(setting.name, images, clients) for clients in (1, 4, 16)}
    detail = ", ".join(f"{clients} clients: {rate:.2f} images/s" for clients, rate in rates.items())
    ratio = rates[16] / rates[1]
    report.add(Figure("throughput of 16 clients / of 1", ratio, "≥ 1.5", ratio >= 1.5, detail))


def bench_album(report: Report) -> None:
    """Seconds of an album, inverted as one request, over those of its photographs one by one."""
    targets = photographs.faces(ALBUM, 64)
    threads = torch.get_num_threads()
    for guide in dict.fromkeys([FORMER_GUIDE, distances.INVERSION_DISTANCE]):
        setting = Setting("faces", "z", guide)
        lanes = lanes_of(setting.generator, setting.distance)

        def seconds(images: Tensor, setting: Setting = setting) -> float:
            problem, began = setting.problem(images, PRIOR_WEIGHT), time.perf_counter()
            invert(problem, "adam", seed=START_SEED, start="prior", restarts=1, steps=ALBUM_STEPS)
            return time.perf_counter() - began

        seconds(targets)
        # Both in turn: on a machine that others use too, both meet the same neighbours.
        pairs = [(seconds(targets), sum(seconds(image[None]) for image in targets)) for _ in range(ALBUM_PAIRS)]
        ratio = float(np.median([together / apart for together, apart in pairs]))
        together, apart = (float(np.median(column)) for column in zip(*pairs, strict=True))
        detail = (
            f"{ALBUM} photographs, {ALBUM_STEPS} steps: {together:.2f} / {apart:.2f} s; "
            f"{lanes.count} lanes of {lanes.threads} threads, of {threads}"
        )
        several = lanes.count > 1
        reached = ratio <= 0.7 if several else None
        name = f"album, {guide}: seconds as one request / one by one"
        report.add(Figure(name, ratio, "≤ 0.7" if several else "", reached, detail))


def main() -> None:
    """Runs everything, or the parts that $ONLY names, and prints the table."""
    report = Report("inversion")
    settings = [Setting(name, SPACES[name]) for name in GENERATORS]
    first = settings[0]
    parts: dict[str, Callable[[], None]] = {
        "photographs": lambda: bench_photographs(report, first),
        "generated": lambda: bench_generated(report, settings),
        "basin": lambda: bench_basin(report, first),
        "default": lambda: bench_default(report, first),
        "floor": lambda: bench_floor(report, first),
        "judged": lambda: bench_judged(report, first),
        "solved": lambda: bench_solved(report, settings),
        "projector": lambda: bench_projector(report, OUT),
        "album": lambda: bench_album(report),
        "throughput": lambda: bench_throughput(report, first),
    }
    usual = [name for name in parts if not (QUICK and name in {"album", "throughput"})]
    report.run(parts, usual)


if __name__ == "__main__":
    main()
