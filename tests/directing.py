"""Requests about directions that many end-to-end tests make of a live server."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_server import LiveServer
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import directions_pb2, generators_pb2, jobs_pb2, specs_pb2

TINY, STYLE = "generators/tiny", "generators/tiny-style"


def discover(server: LiveServer, *, request_id: str = "", **spec: Any) -> jobs_pb2.Job:
    """Asks for directions of `tiny`, measured by its MSE eigenbasis, unless said otherwise."""
    if "eigenbasis" not in spec and "generator" not in spec:
        spec["eigenbasis"] = server.eigenbasis()
    asked = specs_pb2.DirectionsSpec(**{"generator": TINY, **spec})
    request = directions_pb2.DiscoverDirectionsRequest(request_id=request_id, spec=asked)
    return server.directions.DiscoverDirections(request, timeout=60)


def discover_style(server: LiveServer, *, measured_in: str = "w", **spec: Any) -> jobs_pb2.Job:
    """Asks for directions of `tiny-style`, measured by the MSE eigenbasis of that space."""
    eigenbasis = server.eigenbasis(generator="tiny-style", space=measured_in)
    return discover(server, **{"generator": STYLE, "eigenbasis": eigenbasis, **spec})


def directions_of(server: LiveServer, job: jobs_pb2.Job, **fields: Any) -> directions_pb2.DirectionSet:
    """The directions of a job, as soon as it has succeeded."""
    ended = server.wait(job.name)
    assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED, ended.error
    return get(server, ended.result, **fields)


def get(server: LiveServer, name: str, **fields: Any) -> directions_pb2.DirectionSet:
    """Directions by their name."""
    return server.directions.GetDirections(directions_pb2.GetDirectionsRequest(name=name, **fields), timeout=60)


def draw(server: LiveServer, generator: str = TINY, space: str = "", seed: int = 3) -> NDArray[np.floating[Any]]:
    """One draw from a prior, shape (dim,)."""
    request = generators_pb2.SampleLatentsRequest(generator=generator, space=space, seed=seed)
    return unpack(server.generators.SampleLatents(request, timeout=60).latents)[0]


def walk(
    server: LiveServer, latent: NDArray[np.floating[Any]], *names: str, **fields: Any
) -> tuple[list[directions_pb2.TraversalFrame], directions_pb2.TraversalEnd]:
    """A walk from a latent along the first direction of each set, measured by MSE, unless said otherwise."""
    refs = [directions_pb2.DirectionRef(directions=name) for name in names]
    chosen = {"generator": TINY, "distance": "mse", "latent": pack(latent), **fields}
    for field, ref in zip(("direction", "second"), refs, strict=False):
        chosen.setdefault(field, ref)
    request = directions_pb2.TraverseRequest(**chosen)
    *frames, last = list(server.directions.Traverse(request, timeout=60))
    assert all(piece.HasField("frame") for piece in frames)
    assert last.HasField("end")
    return [piece.frame for piece in frames], last.end


def latents_of(frames: list[directions_pb2.TraversalFrame]) -> NDArray[np.floating[Any]]:
    """Latents of frames, shape (frames, dim)."""
    return np.stack([unpack(frame.latent) for frame in frames])


def rendered(
    server: LiveServer, latents: NDArray[np.floating[Any]], generator: str = TINY, space: str = ""
) -> list[bytes]:
    """The picture files that `Render` sends for latents."""
    request = generators_pb2.RenderRequest(generator=generator, space=space, latents=pack(latents))
    return [response.image.data for response in server.generators.Render(request, timeout=60)]
