"""Requests that many end-to-end tests make of a live server."""

from __future__ import annotations

import time
from typing import Any

from live_server import LiveServer
from pullback_api.v1 import generators_pb2, inversion_pb2, jobs_pb2, specs_pb2, values_pb2

# Steps that take `tiny` longer than any test looks on.
LONG = 100_000


def tiny_target(server: LiveServer, seed: int = 7) -> values_pb2.Image:
    """An image that `tiny` can draw."""
    sampled = server.generators.SampleLatents(
        generators_pb2.SampleLatentsRequest(generator="generators/tiny", seed=seed), timeout=60
    )
    request = generators_pb2.RenderRequest(generator="generators/tiny", latents=sampled.latents)
    return next(iter(server.generators.Render(request, timeout=60))).image


def tiny_settings(**settings: Any) -> specs_pb2.InversionSettings:
    """Adam on `tiny` under MSE, two restarts, unless said otherwise."""
    chosen = {
        "generator": "generators/tiny",
        "distance": "mse",
        "method": specs_pb2.INVERSION_METHOD_ADAM,
        "restarts": 2,
        **settings,
    }
    return specs_pb2.InversionSettings(**chosen)


def invert_tiny(server: LiveServer, *, request_id: str = "", images: int = 1, **settings: Any) -> jobs_pb2.Job:
    """Asks for an inversion of images that `tiny` can draw."""
    targets = [inversion_pb2.Target(image=tiny_target(server, seed=7 + number)) for number in range(images)]
    request = inversion_pb2.InvertRequest(request_id=request_id, settings=tiny_settings(**settings), targets=targets)
    return server.inversion.Invert(request, timeout=60)


def inversion_of(server: LiveServer, job: jobs_pb2.Job) -> inversion_pb2.InversionResult:
    """The results of a job that has succeeded."""
    return server.inversion.GetInversion(inversion_pb2.GetInversionRequest(name=job.result), timeout=60)


def arrays_of(result: inversion_pb2.InversionResult) -> list[bytes]:
    """Everything of a result that was computed, as bytes."""
    return [
        part.data
        for target in result.results
        for part in (target.latent, target.distance_trace, target.loss_trace, target.restart_latents, target.image)
    ]


def wait_for_checkpoint(server: LiveServer, count: int = 1) -> None:
    """Waits until that many jobs have a checkpoint."""
    deadline = time.monotonic() + 60
    while len(list((server.data / "checkpoints").glob("*.safetensors"))) < count:
        assert time.monotonic() < deadline, "no checkpoint was written"
        time.sleep(0.02)
