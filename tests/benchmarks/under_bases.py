"""How long a server's event loop stands still while bases of 4,096 dimensions are computed, fetched and used.

The server runs in a process of its own, with its workers as people run it, and a look at the clock every 2 ms on its
event loop. `figures` measures; `python under_bases.py` prints them.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from PIL import Image
from reporting import QUICK, Figure, Report

from pullback_client import Client, Eigenbasis, EvolutionSession, ResourceExhaustedError
from pullback_server.intake.heap import settle
from pullback_server.server import Config, Server
from tiny import SIZE, write_catalogue

DIM, AXES = 4096, 500
REQUESTS = 20
MOST_MS = 50.0
_LOOK_SECONDS = 0.002


class Lag:
    """The longest time between two looks at the clock that was more than it should be.

    Of it counts what the process computed meanwhile: where other programs have the processor, no loop turns.
    """

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        """Looks for ever."""
        loop = asyncio.get_running_loop()
        before, computed = loop.time(), time.process_time()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now, computed_now = loop.time(), time.process_time()
            stood = min(now - before - _LOOK_SECONDS, computed_now - computed)
            self.longest, before, computed = max(self.longest, stood), now, computed_now

    def taken(self) -> float:
        """Seconds since it was taken last."""
        longest, self.longest = self.longest, 0.0
        return longest


async def serve(data: Path) -> None:
    """A server whose lag is printed for every line that comes, until there are no more."""
    lag, loop = Lag(), asyncio.get_running_loop()
    server = Server(Config("127.0.0.1:0", data, devices=["cpu"], open=True))
    await server.start()
    settle()
    assert server.endpoint is not None
    watching = asyncio.create_task(lag.watch())
    ended = asyncio.Event()

    def answer() -> None:
        for _ in sys.stdin:
            _say(lag.taken())
        loop.call_soon_threadsafe(ended.set)

    _say(server.endpoint.port)
    threading.Thread(target=answer, daemon=True).start()
    await ended.wait()
    watching.cancel()
    await server.stop()


def _say(value: float) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Watched:
    """A server in a process of its own, and a client of it."""

    def __init__(self, client: Client, process: subprocess.Popen[str]) -> None:
        self.client = client
        self._process = process

    def lag_of(self, run: Callable[[], object]) -> tuple[float, float]:
        """Milliseconds that the server's event loop stood still at most meanwhile, and the seconds that it took."""
        self._lag()
        began = time.perf_counter()
        run()
        return 1000 * self._lag(), time.perf_counter() - began

    def _lag(self) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


@contextmanager
def watched() -> Iterator[Watched]:
    """A server of a generator of 4,096 dimensions that draws next to nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # 1,024 numbers behind the first layer, and 768 in an image: the metric has more than 500 directions.
        catalogue = write_catalogue(folder / "catalogue", dim=DIM, width=64)
        process = subprocess.Popen(
            [sys.executable, __file__, "serve", str(folder / "data")],
            env={**os.environ, "PULLBACK_CATALOGUE": str(catalogue)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            with Client(f"127.0.0.1:{int(process.stdout.readline())}", timeout=300) as client:
                yield Watched(client, process)
        finally:
            process.communicate(timeout=60)


def uses(client: Client, basis: Eigenbasis) -> list[Callable[[], object]]:
    """Requests that work with a basis: inversions, searches, and directions along its axes."""
    picture = Image.fromarray(np.full((SIZE, SIZE, 3), 128, np.uint8))

    def invert(seed: int) -> object:
        options = {"distance": "mse", "eigenbasis": basis.name, "steps": 3, "restarts": 1, "seed": seed}
        return client.invert(picture, "tiny", start="prior", progress=False, **options)  # type: ignore[arg-type]

    def search(seed: int) -> object:
        session: EvolutionSession = client.evolve(
            "tiny", eigenbasis=basis.name, population=8, seed=seed, max_generations=3, progress=False
        )
        return session.run(lambda image: float(np.asarray(image).mean()))

    def discover(k: int) -> object:
        found = client.discover_directions("tiny", method="hessian", k=k, eigenbasis=basis.name, progress=False)
        return found.purified(AXES)

    kinds: tuple[Callable[[int], object], ...] = (invert, search, discover)
    return [lambda kind=kinds[number % 3], number=number: kind(number + 1) for number in range(REQUESTS)]


def at_once(calls: list[Callable[[], object]]) -> None:
    """Makes calls side by side."""
    with ThreadPoolExecutor(len(calls)) as pool:
        for made in [pool.submit(insisted, call) for call in calls]:
            made.result()


def insisted(call: Callable[[], object]) -> None:
    """Makes a call, and again where the server has no room for its request yet."""
    while True:
        try:
            call()
        except ResourceExhaustedError:
            time.sleep(2)
        else:
            return


def figures() -> Iterator[Figure]:
    """What is measured."""
    with watched() as server:
        client = server.client
        made: list[Eigenbasis] = []
        samples = AXES + 20 if QUICK else 2000

        def compute() -> None:
            made.append(client.compute_eigenbasis("tiny", distance="mse", samples=samples, progress=False))

        yield _figure("computed and stored", server.lag_of(compute))
        (basis,) = made
        assert basis.eigenvectors.shape == (DIM, AXES)
        fetch = [lambda: client.get_eigenbasis(basis.name)] * REQUESTS
        yield _figure(f"fetched by {REQUESTS} at once", server.lag_of(lambda: at_once(fetch)))
        yield _figure(f"used by {REQUESTS} requests at once", server.lag_of(lambda: at_once(uses(client, basis))))


def _figure(what: str, lag: tuple[float, float]) -> Figure:
    milliseconds, seconds = lag
    detail = f"{AXES} axes of {DIM:,} dimensions, {8e-6 * DIM * AXES:.0f} MB; in {seconds:.1f} s"
    title = f"longest block of the event loop, ms: bases {what}"
    return Figure(title, milliseconds, f"≤ {MOST_MS:g}", milliseconds <= MOST_MS, detail)


def bench_bases(report: Report) -> None:
    """Blocks of the event loop."""
    for figure in figures():
        report.add(figure)


def main() -> None:
    """Serves, or measures."""
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(Path(sys.argv[2])))
        return
    report = Report("bases")
    report.run({"bases": lambda: bench_bases(report)})


if __name__ == "__main__":
    main()
