"""`make bench-search`: the optimizers of search side by side, evolving images for units of real networks.

Every optimizer has its step size tuned on units of EfficientNet-Lite0 that it is not compared on, and shows as many
images; all are compared by rates without noise, whether they were told noisy ones or not, and paired over units and
seeds, on units of each network by themselves: those of AlexNet, a second visual system, are of a kind on which nothing
was tuned. Results are kept in `bench-search/`, so that an interrupted run goes on where it was. `QUICK=1` takes fewer
units and minutes; UNITS, TUNING_UNITS, SEEDS, IMAGES, GENERATORS, NETWORKS (`vgg16` too, some twenty times as slow),
NOISES and ARMS (names of optimizers) ask for another study; `ONLY=latency,store` runs parts of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from bench_sessions import bench_latency, bench_store
from numpy.typing import NDArray
from observers import MEAN_RATE, Observer, responsive_units
from pairs import Comparison, compare
from PIL import Image
from reporting import Figure, Report
from study import ARMS, OUT, TUNED_ON, WORKERS, Choice, Study, Tuned, conduct, tune, words

Rates = NDArray[np.float64]


def unit_gains(study: Study, found: dict[str, Tuned], noise: str) -> Rates:
    """How far each unit can be driven beyond draws of the prior: the mean gain of all optimizers, shape (units, 1)."""
    finals = [tuned.results[noise].final for arm, tuned in found.items() if arm != "random"]
    means: Rates = np.mean(finals, axis=0).reshape(study.units, study.seeds).mean(axis=1, keepdims=True)
    return means - MEAN_RATE


def relative(study: Study, rates: Rates, scale: Rates) -> Rates:
    """Gains of runs over draws of the prior in multiples of their unit's, so that every unit weighs the same.

    Args:
        study: What was run.
        rates: Shape (runs,) or (runs, generations).
        scale: Gains of the units, shape (units, 1).

    Returns:
        The shape of `rates`.
    """
    rows = rates.reshape(study.units, -1) - MEAN_RATE
    gains: Rates = (rows / scale).reshape(rates.shape)
    return gains


def images_to_reach(curve: Rates, population: int, value: float) -> int:
    """Images until a generation's mean reaches a value; one generation more than there are where none does."""
    reached = np.flatnonzero(curve >= value)
    return population * ((int(reached[0]) if reached.size else len(curve)) + 1)


def report_comparisons(report: Report, study: Study, found: dict[str, Tuned], title: str, noise: str) -> None:
    """The figures of one generator and one noise."""
    scale = unit_gains(study, found, noise)
    gains = {arm: relative(study, tuned.results[noise].final, scale) for arm, tuned in found.items()}

    def pair(first: str, second: str) -> tuple[str, Comparison, str]:
        compared = compare(gains[first], gains[second], higher_is_better=True)
        settings = " / ".join(words(found[arm].settings) for arm in (first, second))
        return f"{title}: {first} / {second}, gain", compared, f"{settings}; {compared}"

    name, ours, detail = pair("hessian_cma", "cma")
    report.add(Figure(name, ours.ratio, "> 1, p < 1e-3", ours.ratio > 1 and ours.p < 1e-3, detail))
    name, ours, detail = pair("default", "published")
    report.add(Figure(name, ours.ratio, "≥ 1.1", ours.ratio >= 1.1, detail))
    for arm in ARMS:
        if arm not in {"cma", "hessian_cma"}:
            name, other, detail = pair(arm, "cma")
            report.add(Figure(name, other.ratio, detail=detail))
    report_speed(report, study, found, title, noise)


def report_speed(report: Report, study: Study, found: dict[str, Tuned], title: str, noise: str) -> None:
    """Images that `hessian_cma` shows until it is where `cma` ends, on the mean curve over units and seeds."""
    scale = unit_gains(study, found, noise)
    curves = {
        arm: relative(study, found[arm].results[noise].means, scale).mean(axis=0) for arm in ("cma", "hessian_cma")
    }
    cma = found["cma"].results[noise]
    needed = images_to_reach(curves["hessian_cma"], found["hessian_cma"].results[noise].population, curves["cma"][-1])
    shown = cma.population * cma.means.shape[1]
    detail = f"cma ends at {curves['cma'][-1]:.3f} after {shown} images, hessian_cma is there after {needed}"
    name = f"{title}: images hessian_cma needs to cma's end / cma's"
    report.add(Figure(name, needed / shown, "≤ 0.6", needed / shown <= 0.6, detail))


