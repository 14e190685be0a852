"""The study of search: every optimizer at its best step size, on the same units with the same seeds."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, astuple, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from evolving import Evolutions, Run, evolve
from observers import MEAN_RATE, Observer, space_of
from reporting import QUICK

from pullback import search
from pullback.neurons import Unit
from pullback.search import SearchSettings, complete

OUT = Path("bench-search")
WORKERS = int(os.environ.get("WORKERS", os.cpu_count() or 1))
_SIGMAS = (1.0, 2.0) if QUICK else (0.5, 1.0, 1.5, 2.0, 3.0)
_EXPONENTS = (0.25,) if QUICK else (0.1, 0.25, 0.4)
# What is tuned, for each optimizer by the name it has in the tables.
_ALL: dict[str, list[SearchSettings]] = {
    "random": [SearchSettings("random")],
    "genetic": [
        SearchSettings("genetic", mutation_size=size) for size in ((0.5,) if QUICK else (0.25, 0.5, 0.75, 1.0))
    ],
    "sphere_cma": [
        SearchSettings("sphere_cma", first_angle=a) for a in ((50.0,) if QUICK else (30.0, 50.0, 70.0, 90.0))
    ],
    "cholesky_cma": [SearchSettings("cholesky_cma", sigma=sigma) for sigma in _SIGMAS],
    "cma": [SearchSettings("cma", sigma=sigma) for sigma in _SIGMAS],
    # Wang & Ponce's method: p as they took it for FC6, a step size that is adapted, and a covariance that hardly is
    # (rank one at a rate of 2/n² in every tenth generation; here not at all).
    "published": [
        SearchSettings(
            "hessian_cma",
            sigma=sigma,
            exponent=0.25,
            adapt_covariance=False,
            decay_generations=0,
            learning_rate=1.0,
            negative_weights=False,
        )
        for sigma in _SIGMAS
    ],
    "hessian_cma": [SearchSettings("hessian_cma", sigma=sigma, exponent=p) for sigma in _SIGMAS for p in _EXPONENTS],
    # As it comes, with nothing tuned.
    "default": [SearchSettings("hessian_cma")],
}
# Those that $ARMS names, in its order; all of them otherwise. What the figures to reach compare must be among them.
_COMPARED = ("cma", "hessian_cma", "published", "default")
ARMS = {arm: _ALL[arm] for arm in os.environ.get("ARMS", ",".join(_ALL)).split(",")}
if missing := set(_COMPARED) - ARMS.keys():
    raise SystemExit(f"$ARMS names optimizers to study and must name {', '.join(_COMPARED)}; {missing} did not come")
_TUNING_SEED = 1000
TUNED_ON = "efficientnet-lite0"
"""The network on whose units settings are tuned; those of the others are new to them."""


@dataclass(frozen=True)
class Study:
    """How much is run; from the environment, so that a smaller study can be asked for.

    Attributes:
        generators: Names of the generators.
        networks: Networks whose units are compared on, of `observers.LAYERS`.
        noises: Of `noise-free` and `poisson`.
        units: Units of each network for which evolutions are compared.
        tuning_units: Other units, on which step sizes are tuned, without noise.
        seeds: Evolutions for each unit.
        images: How many each may show.
    """

    generators: tuple[str, ...]
    networks: tuple[str, ...]
    noises: tuple[str, ...]
    units: int
    tuning_units: int
    seeds: int
    images: int

    @classmethod
    def asked(cls) -> Study:
        """What $GENERATORS, $NETWORKS, $NOISES, $UNITS, $TUNING_UNITS, $SEEDS and $IMAGES say; else the full study."""

        def of(name: str, full: str, quick: str) -> str:
            return os.environ.get(name, quick if QUICK else full)

        return cls(
            generators=tuple(of("GENERATORS", "faces,eyes", "faces").split(",")),
            networks=tuple(of("NETWORKS", "efficientnet-lite0,alexnet", "efficientnet-lite0,alexnet").split(",")),
            noises=tuple(of("NOISES", "noise-free,poisson", "noise-free").split(",")),
            units=int(of("UNITS", "12", "4")),
            tuning_units=int(of("TUNING_UNITS", "6", "2")),
            seeds=int(of("SEEDS", "5", "2")),
            images=int(of("IMAGES", "1500", "400")),
        )

    @property
    def folder(self) -> Path:
        """Where its results are kept, so that an interrupted study goes on."""
        return OUT / f"{self.units}-units-{self.tuning_units}-tuning-{self.seeds}-seeds-{self.images}-images"

    @property
    def runs(self) -> list[Run]:
        """Those that are compared; the rows of all results."""
        return [Run(unit, seed) for unit in range(self.units) for seed in range(self.seeds)]

    @property
    def tuning_runs(self) -> list[Run]:
        """Those on which step sizes are tuned."""
        return [Run(unit, _TUNING_SEED) for unit in range(self.units, self.units + self.tuning_units)]

    def images_for(self, network: str) -> int:
        """Images of one generator that a network looks at in all."""
        tuned = sum(len(settings) for settings in ARMS.values() if len(settings) > 1)
        compared = len(ARMS) * len(self.noises) * self.units * self.seeds
        return self.images * (compared + (tuned * self.tuning_units if network == TUNED_ON else 0))


@dataclass(frozen=True)
class Task:
    """Evolutions of one optimizer with one setting, and the file that keeps what they came to."""

    generator: str
    units: tuple[Unit, ...]
    settings: SearchSettings
    runs: tuple[Run, ...]
    images: int
    noisy: bool
    path: Path

    def done(self) -> Evolutions:
        """What was kept."""
        with np.load(self.path) as kept:
            return Evolutions(kept["means"], kept["best"], kept["latents"], int(kept["population"]))

    def perform(self) -> None:
        """Evolves, and keeps the result, whole or not at all."""
        torch.set_num_threads(1)
        observer = _observer(self.generator, self.units)
        found = evolve(observer, self.settings, self.runs, self.images, noisy=self.noisy)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".part.npz")
        np.savez(partial, **asdict(found), settings=json.dumps(asdict(self.settings)))
        partial.replace(self.path)


@lru_cache(maxsize=1)
def _observer(generator: str, units: tuple[Unit, ...]) -> Observer:
    return Observer(generator, units, OUT)


def perform(tasks: Sequence[Task]) -> None:
    """Performs those tasks that were not performed before, one a core."""
    left = [task for task in tasks if not task.path.exists()]
    if not left:
        return
    # Workers begin afresh: torch's threads do not survive a fork.
    with ProcessPoolExecutor(min(WORKERS, len(left)), multiprocessing.get_context("spawn")) as pool:
        for _ in pool.map(Task.perform, left):
            pass


@dataclass(frozen=True)
class Choice:
    """The setting of an optimizer.

    Attributes:
        settings: The best setting.
        tuned: Each setting that was tried, and the mean gain on the units for tuning.
    """

    settings: SearchSettings
    tuned: dict[str, float]


@dataclass(frozen=True)
class Tuned:
    """What an optimizer came to at its best setting.

    Attributes:
        settings: The setting.
        results: By noise.
    """

    settings: SearchSettings
    results: dict[str, Evolutions]


def tune(study: Study, generator: str, units: tuple[Unit, ...]) -> dict[str, Choice]:
    """Each optimizer's best setting on units of `TUNED_ON` that it is not compared on, without noise."""
    trials = {
        arm: [
            _task(study, generator, units, settings, study.tuning_runs, "noise-free", "tuning") for settings in choices
        ]
        for arm, choices in ARMS.items()
        if len(choices) > 1
    }
    perform(_unique(trial for tried in trials.values() for trial in tried))
    found = {arm: Choice(choices[0], {}) for arm, choices in ARMS.items()}
    for arm, tried in trials.items():
        gains = [float((trial.done().final - MEAN_RATE).mean()) for trial in tried]
        tuned = {words(settings): round(gain, 2) for settings, gain in zip(ARMS[arm], gains, strict=True)}
        found[arm] = Choice(ARMS[arm][int(np.argmax(gains))], tuned)
    return found


