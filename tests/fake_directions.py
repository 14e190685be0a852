"""The Directions service without a generator or a method: real gRPC, vectors from a seed, walks in straight lines."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
from google.protobuf import empty_pb2
from PIL import Image

from fake_server import DIM, SIZE, FakeServer, _eigenbasis, _Servicer, pack, png
from pullback_api.tensors import unpack
from pullback_api.v1 import directions_pb2, directions_pb2_grpc, jobs_pb2, specs_pb2, values_pb2

RATES = 4.0 ** -np.arange(DIM)
"""α_H of the directions of every set."""


class Directions(_Servicer, directions_pb2_grpc.DirectionsServicer):
    def __init__(self, server: FakeDirectionsServer) -> None:
        super().__init__(server.state)
        self.sets = server.sets

    def DiscoverDirections(self, request: Any, context: Any) -> Any:
        self.enter("DiscoverDirections", request, context)
        self.generator(request.spec.generator, context)
        spec = specs_pb2.DirectionsSpec()
        spec.CopyFrom(request.spec)
        spec.space = spec.space or "z"
        spec.k = spec.k or 4
        spec.method = spec.method or specs_pb2.DIRECTION_METHOD_HESSIAN
        if not request.validate_only:
            spec.eigenbasis = spec.eigenbasis or self._default_basis(spec.generator, context)
        elif self.state.eigenbases:
            spec.eigenbasis = spec.eigenbasis or next(iter(self.state.eigenbases))
        key = hashlib.sha256(spec.SerializeToString(deterministic=True)).hexdigest()[:8]
        if key not in self.state.requests and request.validate_only:
            return jobs_pb2.Job(discover_directions=spec, result=f"{spec.generator}/directions/{key}")
        if key not in self.state.requests:
            name = f"{spec.generator}/directions/{key}"
            job = self.state.new_job(jobs_pb2.Job(discover_directions=spec, result=name))
            self.sets[name] = direction_set(name, spec, job=job.name)
            self.state.requests[key] = job.name
        return self.state.jobs[self.state.requests[key]]

    def GetDirections(self, request: Any, context: Any) -> Any:
        self.enter("GetDirections", request, context)
        found = self.found(self.sets, request.name, context)
        if not request.purify:
            return found
        vectors = unpack(found.vectors).copy()
        vectors[:, request.purify :] = 0
        purified = directions_pb2.DirectionSet()
        purified.CopyFrom(found)
        purified.vectors.CopyFrom(pack(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), "<f8"))
        return purified

    def ListDirections(self, request: Any, context: Any) -> Any:
        self.enter("ListDirections", request, context)
        names = [name for name in reversed(self.sets) if request.parent in ("generators/-", name.rsplit("/", 2)[0])]
        page = int(request.page_token or 0)  # one set a page
        listed = [directions_pb2.DirectionSet() for _ in names[page : page + 1]]
        for light, name in zip(listed, names[page:], strict=False):
            light.CopyFrom(self.sets[name])
            for field in ("vectors", "values", "rates", "alignment", "axes", "input_vectors"):
                light.ClearField(field)
        token = str(page + 1) if page + 1 < len(names) else ""
        return directions_pb2.ListDirectionsResponse(directions=listed, next_page_token=token)

    def ImportDirections(self, request: Any, context: Any) -> Any:
        self.enter("ImportDirections", request, context)
        self.generator(request.generator, context)
        spec = specs_pb2.DirectionsSpec(
            generator=request.generator,
            space=request.space or "z",
            method=specs_pb2.DIRECTION_METHOD_IMPORTED,
            k=4,
            eigenbasis=request.eigenbasis or self._default_basis(request.generator, context),
        )
        name = f"{request.generator}/directions/{hashlib.sha256(request.content).hexdigest()[:8]}"
        self.sets[name] = direction_set(name, spec)
        self.sets[name].import_format = request.format
        self.sets[name].layers.extend(request.layers)
        return self.sets[name]

    def AnnotateDirection(self, request: Any, context: Any) -> Any:
        self.enter("AnnotateDirection", request, context)
        found = self.found(self.sets, request.name, context)
        others = [each for each in found.annotations if each.index != request.annotation.index]
        if request.annotation.title in {each.title for each in others if each.title}:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{request.annotation.title!r} is taken")
        del found.annotations[:]
        found.annotations.extend([*others, request.annotation])
        return directions_pb2.DirectionSet(name=found.name, annotations=found.annotations)

    def DeleteDirections(self, request: Any, context: Any) -> Any:
        self.enter("DeleteDirections", request, context)
        self.found(self.sets, request.name, context)
        del self.sets[request.name]
        return empty_pb2.Empty()

    def Traverse(self, request: Any, context: Any) -> Iterator[Any]:
        self.enter("Traverse", request, context)
        if request.validate_only:
            return
        start = unpack(request.latent)
        vector, unit = np.eye(DIM)[0], 1.0
        if request.HasField("direction"):
            found = self.found(self.sets, request.direction.directions, context)
            vector = unpack(found.vectors)[request.direction.index]
            if request.unit != directions_pb2.STEP_UNIT_LATENT:
                unit = RATES[request.direction.index] ** -0.5
        first = request.first_step if request.HasField("first_step") else -2.0
        last = request.last_step if request.HasField("last_step") else 2.0
        steps = np.linspace(first, last, request.frames or 9)
        for index, step in enumerate(steps):
            yield directions_pb2.TraverseResponse(
                frame=directions_pb2.TraversalFrame(
                    index=index,
                    step=step,
                    latent=pack(start + step * unit * vector),
                    distance=step**2,
                    image=png(10 * index),
                )
            )
        end = directions_pb2.TraversalEnd(frames=len(steps), space=request.space or "z")
        if request.strip:
            end.strip.CopyFrom(_picture("PNG", (SIZE * len(steps), SIZE)))
        if request.animation:
            end.animation = _picture("GIF", (SIZE, SIZE)).data
        yield directions_pb2.TraverseResponse(end=end)

    def _default_basis(self, generator: str, context: Any) -> str:
        names = [name for name in self.state.eigenbases if name.startswith(f"{generator}/")]
        if not names:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{generator} has no eigenbasis; compute it first")
        return names[0]


def direction_set(name: str, spec: specs_pb2.DirectionsSpec, job: str = "") -> directions_pb2.DirectionSet:
    """The first `spec.k` eigenvectors of the fake server's eigenbasis."""
    k = spec.k
    vectors = unpack(_eigenbasis("", specs_pb2.EigenbasisSpec()).eigenvectors).T[:k]
    message = directions_pb2.DirectionSet(
        name=name,
        spec=spec,
        generator_weights_hash="a" * 64,
        version="0.1.0",
        job=job,
        count=k,
        dim=DIM,
        space=spec.space,
        vectors=pack(vectors, "<f8"),
        values=pack(2.0 * RATES[:k], "<f8"),
        rates=pack(RATES[:k], "<f8"),
        alignment=pack(np.linspace(1, 0.5, k), "<f8"),
        aligned_axes=3,
        axes=[directions_pb2.EigenAxes(ranks=[rank], shares=[0.99]) for rank in range(k)],
        layers=spec.layers,
    )
    message.create_time.FromSeconds(1_800_000_000)
    return message


def _picture(image_format: str, size: tuple[int, int]) -> values_pb2.Image:
    buffer = io.BytesIO()
    Image.new("RGB", size, "grey").save(buffer, format=image_format)
    return values_pb2.Image(data=buffer.getvalue(), width=size[0], height=size[1])


class FakeDirectionsServer(FakeServer):
    """A fake server with the Directions service as well."""

    def __init__(self) -> None:
        super().__init__()
        self.sets: dict[str, directions_pb2.DirectionSet] = {}

    def add_services(self, server: grpc.Server) -> None:
        super().add_services(server)
        directions_pb2_grpc.add_DirectionsServicer_to_server(Directions(self), server)
