"""Room where observers meet, over the real server in this process: nothing is lost, and nobody's silence is a score."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from in_process import InProcessServer
from pullback_client import FailedPreconditionError, InvalidArgumentError
from pullback_client.aio import AsyncClient, AsyncEvolutionSession
from pullback_client.studio.people.answers import COLUMNS, answers_csv, answers_of
from pullback_client.studio.people.design import Design
from pullback_client.studio.people.plan import Presentation
from pullback_client.studio.people.room import Room, Standing

POPULATION = 4
MEAN = Design(answers=2)
EVERYONE = Design(answers=1, sharing="everyone", observers=("anna", "ben"), combination="standardised")


def with_session(
    server: InProcessServer, design: Design, main: Callable[[AsyncEvolutionSession], Awaitable[Any]]
) -> Any:
    """Runs what uses a new session of this design."""

    async def whole() -> Any:
        async with AsyncClient(server.target, timeout=60) as client:
            session = await client.evolve(
                "faces",
                optimizer="cma",
                population=POPULATION,
                repetitions=design.repetitions,
                notes=design.to_notes(),
                max_shows=100,
            )
            return await main(session)

    return asyncio.run(whole())


async def entered(session: AsyncEvolutionSession, *observers: str) -> Room:
    room = Room(await session.status())
    for observer in observers:
        room.sit(observer, lambda: None)
    await opened(room, session)
    return room


async def opened(room: Room, session: AsyncEvolutionSession, generation: int = 0) -> Standing:
    """Waits for a generation."""
    while True:
        standing = await room.look(session)
        if standing.state in ("finished", "failed", "closed"):
            return standing
        if standing.state == "open" and standing.generation >= generation:
            return standing
        await asyncio.sleep(0.01)


def sent(shown: Presentation, value: int) -> dict[str, Any]:
    return {
        "key": shown.key,
        "value": value,
        "reaction_ms": 432.1,
        "onset_s": 1.7e9,
        "shown_ms": 432.1,
        "fixation_ms": 500,
        "late_frames": 0,
    }


def rated(image: str) -> int:
    return 1 + int(image[-1]) * 2


async def rate_all(room: Room, session: AsyncEvolutionSession, *observers: str) -> None:
    """Rates what there is until the generation changes."""
    generation = room.standing().generation
    while (standing := await room.look(session)).state == "open" and standing.generation == generation:
        for observer in observers:
            for shown in room.take(observer, 1):
                await room.answer(session, observer, sent(shown, rated(shown.images[0])))


def test_ratings_become_the_mean_score_of_two_generations(server: InProcessServer) -> None:
    async def main(session: AsyncEvolutionSession) -> None:
        room = await entered(session, "anna")
        await rate_all(room, session, "anna")
        await opened(room, session, 1)
        await rate_all(room, session, "anna")

        history = await session.history()
        first = history.generations[0]
        assert first.scores.tolist() == [rated(image) for image in first.image_ids]
        answers = answers_of(history.trials)
        assert len(answers) == 2 * POPULATION * MEAN.answers
        assert all(trial.score == answer.value for answer, trial in answers)
        rows = list(csv.DictReader(io.StringIO(answers_csv(answers).decode())))
        assert tuple(rows[0]) == COLUMNS
        assert {row["observer"] for row in rows} == {"anna"}
        assert rows[0]["reaction_ms"] == "432.1"

    with_session(server, MEAN, main)


def test_observers_at_once_get_different_images_and_nobody_an_image_twice(server: InProcessServer) -> None:
    async def main(session: AsyncEvolutionSession) -> None:
        room = await entered(session, "anna", "ben")
        anna, ben = room.take("anna", 3), room.take("ben", 3)
        assert not {each.key for each in anna} & {each.key for each in ben}
        await rate_all(room, session, "anna", "ben")

        judged = [(a.observer, a.images[0]) for a, _ in answers_of((await session.history()).trials)]
        assert len(judged) == len(set(judged)) == 2 * POPULATION

    with_session(server, MEAN, main)


def test_what_somebody_left_unanswered_is_given_to_others_and_a_reload_goes_on(server: InProcessServer) -> None:
    async def main(session: AsyncEvolutionSession) -> None:
        ousted: list[str] = []
        room = await entered(session)
        first = room.sit("anna", lambda: ousted.append("first"))
        held = room.take("anna", 3)
        room.sit("ben", lambda: None)
        again = room.sit("anna", lambda: ousted.append("again"))

        assert ousted == ["first"]
        room.leave("anna", first)  # the page that was reloaded goes at last
        assert room.take("anna", 3) == held
        room.leave("anna", again)
        assert {each.key for each in held} <= {each.key for each in room.take("ben", 8)}
        assert (await session.status()).trials == 0

    with_session(server, MEAN, main)


def test_nobody_waits_for_an_observer_who_has_stopped(server: InProcessServer) -> None:
    async def main(session: AsyncEvolutionSession) -> None:
        now = [0.0]
        room = Room(await session.status(), lambda: now[0])
        room.sit("anna", lambda: None)
        room.sit("ben", lambda: None)
        await opened(room, session)
        held = {each.key for each in room.take("anna", 3)}
        assert not held & {each.key for each in room.take("ben", 99)}

        now[0] = 119.0
        for shown in room.take("ben", 1):
            await room.answer(session, "ben", sent(shown, 5))
        assert not held & {each.key for each in room.take("ben", 99)}
        now[0] = 121.0

        assert held <= {each.key for each in room.take("ben", 99)}

    with_session(server, MEAN, main)


def test_another_studio_goes_on_where_the_first_one_stopped(server: InProcessServer) -> None:
    async def main(session: AsyncEvolutionSession) -> None:
        room = await entered(session, "anna")
        for shown in room.take("anna", 3):
            assert await room.answer(session, "anna", sent(shown, 5))

        other = await entered(session, "anna")

        assert other.standing().answered == 3
        assert not await other.answer(session, "anna", sent(shown, 5)), "it is known already"
        (late,) = room.take("anna", 1)
        assert await room.answer(session, "anna", sent(late, 5))
        # The other studio asks for the same, answers otherwise, and learns that it was answered.
        assert not await other.answer(session, "anna", sent(late, 7))
        assert (await other.look(session)).answered == 4

    with_session(server, MEAN, main)


def test_everyone_judges_every_image_and_scores_come_of_all_answers(server: InProcessServer) -> None:
    async def main(session: AsyncEvolutionSession) -> None:
        room = await entered(session, "anna", "ben")
        with pytest.raises(InvalidArgumentError, match="none of the observers of this session: anna, ben"):
            room.sit("carl", lambda: None)
        for shown in room.take("anna", 99):
            await room.answer(session, "anna", sent(shown, rated(shown.images[0])))
        assert room.take("anna", 1) == []
        assert (await room.look(session)).generation == 0
        for shown in room.take("ben", 99):
            # In a corner of the scale.
            await room.answer(session, "ben", sent(shown, 5 + rated(shown.images[0]) // 3))
        await opened(room, session, 1)
        scores = (await session.generation(0, 0)).scores
        assert scores[0] == min(scores)
        assert sum(scores) == pytest.approx(0)

    with_session(server, EVERYONE, main)


def test_a_generation_is_closed_without_an_observer_who_stays_away(server: InProcessServer) -> None:
    async def main(session: AsyncEvolutionSession) -> None:
        room = await entered(session, "anna", "ben")
        with pytest.raises(FailedPreconditionError, match="nothing to close"):
            await room.close_generation(session)
        (first, *rest) = room.take("anna", 99)
        await room.answer(session, "anna", sent(first, 5))
        with pytest.raises(FailedPreconditionError, match="fewer than half"):
            await room.close_generation(session)
        for shown in rest:
            await room.answer(session, "anna", sent(shown, rated(shown.images[0])))

        await room.close_generation(session)

        assert (await opened(room, session, 1)).generation == 1

    with_session(server, EVERYONE, main)


def test_anchors_put_a_generation_on_the_scale_of_the_one_before(server: InProcessServer) -> None:
    design = Design("compare", 2, 4, combination="bradley_terry", anchors=2)

    async def main(session: AsyncEvolutionSession) -> None:
        room = await entered(session, "anna")

        async def compare_all(ahead: int) -> None:
            """The higher number wins; images of the later generation are `ahead`."""
            generation = room.standing().generation
            while (standing := await room.look(session)).state == "open" and standing.generation == generation:
                for shown in room.take("anna", 1):
                    worth = [int(image[-1]) + ahead * int(image[13:16]) for image in shown.images]
                    await room.answer(session, "anna", sent(shown, int(worth[1] > worth[0])))

        await compare_all(0)
        await opened(room, session, 1)
        await compare_all(10)
        await opened(room, session, 2)

        first, second = [(await session.generation(0, number)).scores for number in (0, 1)]
        assert first.mean() == pytest.approx(0)
        assert second.mean() > first.max()

    with_session(server, design, main)


def test_an_ordinary_session_is_no_room(server: InProcessServer) -> None:
    async def main() -> None:
        async with AsyncClient(server.target, timeout=60) as client:
            session = await client.evolve("faces", optimizer="cma", population=POPULATION)
            with pytest.raises(FailedPreconditionError, match="not scored by people"):
                Room(await session.status())

    asyncio.run(main())