def conduct(study: Study, generator: str, units: tuple[Unit, ...], chosen: dict[str, Choice]) -> dict[str, Tuned]:
    """What is compared on the units of one network, for one generator."""
    tasks = {
        (arm, noise): _task(study, generator, units, choice.settings, study.runs, noise, "study")
        for noise in study.noises
        for arm, choice in chosen.items()
    }
    perform(_unique(tasks.values()))
    return {
        arm: Tuned(choice.settings, {noise: tasks[arm, noise].done() for noise in study.noises})
        for arm, choice in chosen.items()
    }


def _task(
    study: Study,
    generator: str,
    units: tuple[Unit, ...],
    settings: SearchSettings,
    runs: Sequence[Run],
    noise: str,
    stage: str,
) -> Task:
    settings = complete(settings, space_of(generator).searched)
    # Draws from the prior are the same, whatever is told.
    noise = "noise-free" if settings.method == "random" else noise
    # Results of other settings, of other units or of a method that was changed since are not these.
    identity = repr((astuple(settings), units, study.images, _code(settings.method)))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    path = study.folder / f"{generator}-{noise}-{stage}-{settings.method}-{digest}.npz"
    return Task(generator, units, settings, tuple(runs), study.images, noise == "poisson", path)


def _code(method: str) -> list[bytes]:
    """What makes a method what it is: its file, and those of the package that it imports, in turn."""
    folder, found = Path(search.__file__).parent, dict[str, bytes]()
    waiting = ["random_search" if method == "random" else method]
    while waiting:
        if (name := waiting.pop()) not in found:
            found[name] = (folder / f"{name}.py").read_bytes()
            waiting += re.findall(r"^from pullback\.search\.(\w+) import", found[name].decode(), re.MULTILINE)
    return [found[name] for name in sorted(found)]


def words(settings: SearchSettings) -> str:
    """The settings in a few words."""
    return "-".join([settings.method, *(f"{name}={value:g}" for name, value in settings.given().items())])


def _unique(tasks: Iterable[Task]) -> list[Task]:
    """Two optimizers may ask for the same."""
    return list({task.path: task for task in tasks}.values())
