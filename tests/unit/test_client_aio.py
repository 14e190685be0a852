"""The asynchronous client: what it does as the synchronous one, cancellation, order, and a loop that never stops."""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pullback_client.aio
from in_process import POPULATION, InProcessServer
from pullback_client import CallCancelledError, Client, ClientError, FailedPreconditionError, JobState, TrialResult
from pullback_client.aio import AsyncClient, AsyncEvolutionSession, AsyncJob, calls, classes
from pullback_client.aio.derivation import AsyncObject, is_iterating, members
from pullback_client.directions import contact_sheet
from pullback_client.resources.former_names import present_name

ROOT = Path(__file__).parents[2]
PHOTO = Image.new("RGB", (8, 8))


def run(main: Callable[[AsyncClient], Coroutine[Any, Any, Any]], server: InProcessServer) -> Any:
    """Runs what uses a client; whatever the loop complains of is a failure."""
    complaints: list[dict[str, Any]] = []

    async def whole() -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
        async with AsyncClient(server.target, timeout=60) as client:
            found = await main(client)
        gc.collect()
        await asyncio.sleep(0)
        return found

    found = asyncio.run(whole())
    assert complaints == []
    return found


async def until(condition: Callable[[], bool]) -> None:
    """Waits, in a loop that goes on."""
    while not condition():
        await asyncio.sleep(0.01)


# The same through both clients


class Driver:
    """Either client, behind one way of calling: what is awaited or iterated comes as its value."""

    def __init__(self, client: Client | AsyncClient, loop: asyncio.AbstractEventLoop | None) -> None:
        self.client: Any = client
        self.loop = loop

    def __call__(self, found: Any) -> Any:
        if self.loop is None:
            return list(found) if inspect.isgenerator(found) else found
        if inspect.isasyncgen(found):
            return self.loop.run_until_complete(_listed(found))
        return self.loop.run_until_complete(found)


async def _listed(items: AsyncGenerator[Any, None]) -> list[Any]:
    return [item async for item in items]


@pytest.fixture(params=["sync", "async"])
def driver(request: pytest.FixtureRequest, server: InProcessServer) -> Iterator[Driver]:
    if request.param == "sync":
        with Client(server.target, timeout=60) as client:
            yield Driver(client, None)
        return
    loop = asyncio.new_event_loop()
    asynchronous = AsyncClient(server.target, timeout=60)
    yield Driver(asynchronous, loop)
    loop.run_until_complete(asynchronous.close())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def test_values_lists_and_streams(driver: Driver) -> None:
    client = driver.client
    assert [generator.name for generator in driver(client.list_generators())] == ["eyes", "faces", "faces32"]
    latents = driver(client.sample("faces", 3, seed=5))
    assert latents.shape == (3, 5)
    images = driver(client.iter_render("faces", [[-9.0] * 5, [0.0] * 5, [9.0] * 5]))
    assert [image.getpixel((0, 0)) for image in images] == [(0, 0, 0), (128, 128, 128), (255, 255, 255)]
    assert driver(client.compute_eigenbasis("faces")).dim == 5


def test_inversions_and_jobs(driver: Driver, server: InProcessServer) -> None:
    client = driver.client
    assert driver(client.invert(PHOTO, "faces", method="adam")).latent.shape == (5,)
    outcomes = driver(client.iter_invert([PHOTO] * 5, "faces", method="adam", per_request=2))
    assert len(outcomes) == 5
    server.bench.pause = 0.05
    job = driver(client.submit_inversion([PHOTO], "faces", method="adam"))
    assert job.kind == "inversion"
    sequences = [event.sequence for event in driver(job.watch())]
    assert sequences == sorted(set(sequences))
    assert len(sequences) > 1
    assert driver(job.wait()) == job
    assert job.state is JobState.SUCCEEDED
    assert len(driver(job.result())) == 1
    assert [each.name for each in driver(client.list_jobs())][-1] == "jobs/1"