def save_sheet(observer: Observer, study: Study, found: dict[str, Tuned], noise: str) -> None:
    """The best image of each unit over its seeds, a row for each optimizer, a column for each unit."""
    rows = []
    for tuned in found.values():
        result = tuned.results[noise]
        chosen = result.best.reshape(study.units, study.seeds).argmax(axis=1)
        latents = result.latents.reshape(study.units, study.seeds, -1)[np.arange(study.units), chosen]
        rows.append(torch.cat(list(observer.images(latents)), dim=2))
    levels = (255 * torch.cat(rows, dim=1)).round().byte().movedim(0, -1).numpy()
    Image.fromarray(levels).save(study.folder / f"{observer.name}-{observer.neurons.network.name}-{noise}.png")


def bench_evolutions(report: Report, study: Study) -> None:
    """All optimizers, for every generator and network, without noise and with it."""
    for generator in study.generators:
        units = responsive_units(generator, TUNED_ON, study.units + study.tuning_units)
        # Made here, before several processes ask for the eigenbasis.
        Observer(generator, units, OUT)
        chosen = tune(study, generator, units)
        for arm, choice in chosen.items():
            report.note(generator=generator, arm=arm, best=words(choice.settings), tuning=choice.tuned)
        for network in study.networks:
            seen = units if network == TUNED_ON else responsive_units(generator, network, study.units)
            bench_network(report, study, Observer(generator, seen, OUT), chosen)


def bench_network(report: Report, study: Study, observer: Observer, chosen: dict[str, Choice]) -> None:
    """All optimizers with the settings that were chosen, for one generator and the units of one network."""
    units, where = observer.units, {"generator": observer.name, "network": observer.neurons.network.name}
    found = conduct(study, observer.name, units, chosen)
    report.note(**where, units=[str(unit) for unit in units[: study.units]])
    for noise in study.noises:
        for arm, tuned in found.items():
            result = tuned.results[noise]
            final, best = float(result.final.mean()), float(result.best.mean())
            report.note(**where, noise=noise, arm=arm, final=round(final, 2), best=round(best, 2))
        report_comparisons(report, study, found, " ".join((*where.values(), noise)), noise)
        save_sheet(observer, study, found, noise)


def bench_cost(report: Report, study: Study) -> None:
    """Time of an image, rendered and looked at, and what the study takes."""
    for generator, network in product(study.generators, study.networks):
        observer = Observer(generator, responsive_units(generator, network, study.units), OUT)
        latents = observer.generator.space(observer.space_name).sample(256, 1).numpy()
        unit = np.arange(256) * study.units // 256
        seconds = []
        for _ in range(3):
            began = time.process_time()
            observer.rates(latents, unit)
            seconds.append(time.process_time() - began)
        cost = min(seconds) / len(latents)
        images = study.images_for(network)
        detail = f"{images} images: {cost * images / WORKERS / 3600:.2f} h with {WORKERS} processes"
        name = f"{generator} {network}: ms an image, rendered and seen, one thread"
        report.add(Figure(name, 1000 * cost, detail=detail))


def main() -> None:
    """Runs everything, or the parts that $ONLY names, and prints the table."""
    torch.set_num_threads(1)
    study, report = Study.asked(), Report("search")
    report.note(study=vars(study), arms={arm: len(settings) for arm, settings in ARMS.items()})
    parts: dict[str, Callable[[], None]] = {
        "cost": lambda: bench_cost(report, study),
        "latency": lambda: bench_latency(report),
        "store": lambda: bench_store(report),
        "evolutions": lambda: bench_evolutions(report, study),
    }
    report.run(parts)


if __name__ == "__main__":
    main()
