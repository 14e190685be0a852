"""The study of search: every arm at its best setting, on the same units with the same seeds, under each condition."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import search_arms
import torch
from evolving import Evolutions, Run, evolve
from noises import NOISES, TUNED_UNDER, Noise
from observers import MEAN_RATE, Observer
from reporting import QUICK
from search_arms.arm import Setting
from search_arms.beginning import PEERS
from search_arms.settings import settings_of

from pullback import search
from pullback.neurons import Unit

OUT = Path(os.environ.get("OUT", "bench-search"))
WORKERS = int(os.environ.get("WORKERS", os.cpu_count() or 1))
_TUNING_SEED = 1000
TUNED_ON = "alexnet"
"""The network on whose units settings are tuned; those of the others are new to them."""


@dataclass(frozen=True)
class Condition:
    """What optimizers are told, and how far they may go.

    Attributes:
        noise: One of `noises.NOISES`.
        stay: Greatest norm of a latent; None = any.
    """

    noise: str
    stay: float | None = None

    @classmethod
    def of(cls, name: str) -> Condition:
        """`none`, or `gauss-3@10`: a noise, and a norm where there is a bound."""
        noise, _, stay = name.partition("@")
        if noise not in NOISES:
            raise SystemExit(f"$CONDITIONS names noises, {', '.join(NOISES)}, some with a norm (none@10); {name} came")
        return cls(noise, float(stay) if stay else None)

    def __str__(self) -> str:
        return self.noise if self.stay is None else f"{self.noise}@{self.stay:g}"

    @property
    def tuned_under(self) -> Condition:
        """That under which settings are chosen for it."""
        return Condition(TUNED_UNDER[self.noise], self.stay)


_FULL = ",".join([*NOISES, *(f"{noise}@{norm}" for norm in (10, 20) for noise in NOISES)])


@dataclass(frozen=True)
class Study:
    """How much is run; from the environment, so that a smaller study can be asked for.

    Attributes:
        generators: Names of the generators.
        networks: Networks whose units are compared on, of `observers.LAYERS`.
        conditions: Under which they are compared.
        units: Units of each network for which evolutions are compared.
        tuning_units: Other units, on which settings are tuned.
        seeds: Evolutions for each unit.
        images: How many each may show.
    """

    generators: tuple[str, ...]
    networks: tuple[str, ...]
    conditions: tuple[Condition, ...]
    units: int
    tuning_units: int
    seeds: int
    images: int

    @classmethod
    def asked(cls) -> Study:
        """What $GENERATORS, $NETWORKS, $CONDITIONS, $UNITS, $TUNING_UNITS, $SEEDS and $IMAGES say; else all."""

        def of(name: str, full: str, quick: str) -> str:
            return os.environ.get(name, quick if QUICK else full)

        return cls(
            generators=tuple(of("GENERATORS", "faces", "faces").split(",")),
            networks=tuple(of("NETWORKS", "alexnet,vgg16,efficientnet-lite0", "alexnet").split(",")),
            conditions=tuple(map(Condition.of, of("CONDITIONS", _FULL, "none,gauss-3").split(","))),
            units=int(of("UNITS", "16", "4")),
            tuning_units=int(of("TUNING_UNITS", "8", "2")),
            seeds=int(of("SEEDS", "3", "1")),
            images=int(of("IMAGES", "1500", "200")),
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
        """Those on which settings are tuned."""
        return [Run(unit, _TUNING_SEED) for unit in range(self.units, self.units + self.tuning_units)]

    def images_for(self, network: str) -> int:
        """Images of one generator that a network looks at in all, where nothing is computed twice."""
        compared = sum(len(settings_of(condition.stay)) for condition in self.conditions)
        tuned = 0
        for condition in {each.tuned_under for each in self.conditions} if network == TUNED_ON else ():
            tuned += sum(len(found) for found in settings_of(condition.stay).values() if len(found) > 1)
        return self.images * (compared * self.units * self.seeds + tuned * self.tuning_units)


@dataclass(frozen=True)
class Task:
    """Evolutions of one optimizer with one setting, and the file that keeps what they came to."""

    generator: str
    units: tuple[Unit, ...]
    setting: Setting
    runs: tuple[Run, ...]
    images: int
    condition: Condition
    path: Path

    def done(self) -> Evolutions:
        """What was kept."""
        with np.load(self.path) as kept:
            return Evolutions(*(kept[name] for name in Evolutions.__dataclass_fields__))

    def perform(self) -> None:
        """Evolves, and keeps the result, whole or not at all."""
        torch.set_num_threads(1)
        observer = _observer(self.generator, self.units)
        noise, stay = Noise(self.condition.noise), self.condition.stay
        found = evolve(observer, self.setting, self.runs, self.images, noise, stay)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".part.npz")
        np.savez(partial, **asdict(found), setting=json.dumps(str(self.setting)))
        partial.replace(self.path)


@lru_cache(maxsize=1)
def _observer(generator: str, units: tuple[Unit, ...]) -> Observer:
    return Observer(generator, units, OUT)


def perform(tasks: Iterable[Task]) -> None:
    """Performs those tasks that were not performed before, one a core."""
    left = list({task.path: task for task in tasks if not task.path.exists()}.values())
    if not left:
        return
    # Workers begin afresh: torch's threads do not survive a fork.
    with ProcessPoolExecutor(min(WORKERS, len(left)), multiprocessing.get_context("spawn")) as pool:
        for _ in pool.map(Task.perform, left):
            pass


@dataclass(frozen=True)
class Choice:
    """The setting of an arm.

    Attributes:
        setting: The best setting.
        tuned: Each setting that was tried, and the mean gain on the units for tuning.
    """

    setting: Setting
    tuned: dict[str, float]


Choices = dict[tuple[Condition, str], Choice]
Found = dict[tuple[Condition, str], Evolutions]


def tune(study: Study, generator: str, units: tuple[Unit, ...]) -> Choices:
    """Each arm's best setting on units of `TUNED_ON` that it is not compared on, for every condition to tune under."""
    trials = {
        (condition, arm): [
            _task(study, generator, units, setting, study.tuning_runs, condition, "tuning") for setting in settings
        ]
        for condition in dict.fromkeys(each.tuned_under for each in study.conditions)
        for arm, settings in settings_of(condition.stay).items()
    }
    perform(trial for tried in trials.values() for trial in tried if len(tried) > 1)
    found = {}
    for key, tried in trials.items():
        if len(tried) == 1:
            found[key] = Choice(tried[0].setting, {})
            continue
        gains = [float((trial.done().final - MEAN_RATE).mean()) for trial in tried]
        tuned = {str(trial.setting): round(gain, 2) for trial, gain in zip(tried, gains, strict=True)}
        found[key] = Choice(tried[int(np.argmax(gains))].setting, tuned)
    return found


