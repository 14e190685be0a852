"""State of exploring: where it starts, along which sets of axes it has moved, and where that leads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from pullback_client.aio import AsyncClient
from pullback_client.catalogue import Generator
from pullback_client.directions.records import DirectionsInfo
from pullback_client.eigenbasis.basis import EigenbasisInfo
from pullback_client.errors import ClientError, InvalidArgumentError
from pullback_client.inversion.result import Inversion
from pullback_client.studio.exploring.axes import AxisSet, set_id, set_name
from pullback_client.studio.exploring.places import Move, Place, W, fits, layer_count, moved
from pullback_client.studio.exploring.view import View, decoded
from pullback_client.wire.names import id_of

MOST_FETCHED = 256
"""Eigenvectors that a page holds: each has as many coordinates as the latent."""

Info: TypeAlias = "EigenbasisInfo | DirectionsInfo"


@dataclass(eq=False)
class State:
    """What a page explores, and how far it is.

    Attributes:
        client: Asks the server.
        generator: The generator.
        view: What is shown.
        start: Where it starts.
        infos: The sets of axes that the server has for the generator, by their ids.
        sets: Those that are in use, with their arrays.
        faults: What the address asked for and is not there, for people.
    """

    client: AsyncClient
    generator: Generator
    view: View
    start: Place
    infos: dict[str, Info]
    sets: dict[str, AxisSet] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @classmethod
    async def load(cls, client: AsyncClient, generator: str, query: Iterable[tuple[str, str]]) -> State:
        """The state that an address asks for; of what in it cannot be had the usual, and `faults` says so.

        Raises:
            ClientError: There is no such generator, or the server is away.
        """
        found, infos = await asyncio.gather(client.get_generator(generator), _infos(client, generator))
        faults: list[str] = []
        try:
            view = View.read(query)
            view, start = await _started(client, found, view)
        except InvalidArgumentError as error:
            faults.append(str(error))
            view, start = await _started(client, found, View())
        state = cls(client, found, view, start, infos, faults=faults)
        for chosen in view.steps:
            try:
                moves = (await state.fetch(chosen), view.steps[chosen])
                _check_steps(*moves)
                if not fits(found, start.space, moves[0].space):
                    raise InvalidArgumentError(f"{chosen} lies in {moves[0].space}, the start in {start.space}")
            except ClientError as error:
                faults.append(f"Steps along {chosen} are left out: {error}")
                state.view = replace(
                    state.view, steps={each: moved for each, moved in state.view.steps.items() if each != chosen}
                )
        await state.choose(view.along)
        return state

    def offered(self) -> dict[str, Info]:
        """The sets whose axes lead somewhere from the start."""
        return {name: info for name, info in self.infos.items() if fits(self.generator, self.start.space, info.space)}

    @property
    def axes(self) -> AxisSet | None:
        """The axes under the sliders; None where there are none."""
        return self.sets.get(self.view.along)

    @property
    def place(self) -> Place:
        """Where the sliders lead."""
        return self.place_of(self.moves())

    async def place_at(self, view: View) -> Place:
        """Where another view leads.

        Raises:
            ClientError: What it starts from, or what it moved along, is no longer there; or the server is away.
        """
        view, start = await _started(self.client, self.generator, view)
        sets = {chosen: await self.fetch(chosen) for chosen in view.steps}
        for chosen, moves in view.steps.items():
            _check_steps(sets[chosen], moves)
        steps = [(sets[chosen], index, step) for chosen, moves in view.steps.items() for index, step in moves.items()]
        return moved(start, [_move(*each, view.layers) for each in steps], self.generator)

    def place_of(self, moves: Iterable[Move]) -> Place:
        """Where steps lead from the start."""
        return moved(self.start, moves, self.generator)

    def moves(self, without: tuple[str, int] | None = None) -> list[Move]:
        """The steps of all sets.

        Args:
            without: A set and an axis of it, whose step is left out.
        """
        return [
            self.move(chosen, index, step)
            for chosen, moves in self.view.steps.items()
            for index, step in moves.items()
            if (chosen, index) != without
        ]

    def move(self, chosen: str, index: int, step: float) -> Move:
        """A step along an axis of a set."""
        return _move(self.sets[chosen], index, step, self.view.layers)

    async def refresh(self) -> None:
        """Asks which sets there are now."""
        self.infos = await _infos(self.client, self.generator.name)

    async def fetch(self, chosen: str, *, anew: bool = False) -> AxisSet:
        """The axes of a set.

        Args:
            chosen: Its id.
            anew: Whether it is asked for again where it is in use already.

        Raises:
            ClientError: There is none, or the server is away.
        """
        if chosen not in self.sets or anew:
            self.sets[chosen] = await _fetched(self.client, self.generator.name, chosen, self.infos)
        return self.sets[chosen]

    @property
    def measured_by(self) -> str | None:
        """Resource name of an eigenbasis of the space that is explored; None where there is none."""
        known = (each for each in self.infos.values() if isinstance(each, EigenbasisInfo))
        return next((each.name for each in known if each.space == self.place.space), None)

    async def choose(self, along: str) -> None:
        """Puts the axes of a set under the sliders; of one that there is none of, those of the first that is offered.

        Raises:
            ClientError: The server is away.
        """
        offered = self.offered()
        if along not in offered:
            if along:
                self.faults.append(f"There is no set {along} that leads from here.")
            along = next(iter(offered), "")
        if along:
            axes = await self.fetch(along)
            first = min(self.view.first, len(axes) - 1) if along == self.view.along else 0
            self.view = replace(self.view, along=along, first=first)
        else:
            self.view = replace(self.view, along="")

    async def start_at(self, view: View) -> None:
        """Starts from where another view says; what was moved in another space is left out.

        Raises:
            ClientError: There is no such start, or the server is away.
        """
        view, start = await _started(self.client, self.generator, view)
        self.start = start
        kept = {
            chosen: moves
            for chosen, moves in view.steps.items()
            if chosen in self.sets and fits(self.generator, start.space, self.sets[chosen].space)
        }
        self.view = replace(view, steps=kept)
        offered = self.offered()
        await self.choose(view.along if view.along in offered else "")


def _move(axes: AxisSet, index: int, step: float, layers: tuple[int, ...]) -> Move:
    return Move(axes[index], axes.space, step, (layers or axes.layers) if axes.space == W else ())


def _check_steps(axes: AxisSet, moves: Iterable[int]) -> None:
    """Raises InvalidArgumentError where a set lacks one of these axes."""
    if beyond := [index for index in moves if index >= len(axes)]:
        raise InvalidArgumentError(f"{axes.id} has axes 0 to {len(axes) - 1}, got {beyond[0]}")


async def _infos(client: AsyncClient, generator: str) -> dict[str, Info]:
    bases, directions = await asyncio.gather(client.list_eigenbases(generator), client.list_directions(generator))
    # Whole bases before block-diagonal ones: each axis of these moves the images less.
    ordered: list[Info] = [*sorted(bases, key=lambda basis: basis.separate), *directions]
    return {set_id(info): info for info in ordered}


async def _fetched(client: AsyncClient, generator: str, chosen: str, infos: Mapping[str, Info]) -> AxisSet:
    name, info = set_name(generator, chosen), infos.get(chosen)
    if chosen.startswith("eigenbases/"):
        k = min(info.k, MOST_FETCHED) if isinstance(info, EigenbasisInfo) else None
        basis = await client.get_eigenbasis(name, k)
        vectors = np.ascontiguousarray(basis.eigenvectors.T, np.float32)
        # People name eigen-axes where these are kept as directions.
        named = [
            each
            for kept in infos.values()
            if isinstance(kept, DirectionsInfo) and kept.method == "hessian" and kept.eigenbasis == name
            for each in kept.annotations
        ]
        titles = {each.index: each.title for each in named if each.title}
        return AxisSet(
            chosen, basis.space, vectors, basis.eigenvalues, titles, (), is_eigenbasis=True, distance=basis.distance
        )
    found = await client.get_directions(name)
    bases = [each for each in infos.values() if isinstance(each, EigenbasisInfo)]
    titles = {each.index: each.title for each in found.annotations if each.title}
    return AxisSet(
        chosen,
        found.space,
        np.asarray(found.vectors, np.float32),
        found.rates,
        titles,
        found.layers,
        is_eigenbasis=False,
        # Of the metric that they were compared with, where there was one.
        distance=next((each.distance for each in bases if each.name == found.eigenbasis), ""),
    )


async def _started(client: AsyncClient, generator: Generator, view: View) -> tuple[View, Place]:
    """Where a view starts, and the view with its space."""
    if view.inversion:
        outcomes = await client.get_inversion(f"inversions/{view.inversion.removeprefix('inversions/')}")
        outcome = outcomes[view.target] if view.target < len(outcomes) else None
        if not isinstance(outcome, Inversion):
            raise InvalidArgumentError(f"the inversion {view.inversion} found nothing for photograph {view.target}")
        if (of := id_of(outcome.settings["generator"])) != generator.name:
            raise InvalidArgumentError(f"the inversion {view.inversion} is of {of}: explore {of} with it")
        space = str(outcome.settings["space"])
        return replace(view, space=space), Place(outcome.latent, space, outcome.tuning, outcome.noise_maps)
    usual = W if layer_count(generator) else next(iter(generator.spaces))
    space = view.space or usual
    if space not in generator.spaces:
        raise InvalidArgumentError(f"{generator.name} has the spaces {', '.join(generator.spaces)}, not {space[:40]!r}")
    if view.latent:
        latent = decoded(view.latent)
        if len(latent) != (dim := generator.spaces[space].dim):
            raise InvalidArgumentError(f"a latent of {space} has {dim} coordinates, but {len(latent)} came")
        return replace(view, space=space), Place(latent, space)
    drawn = await client.sample(generator.name, space=space, seed=view.seed)
    return replace(view, space=space), Place(drawn[0], space)
