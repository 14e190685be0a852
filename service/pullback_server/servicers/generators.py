"""The `Generators` service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from pullback import generators
from pullback.generators import Catalogue, CatalogueEntry, CatalogueFault
from pullback.weights import Availability, availability
from pullback_api.tensors import pack
from pullback_api.v1 import generators_pb2, generators_pb2_grpc, values_pb2
from pullback_server.error_texts import without_folders
from pullback_server.errors import Violations
from pullback_server.executor import Executor
from pullback_server.names import generator_name
from pullback_server.servicers.paging import decode_token, encode_token, page_size
from pullback_server.specs import find_generator
from pullback_server.specs.common import WEIGHTS_STATES, format_of, space_of
from pullback_server.specs.inversion.noise_maps import read_noise_maps
from pullback_server.specs.latents import read_latents
from pullback_server.tunings import Tunings

MAX_LATENTS = 10_000

Context = grpc.aio.ServicerContext[Any, Any]


class GeneratorsServicer(generators_pb2_grpc.GeneratorsServicer):
    """The catalogue, draws from it, and rendering."""

    def __init__(self, executor: Executor, tunings: Tunings) -> None:
        self._executor = executor
        self._tunings = tunings

    async def ListGenerators(
        self, request: generators_pb2.ListGeneratorsRequest, context: Context
    ) -> generators_pb2.ListGeneratorsResponse:
        """See the contract."""
        size, after = page_size(request.page_size), decode_token(request.page_token)
        # Not in the event loop: a home folder may be on a network.
        read, told = await asyncio.to_thread(_read_catalogue)
        entries = sorted(read.entries, key=lambda entry: entry.name)
        following = [entry for entry in entries if after is None or entry.name > after]
        page = following[:size]
        return generators_pb2.ListGeneratorsResponse(
            generators=[_message(entry, told[entry.name]) for entry in page],
            next_page_token=encode_token(page[-1].name) if len(following) > size else "",
            faults=[] if after is not None else [_fault_message(fault) for fault in read.faults],
        )

    async def GetGenerator(
        self, request: generators_pb2.GetGeneratorRequest, context: Context
    ) -> generators_pb2.Generator:
        """See the contract."""
        entry = find_generator(request.name, "name")
        return _message(entry, await asyncio.to_thread(availability, entry.source))

    async def SampleLatents(
        self, request: generators_pb2.SampleLatentsRequest, context: Context
    ) -> generators_pb2.SampleLatentsResponse:
        """See the contract."""
        entry = find_generator(request.generator, "generator")
        wrong = Violations()
        space = space_of(request.space, entry, "space", wrong)
        count = request.count or 1
        if not 1 <= count <= MAX_LATENTS:
            wrong.add("count", f"expected 1 to {MAX_LATENTS:,} (0 = 1), but {count} came")
        if request.seed < 0:
            wrong.add("seed", f"expected 0 or more, but {request.seed} came")
        wrong.raise_if_any()
        latents = await self._executor.sample(generator=entry.name, space=space, count=count, seed=request.seed)
        return generators_pb2.SampleLatentsResponse(latents=pack(latents), space=space)

    async def Render(
        self, request: generators_pb2.RenderRequest, context: Context
    ) -> AsyncIterator[generators_pb2.RenderResponse]:
        """See the contract."""
        entry, tuning = await self._tunings.drawing(request.generator, "generator")
        wrong = Violations()
        space = space_of(request.space, entry, "space", wrong)
        image_format = format_of(request.format, entry, "format", wrong)
        wrong.raise_if_any()
        owner = f"space {space!r} of {request.generator}"
        latents = read_latents(request.latents, entry.space(space).dim, MAX_LATENTS, owner, "latents", wrong)
        noise_maps = read_noise_maps(request.noise_maps, entry, "noise_maps", wrong)
        wrong.raise_if_any()
        assert latents is not None  # noqa: S101  (otherwise a violation was noted)
        async for rendered in self._executor.render(
            generator=entry.name,
            space=space,
            latents=latents,
            image_format=image_format,
            tuning=tuning,
            noise_maps=noise_maps,
        ):
            image = values_pb2.Image(
                data=rendered.data, format=f"IMAGE_FORMAT_{image_format}", width=rendered.width, height=rendered.height
            )
            yield generators_pb2.RenderResponse(index=rendered.index, image=image)


def _read_catalogue() -> tuple[Catalogue, dict[str, Availability]]:
    read = generators.read_catalogue()
    return read, {entry.name: availability(entry.source) for entry in read.entries}


def _fault_message(fault: CatalogueFault) -> generators_pb2.CatalogueFault:
    return generators_pb2.CatalogueFault(
        generator=generator_name(fault.name) if fault.name else "", reason=without_folders(fault.reason)
    )


def _message(entry: CatalogueEntry, weights: Availability) -> generators_pb2.Generator:
    channels, *height, width = entry.image_shape
    return generators_pb2.Generator(
        name=generator_name(entry.name),
        title=entry.title,
        family=entry.family,
        spaces=[
            generators_pb2.LatentSpace(
                name=space.name,
                dim=space.dim,
                prior=space.prior,
                labels=space.labels,
                bounds=space.bounds or (),
                system=entry.system(space).name,
                start=space.start,
            )
            for space in entry.spaces
        ],
        channels=channels,
        height=height[0] if height else 0,
        width=width,
        licence=entry.licence,
        citation=entry.citation,
        weights_hash=entry.weights_hash,
        weights_source=str(entry.source),
        weights_state=WEIGHTS_STATES[weights],
        sample_rate=entry.sample_rate or 0,
    )
