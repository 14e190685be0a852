"""Inversion task: the solver of a job over its targets, step by step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

import torch
from torch import Tensor

from pullback import distances, generators
from pullback.inversion import (
    AlignmentPrior,
    Evaluation,
    Limits,
    LossWeights,
    Problem,
    Query,
    TargetSearches,
    are_all_given,
    make_solver,
    make_starts,
)
from pullback.pieces import finish
from pullback_api.options import given_options
from pullback_api.v1 import inversion_pb2, specs_pb2
from pullback_server.names import parse_generator
from pullback_server.protocol.messages import Progressed, StartJob
from pullback_server.protocol.payload import read_payload
from pullback_server.specs import (
    INVERSION_METHODS,
    STARTS,
    class_space,
    moving_space,
    solver_options,
    starts_from_class,
)
from pullback_server.worker.drawn import message_of, off_device
from pullback_server.worker.files import content, eigenbasis
from pullback_server.worker.models import Models
from pullback_server.worker.parts import ShardSource, SharedShards, of_samples
from pullback_server.worker.tasks.given_starts import given_starts
from pullback_server.worker.tasks.inversion_images import read_images, read_masks
from pullback_server.worker.tasks.inversion_result import inverted_targets
from pullback_server.worker.tasks.task import BatchTask, SharedTask

_SECONDS = "seconds"


class InversionTask(BatchTask, SharedTask):
    """First the starts are found, then one step is one evaluation of every restart of every image that is alive."""

    def __init__(self, start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> None:
        self._items = read_payload(content(start.payload))
        self._settings = settings = specs_pb2.InversionSettings.FromString(start.work)
        self._models = models
        name = parse_generator(settings.generator, "generator")
        tell_phase(f"loading {name} and {settings.distance}")
        self._targets = [item for item in self._items if isinstance(item, inversion_pb2.Target)]
        self._entry = entry = generators.entry(name)
        self._classes = class_space(entry)
        self._of_class = starts_from_class(settings, entry)
        self._problem = Problem(
            models.generator(name),
            models.distance(settings.distance),
            settings.space,
            read_images([target.image for target in self._targets]),
            masks=read_masks(self._targets),
            weights=LossWeights(**given_options(settings.weights)),
            moves=moving_space(settings, entry),
            alignment=_alignment(settings),
            truncation=settings.truncation if settings.HasField("truncation") else None,
            noise_maps=settings.noise_maps,
            class_labels=[target.class_label for target in self._targets] if self._of_class else None,
        )
        self._solver = make_solver(
            INVERSION_METHODS[settings.method],
            eigenbasis=eigenbasis(start.eigenbasis),
            seed=settings.seed,
            **solver_options(settings),
        )
        self._limits = Limits(
            seconds=settings.seconds if settings.HasField("seconds") else None,
            patience=settings.patience if settings.HasField("patience") else None,
        )
        self._current: TargetSearches | None = None
        self._starting = self._find_starts()
        self._bank_progress = (0, 0)
        self._bank_shards: SharedShards | None = None

    @property
    def done(self) -> bool:
        """Whether every update was made and the last one evaluated, or a limit was reached."""
        return self._current is not None and self._current.done

    @property
    def evaluates(self) -> bool:
        """Whether there are starts."""
        return self._current is not None

    def step(self) -> None:
        """Does a piece of what finds the starts."""
        next(self._starting, None)

    @property
    def shards(self) -> SharedShards | None:
        """Those of the bank of starts, while it is made and this job has begun it."""
        return self._bank_shards

    def ask(self) -> Sequence[tuple[Problem, Query]]:
        """The points of the next step of every target whose search has not ended."""
        return self._begun.ask()

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Moves every restart of theirs."""
        self._current = self._begun.tell(evaluations).limited(self._limits, self.seconds)

    def progress(self, job: str) -> Progressed:
        """Updates so far, the best loss, and previews where they are due."""
        if self._current is None:
            made, total = self._bank_progress
            return Progressed(job, "making the bank of starts", made, total)
        total = self._current.total
        if self._current.step == 0:
            return Progressed(job, "optimizing latents", step=0, total=total)
        updates, every = self._current.step - 1, self._settings.preview_every
        return Progressed(
            job,
            "optimizing latents",
            step=updates,
            total=total,
            loss=float(self._current.best_loss.mean()),
            previews=self._previews() if every and updates % every == 0 else (),
        )

    def result(self) -> bytes:
        """A serialised `InversionResult`; the server fills in its name."""
        return finish(self.result_in_pieces())

    def result_in_pieces(self) -> Generator[None, None, bytes]:
        """As `result`; yields after every few images."""
        found = yield from self._begun.result_in_pieces()
        made = []
        for target in inverted_targets(self._problem, found, self._targets, self._settings.top_k, self._classes):
            made.append(target)
            yield
        inverted = iter(made)
        message = inversion_pb2.InversionResult(
            settings=self._settings,
            generator_weights_hash=self._problem.generator.weights_hash,
            distance_weights_hash=self._problem.distance.weights_hash,
            compute_seconds=self.seconds,
            results=[
                item if isinstance(item, inversion_pb2.InvertedTarget) else next(inverted) for item in self._items
            ],
        )
        return message.SerializeToString()

    def _find_starts(self) -> Generator[None, None, None]:
        settings, problem, bank = self._settings, self._problem, None
        given, restarts = given_starts(self._targets, settings, problem.generator), settings.restarts or 1
        if settings.start == specs_pb2.START_BANK and not are_all_given(given, restarts):
            generator, distance, space = _bank_of(settings)
            bank = yield from self._models.bank(generator, distance, space, self._tell_bank)
            self._bank_shards = None
            problem = problem.under(self._models.distance(distance))
        starts = yield from make_starts.in_pieces(
            problem,
            restarts,
            settings.seed,
            start=STARTS[settings.start],
            bank=bank,
            classes=self._given_classes(),
            search_classes=settings.class_mode == specs_pb2.CLASS_MODE_SEARCHED,
            latents=given,
        )
        self._current = TargetSearches.begin(self._solver, self._problem, starts)

    def _given_classes(self) -> list[int] | None:
        """The number of every target's class, where it is given and latents hold it."""
        if self._settings.class_mode != specs_pb2.CLASS_MODE_GIVEN or self._classes is None or self._of_class:
            return None
        return [self._classes.labels.index(target.class_label) for target in self._targets]

    def _tell_bank(self, made: int, total: int, shards: SharedShards | None) -> None:
        self._bank_progress = (made, total)
        self._bank_shards = shards

    @property
    def _begun(self) -> TargetSearches:
        assert self._current is not None  # noqa: S101  (there are starts)
        return self._current

    def _previews(self) -> tuple[bytes, ...]:
        drawn = off_device(self._begun.best().images, self._entry.name)
        return tuple(message_of(each).data for each in drawn)

    def _state(self) -> dict[str, Tensor]:
        tensors = {} if self._current is None else self._current.to_tensors()
        return {**tensors, _SECONDS: torch.tensor(self.seconds, dtype=torch.float64)}

    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        self.seconds = float(tensors.pop(_SECONDS))
        if tensors:
            self._current = TargetSearches.restore(self._solver, self._problem, tensors)


def source_of_part(start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> ShardSource:
    """The samples of a bank of starts that another worker makes."""
    generator, distance, space = _bank_of(specs_pb2.InversionSettings.FromString(start.work))
    tell_phase(f"loading {generator} and {distance}")
    return of_samples(models.bank_samples(generator, distance, space))


def _bank_of(settings: specs_pb2.InversionSettings) -> tuple[str, str, str]:
    """Names of the generator, the distance and the space whose bank an inversion starts from."""
    generator = parse_generator(settings.generator, "generator")
    return generator, distances.entry(settings.distance).preconditioner, settings.space


def _alignment(settings: specs_pb2.InversionSettings) -> AlignmentPrior | None:
    if not settings.HasField("alignment"):
        return None
    return AlignmentPrior(settings.alignment.scale, settings.alignment.shift)