def conduct(study: Study, generator: str, units: tuple[Unit, ...], chosen: Choices) -> Found:
    """What is compared on the units of one network, for one generator."""
    tasks = {
        (condition, arm): _task(
            study, generator, units, chosen[condition.tuned_under, arm].setting, study.runs, condition, "study"
        )
        for condition in study.conditions
        for arm in settings_of(condition.stay)
    }
    perform(tasks.values())
    return {key: task.done() for key, task in tasks.items()}


def _task(
    study: Study,
    generator: str,
    units: tuple[Unit, ...],
    setting: Setting,
    runs: Sequence[Run],
    condition: Condition,
    stage: str,
) -> Task:
    if setting.method == "SphereCMA":
        # On a sphere anyway; the same search may have been run without a bound.
        condition = Condition(condition.noise)
    # Results of other settings, of other units or of a method that was changed since are not these.
    identity = repr((setting, units, study.images, tuple(runs), _code(setting.method)))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    path = study.folder / f"{generator}-{condition}-{stage}-{setting.method}-{digest}.npz"
    return Task(generator, units, setting, tuple(runs), study.images, condition, path)


@lru_cache
def _code(method: str) -> str:
    """What makes a method what it is: its file, and those of its package that it imports, in turn."""
    found, package = dict[str, bytes](), "pullback.search."
    if method in PEERS:
        waiting = [Path(search_arms.__file__).parent / f"{PEERS[method].__module__.rpartition('.')[2]}.py"]
    else:
        methods = Path(search.__file__).parent / "methods"
        waiting = [methods / f"{'random_search' if method == 'random' else method}.py"]
    while waiting:
        path = waiting.pop()
        if str(path) not in found:
            found[str(path)] = path.read_bytes()
            for name in re.findall(rf"^from {re.escape(package)}([\w.]+) import", found[str(path)].decode(), re.M):
                waiting.append(Path(search.__file__).parent / f"{name.replace('.', '/')}.py")
    digests = [hashlib.sha256(code).hexdigest() for _, code in sorted(found.items())]
    return hashlib.sha256("".join(digests).encode()).hexdigest()