def test_an_evolution(driver: Driver) -> None:
    session = driver(driver.client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=2))
    shown = 0
    while (batch := driver(session.next_batch())) is not None:
        assert [trial.generation for trial in batch] == [shown // POPULATION] * POPULATION
        images = batch.images if driver.loop is None else driver(_value(batch.images))
        assert [image.size for image in images] == [(16, 16)] * POPULATION
        first = batch[0].image if driver.loop is None else driver(_value(batch[0].image))
        assert first == images[0]
        told = driver(session.tell(batch, dict.fromkeys([trial.id for trial in batch], 2.0)))
        assert told.recorded == len(batch)
        assert driver(session.tell(batch[0], 2.0)).repeated == 1
        shown += len(batch)
    assert shown == 2 * POPULATION
    assert driver(session.best()).score == 2.0
    named = driver.client.get_session(session.name).name if driver.loop is None else _name(driver)
    assert driver(named) == session.name
    assert driver(session.close()).state.value == "closed"


async def _value(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


async def _name(driver: Driver) -> str:
    found: AsyncEvolutionSession = await driver.client.get_session("sessions/1")
    return found.name


def test_directions_and_walks(driver: Driver, tmp_path: Path) -> None:
    client = driver.client
    found = driver(client.discover_directions("faces", method="sefa", k=3))
    assert (len(found), [direction.index for direction in found]) == (3, [0, 1, 2])
    found = driver(found.annotate(1, "smile"))
    assert found["smile"].index == 1
    assert driver(found.purified(2)).purify == 2
    walk = driver(client.traverse(np.ones(5), found["smile"], frames=3))
    assert [frame.step for frame in walk] == [-2, 0, 2]
    assert len(driver(client.iter_traverse(np.ones(5), found[0], frames=4))) == 4
    assert driver(client.edit(PHOTO, "faces", found[0], 1, method="adam")).strength == 1
    assert driver(found.save(tmp_path / "set.json")).exists()


ERRORS: dict[str, Callable[[Any], Any]] = {
    "an unknown generator": lambda client: client.get_generator("cats"),
    "a number out of range": lambda client: client.sample("faces", 0),
    "an option that does not exist": lambda client: client.compute_eigenbasis("faces", colour=3),
    "a photograph that is none": lambda client: client.invert("nowhere.png", "faces", method="adam"),
    "a stream's": lambda client: client.iter_traverse([1.0] * 5, "hessian:99", generator="faces"),
    "a job's": lambda client: client.get_job("jobs/99"),
    "a word's": lambda client: client.find_direction("faces", "grin"),
    "an iterator's argument": lambda client: client.iter_invert([PHOTO], "faces", per_request=0),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_identical(server: InProcessServer, case: str) -> None:
    def caught(driver: Driver) -> tuple[Any, ...]:
        with pytest.raises(Exception) as error:  # noqa: PT011  (whatever the other client raises)
            driver(ERRORS[case](driver.client))
        value = error.value
        return type(value), str(value), getattr(value, "code", None), getattr(value, "field_violations", None)

    with Client(server.target, timeout=60) as client:
        synchronous = caught(Driver(client, None))

    async def main(client: AsyncClient) -> tuple[Any, ...]:
        try:
            found = ERRORS[case](client)
            await (_listed(found) if inspect.isasyncgen(found) else found)
        except Exception as value:
            return type(value), str(value), getattr(value, "code", None), getattr(value, "field_violations", None)
        raise AssertionError("nothing was raised")

    assert run(main, server) == synchronous


def test_no_server_at_all_is_the_same_error() -> None:
    async def main() -> str:
        async with AsyncClient("127.0.0.1:1", timeout=1) as client:
            with pytest.raises(ClientError) as error:
                await client.list_generators()
            return type(error.value).__name__

    with Client("127.0.0.1:1", timeout=1) as client, pytest.raises(ClientError) as error:
        client.list_generators()
    assert asyncio.run(main()) == type(error.value).__name__


# The loop goes on, and calls do not wait for each other


def test_fifty_calls_wait_while_the_loop_ticks_and_others_are_answered(server: InProcessServer) -> None:
    server.bench.hold = True

    async def main(client: AsyncClient) -> None:
        jobs = [await client.submit_inversion([PHOTO], "faces", method="adam") for _ in range(50)]
        waits = [asyncio.create_task(job.wait()) for job in jobs]
        await until(lambda: len(server.called("WaitJob")) == 50)
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert not any(wait.done() for wait in waits)
        # While all of them wait, a further call is answered.
        assert len(await client.list_generators()) == 3
        for job in jobs:
            server.finish(job.name)
        assert [job.state for job in await asyncio.gather(*waits)] == [JobState.SUCCEEDED] * 50

    run(main, server)


def test_nothing_is_called_on_the_loops_own_thread(server: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    from pullback_client.wire.transport import Transport

    for name in ("call", "stream"):
        original = getattr(Transport, name)

        def traced(*arguments: Any, original: Any = original, **options: Any) -> Any:
            threads.append(threading.get_ident())
            return original(*arguments, **options)

        monkeypatch.setattr(Transport, name, traced)

    async def main(client: AsyncClient) -> None:
        session = await client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=2)
        batch = await session.next_batch()
        assert batch is not None
        found = await client.discover_directions("faces", k=2)
        job = (await client.list_jobs())[0]
        known = len(server.calls)
        # What is not awaited is known already.
        for value in (client, session, batch, batch[0], found, job):
            for name, member in members(type(value._inner)):
                if not inspect.isfunction(member) and name not in type(value).fetched:
                    getattr(value, name)
        assert len(server.calls) == known
        assert len(await batch.images) == POPULATION
        await session.tell(batch, [1.0] * POPULATION)
        async for trial in session.stream():
            await session.tell(trial, 1.0)
        assert [image async for image in client.iter_render("faces", np.zeros((1, 5)))]

    run(main, server)
    assert len(threads) > 10
    assert threading.get_ident() not in threads


def test_tells_keep_their_order(server: InProcessServer) -> None:
    async def main(client: AsyncClient) -> list[str]:
        session = await client.evolve("faces", optimizer="cma", population=40)
        again = await client.get_session(session.name)
        batch = await session.next_batch()
        assert batch is not None
        tells = [(session, again)[n % 2].tell([TrialResult(trial.id, score=n)]) for n, trial in enumerate(batch)]
        await asyncio.gather(*tells)
        return [trial.id for trial in batch]

    asked = run(main, server)
    assert [request.trials[0].trial_id for request in server.called("Tell")] == asked
    assert len(asked) == 40


# Cancelling


def test_cancelling_a_task_cancels_its_call_to_the_server(server: InProcessServer) -> None:
    server.bench.hold = True

    async def main(client: AsyncClient) -> None:
        job = await client.submit_inversion([PHOTO], "faces", method="adam")
        wait = asyncio.create_task(job.wait())
        await until(lambda: bool(server.called("WaitJob")))
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        await until(lambda: server.given_up == ["WaitJob"])
        # A deadline of asyncio's does the same, of a stream too.
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(job.wait(), 0.2)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_listed(job.watch()), 0.2)
        await until(lambda: server.given_up == ["WaitJob"] * 2)
        # The job goes on, and so does the client.
        server.finish(job.name)
        assert len(await job.result()) == 1

    run(main, server)


def test_a_call_that_waits_for_a_thread_is_cancelled_before_it_begins(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.bench.hold = True
    monkeypatch.setattr(calls, "MOST_CALLS", 2)

    async def main(client: AsyncClient) -> None:
        job = await client.submit_inversion([PHOTO], "faces", method="adam")
        waits = [asyncio.create_task(job.wait()) for _ in range(2)]
        await until(lambda: len(server.called("WaitJob")) == 2)
        waiting = [asyncio.create_task(client.list_distances()) for _ in range(2)]
        await asyncio.sleep(0.05)
        waiting[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        assert not waiting[1].done()
        server.finish(job.name)
        await asyncio.gather(*waits)
        assert len(await waiting[1]) == 9
        assert len(server.called("ListDistances")) == 1

    run(main, server)


def test_cancelling_ends_a_wait_for_a_server_that_is_away(server: InProcessServer) -> None:
    async def main(client: AsyncClient) -> None:
        session = await client.evolve("faces", optimizer="cma", population=POPULATION)
        server.stop()
        status = asyncio.create_task(session.status())
        await asyncio.sleep(0.3)
        status.cancel()
        with pytest.raises(asyncio.CancelledError):
            await status
        server.start()
        assert (await session.status()).name == session.name

    run(main, server)


def test_leaving_a_loop_cancels_what_was_sent_ahead(server: InProcessServer) -> None:
    server.bench.pause = 0.05

    async def main(client: AsyncClient) -> None:
        async with aclosing(client.iter_invert([PHOTO] * 6, "faces", method="adam", per_request=1)) as outcomes:
            async for _ in outcomes:
                break
        assert [request.name for request in server.called("CancelJob")] == ["jobs/2"]
        server.bench.hold = True
        following = asyncio.create_task(_listed(client.iter_invert([PHOTO] * 6, "faces", method="adam", per_request=1)))
        await until(lambda: len(server.called("WatchJob")) == 2)
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
        assert [request.name for request in server.called("CancelJob")][1:] == ["jobs/4"]

    run(main, server)


def test_what_was_scored_is_told_where_a_run_is_cancelled(server: InProcessServer) -> None:
    async def main(client: AsyncClient) -> None:
        session = await client.evolve("faces", optimizer="cma", population=POPULATION)
        scored: list[Image.Image] = []

        async def score(image: Image.Image) -> float:
            scored.append(image)
            if len(scored) == 3:
                await asyncio.sleep(600)
            return 1.0

        going = asyncio.create_task(session.run(score))
        await until(lambda: len(scored) == 3)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        (request,) = server.called("Tell")
        assert [report.score for report in request.trials if report.HasField("score")] == [1.0, 1.0]

    run(main, server)


# Callbacks


def test_coroutines_are_called_on_the_loop_and_functions_on_a_thread(server: InProcessServer) -> None:
    async def main(client: AsyncClient) -> None:
        here = threading.get_ident()
        threads: dict[str, set[int]] = {"coroutine": set(), "function": set()}

        async def report(event: object) -> None:
            threads["coroutine"].add(threading.get_ident())

        await client.compute_eigenbasis("faces", progress=report)
        await client.compute_eigenbasis("eyes", progress=lambda event: threads["function"].add(threading.get_ident()))
        assert threads["coroutine"] == {here}
        assert threads["function"]
        assert here not in threads["function"]

        async def breaking(image: Image.Image) -> float:
            raise RuntimeError("the camera is off")

        session = await client.evolve("faces", optimizer="cma", population=POPULATION)
        with pytest.raises(RuntimeError, match="the camera is off"):
            await session.run(breaking)

    server.bench.pause = 0.05
    run(main, server)


def test_functions_of_the_synchronous_client_can_be_called(server: InProcessServer) -> None:
    async def main(client: AsyncClient) -> Any:
        found = await client.discover_directions("faces", k=2)
        return await client.call(contact_sheet, found, starts=1, frames=2)

    assert isinstance(run(main, server), Image.Image)


# Shutdown


def test_closing_ends_calls_and_threads(server: InProcessServer) -> None:
    server.bench.hold = True

    async def main() -> None:
        client = AsyncClient(server.target)
        job = await client.submit_inversion([PHOTO], "faces", method="adam")
        wait = asyncio.create_task(job.wait())
        await until(lambda: bool(server.called("WaitJob")))
        assert not client.closed
        await client.close()
        await client.close()
        assert client.closed
        with pytest.raises(CallCancelledError, match="closing the client"):
            await wait
        for again in (client.list_generators(), job.refresh(), _listed(job.watch())):
            with pytest.raises(FailedPreconditionError, match="is closed: make another one"):
                await again

    asyncio.run(main())
    with Client(server.target) as closed:
        pass
    with pytest.raises(FailedPreconditionError, match="is closed: make another one"):
        closed.list_generators()
    deadline = time.monotonic() + 30
    while any(thread.name.startswith("pullback-aio") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_client_that_nobody_closed_leaves_no_threads(server: InProcessServer) -> None:
    async def main() -> None:
        assert len(await AsyncClient(server.target).list_generators()) == 3

    asyncio.run(main())
    gc.collect()
    deadline = time.monotonic() + 30
    while any(thread.name.startswith("pullback-aio") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


# One surface


@pytest.mark.parametrize(("of", "derived"), AsyncObject._derived.items())
def test_every_public_method_has_its_asynchronous_form(of: type, derived: type) -> None:
    for name, member in members(of):
        other = inspect.getattr_static(derived, name)
        if present_name(member) is not None:
            assert present_name(other) == present_name(member), name
            assert other.__doc__ == member.__doc__
        elif not inspect.isfunction(member):
            assert isinstance(other, property), name
        elif is_iterating(member):
            assert inspect.isasyncgenfunction(other), name
        else:
            assert inspect.iscoroutinefunction(other), name
            if name not in vars(classes.AsyncClient) or derived is not AsyncClient or name != "close":
                assert other.__doc__ == member.__doc__
    extra = {name for name in dir(derived) if not name.startswith("_")} - {name for name, _ in members(of)}
    allowed = {"fetched", "ordered", "index", "count"} | ({"call", "target"} if derived is AsyncClient else set())
    assert extra <= allowed


def test_iterators_are_told_from_values() -> None:
    public = {
        f"{of.__name__}.{name}": member
        for of in AsyncObject._derived
        for name, member in members(of)
        if inspect.isfunction(member)
    }
    iterating = {name for name, member in public.items() if is_iterating(member)}
    assert iterating == {
        *("Client.iter_render", "Client.iter_invert", "Client.iter_traverse", "Client.iter_edit", "Job.watch"),
        *("EvolutionSession.batches", "EvolutionSession.stream", "EvolutionSession.watch"),
    }


def test_the_names_are_those_that_are_exported() -> None:
    derived = {derived.__name__ for derived in AsyncObject._derived.values()}
    assert set(pullback_client.aio.__all__) == derived
    assert issubclass(AsyncJob, AsyncObject)


def test_type_checkers_see_what_the_synchronous_classes_make() -> None:
    command = [sys.executable, str(ROOT / "clients" / "generate_aio.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


TYPED = """
from pullback_client.aio import AsyncClient

async def main() -> None:
    async with AsyncClient() as client:
        reveal_type(await client.invert("a.png", "faces"))
        reveal_type(await client.invert(["a.png"], "faces"))
        async for outcome in client.iter_invert(["a.png"], "faces"):
            reveal_type(outcome)
        session = await client.evolve("faces", optimizer="cma")
        async for batch in session:
            reveal_type(await batch[0].image)
            await session.tell(batch, [1.0])
        reveal_type(await (await client.submit_directions("faces")).result())
        await client.invert("a.png", "faces", colour=3)
        await client.get_generator(7)
        reveal_type(await client.generators())
"""


def test_mypy_sees_types_through_the_asynchronous_client(tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(tmp_path / "typed.py")]
    found = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True).stdout
    revealed = re.findall(r'Revealed type is "(.*)"', found)
    assert [re.sub(r"\w+\.|\?", "", each) for each in revealed] == [
        "Inversion",
        "list[Inversion | InversionFailure]",
        "Inversion | InversionFailure",
        "Image",
        "AsyncDirections",
        "list[Generator]",
    ]
    assert 'Unexpected keyword argument "colour"' in found
    assert 'Argument 1 to "get_generator" of "AsyncClient" has incompatible type "int"; expected "str"' in found
