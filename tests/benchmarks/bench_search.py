"""`make bench-search`: optimizers of search side by side, evolving images for units of real networks.

Ours, and those of others by their descriptions or as libraries (`search_arms`). Every one has its settings tuned on
units of AlexNet that it is not compared on, for each bound and kind of noise, and shows as many images; all are
compared by rates without noise, whatever they were told, and paired over units and seeds, on units of each network by
themselves: those of VGG-16 and EfficientNet-Lite0 are of a kind on which nothing was tuned. Results are kept in
`bench-search/` ($OUT), so that an interrupted run goes on where it was. `QUICK=1` takes fewer units, minutes and
conditions; UNITS, TUNING_UNITS, SEEDS, IMAGES, GENERATORS, NETWORKS, CONDITIONS (`gauss-3@10`: a noise and the greatest
norm), ARMS and SETTINGS (`few`, `one`) ask for another study; `ONLY=published,ridges` runs parts of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from bench_sessions import bench_latency, bench_store
from observers import Observer, responsive_units
from PIL import Image
from published_figures import bench_published
from reporting import QUICK, Figure, Report
from ridges import bench_ridges
from search_arms.settings import settings_of
from search_figures import Compared, report_arms, report_comparisons
from study import OUT, TUNED_ON, WORKERS, Choices, Study, conduct, tune


def save_sheet(observer: Observer, study: Study, compared: Compared) -> None:
    """The best image of each unit over its seeds: a row for each arm in the tables' order, a column for each unit.

    The first row is of the prior's draws.
    """
    draws = observer.generator.space(observer.space_name).sample(study.units, 7).numpy()
    rows = [torch.cat(list(observer.images(draws)), dim=2)]
    for results in compared.found.values():
        chosen = results.best.reshape(study.units, study.seeds).argmax(axis=1)
        latents = results.latents.reshape(study.units, study.seeds, -1)[np.arange(study.units), chosen]
        rows.append(torch.cat(list(observer.images(latents)), dim=2))
    levels = (255 * torch.cat(rows, dim=1)).round().byte().movedim(0, -1).numpy()
    name = f"{observer.name}-{observer.neurons.network.name}-{compared.condition}.png"
    Image.fromarray(levels).save(study.folder / name)


def bench_evolutions(report: Report, study: Study) -> None:
    """All arms, for every generator and network, under every condition."""
    for generator in study.generators:
        units = responsive_units(generator, TUNED_ON, study.units + study.tuning_units)
        # Made here, before several processes ask for the eigenbasis.
        Observer(generator, units, OUT)
        chosen = tune(study, generator, units)
        for (condition, arm), choice in chosen.items():
            report.note(generator=generator, tuned=str(condition), arm=arm, best=str(choice.setting), of=choice.tuned)
        for network in study.networks:
            seen = units if network == TUNED_ON else responsive_units(generator, network, study.units)
            bench_network(report, study, Observer(generator, seen, OUT), chosen)


def bench_network(report: Report, study: Study, observer: Observer, chosen: Choices) -> None:
    """All arms with the settings that were chosen, for one generator and the units of one network."""
    network = observer.neurons.network.name
    found = conduct(study, observer.name, observer.units, chosen)
    report.note(generator=observer.name, units=[str(unit) for unit in observer.units[: study.units]])
    for condition in study.conditions:
        compared = Compared.under(study, condition, found)
        title = f"{observer.name} {network} {condition}"
        report_arms(report, title, compared)
        report_comparisons(report, title, compared)
        save_sheet(observer, study, compared)


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
    conditions = [str(condition) for condition in study.conditions]
    report.note(study=vars(study) | {"conditions": conditions}, arms=list(settings_of(None)))
    parts: dict[str, Callable[[], None]] = {
        "cost": lambda: bench_cost(report, study),
        "latency": lambda: bench_latency(report),
        "store": lambda: bench_store(report),
        "published": lambda: bench_published(report),
        "ridges": lambda: bench_ridges(report),
        "evolutions": lambda: bench_evolutions(report, study),
    }
    # Those of sessions on a server would take a third of a quick study's time: there they run where they are asked for.
    report.run(parts, usual=[part for part in parts if part not in ("latency", "store")] if QUICK else None)


if __name__ == "__main__":
    main()
