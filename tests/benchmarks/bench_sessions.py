"""What a laboratory waits for: sessions on a live server over loopback, with one thread to render."""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from reporting import QUICK, Figure, Report
from torch import Tensor

from pullback import generators
from pullback.generators import Generator
from pullback_client import Client, EvolutionSession, LocalServer, Trial
from pullback_server.protocol.calls import RENDER_BATCH

IMAGES = 40
GENERATIONS = 15 if QUICK else 200
SESSIONS = 50 if QUICK else 1000
# Generations whose trials are asked and told one by one.
ROUNDS = 4 if QUICK else 30


@contextmanager
def server() -> Iterator[Client]:
    """A client of a server with an empty store."""
    # As many threads as what it is compared with.
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        with LocalServer(data / "store", data / "log") as live, Client(live.target) as client:
            yield client


def whole_generation(session: EvolutionSession) -> list[Trial]:
    """The trials of a generation with their encoded images."""
    trials: list[Trial] = []
    while len(trials) < IMAGES:
        batch = session.next_batch(images=True)
        assert batch is not None
        trials += batch
    return trials


def render_and_encode(generator: Generator, latents: Tensor) -> None:
    """All that has to be done for images, in batches of the same size as the server's."""
    with torch.inference_mode():
        for batch in torch.split(latents, RENDER_BATCH):
            for level in (255 * generator.render(batch, "z")).round().to(torch.uint8).movedim(1, -1).numpy():
                Image.fromarray(level).save(io.BytesIO(), "PNG")


def milliseconds(seconds: list[float]) -> str:
    """Median and 99th percentile in words."""
    return f"median {1000 * np.median(seconds):.1f} ms, p99 {1000 * np.percentile(seconds, 99):.1f} ms"


def bench_latency(report: Report) -> None:
    """From a told generation to the next one, image by image on this side, against rendering and encoding alone."""
    torch.set_num_threads(1)
    generator = generators.load("faces")
    rng = np.random.default_rng(0)
    waits, raws = [], []
    with server() as client:
        session = client.evolve("faces", population=IMAGES, progress=False)
        trials = whole_generation(session)
        for number in range(GENERATIONS):
            began = time.perf_counter()
            session.tell(trials, rng.random(IMAGES))
            trials = whole_generation(session)
            waits.append(time.perf_counter() - began)
            began = time.perf_counter()
            render_and_encode(generator, generator.space("z").sample(IMAGES, number))
            raws.append(time.perf_counter() - began)
    wait = float(np.percentile(waits, 99))
    detail = f"{GENERATIONS} generations, {milliseconds(waits)}"
    report.add(Figure(f"Tell → next {IMAGES} images of faces, p99, s", wait, "< 1", wait < 1, detail))
    overhead = float(np.median(waits) / np.median(raws)) - 1
    detail = f"server {milliseconds(waits)}; raw {milliseconds(raws)}"
    report.add(Figure("server over raw render + encode, median", overhead, "≤ 0.1", overhead <= 0.1, detail))


def bench_store(report: Report) -> None:
    """Ask and Tell of one trial on a server with many sessions and on one without, turn by turn."""
    with server() as empty, server() as full:
        for number in range(SESSIONS):
            # Each has shown a generation and has another one open, as one that a laboratory left behind.
            session = full.evolve("faces", optimizer="random", population=4, seed=number)
            tell_one_by_one(session, 4)
        seconds: dict[str, list[float]] = {"empty": [], "full": []}
        sessions = [client.evolve("faces", optimizer="random", population=IMAGES) for client in (empty, full)]
        for _ in range(ROUNDS):
            for name, session in zip(seconds, sessions, strict=True):
                # The first of a generation may have to wait for it to be made.
                tell_one_by_one(session, 1)
                seconds[name] += tell_one_by_one(session, IMAGES - 1)
    high = {name: float(np.percentile(values, 99)) for name, values in seconds.items()}
    ratio = high["full"] / high["empty"]
    detail = f"{ROUNDS} generations; " + "; ".join(f"{name}: {milliseconds(each)}" for name, each in seconds.items())
    name = f"Ask + Tell p99, store of {SESSIONS} sessions / empty"
    report.add(Figure(name, ratio, "≤ 1.5", ratio <= 1.5, detail))


def tell_one_by_one(session: EvolutionSession, count: int) -> list[float]:
    """Seconds of asking for one trial and telling its score, so many times."""
    seconds = []
    for score in range(count):
        began = time.perf_counter()
        batch = session.next_batch(1)
        assert batch is not None
        session.tell(batch, [float(score)])
        seconds.append(time.perf_counter() - began)
    return seconds
