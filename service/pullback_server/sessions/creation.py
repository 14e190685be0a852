"""Creation of a session: its eigenbases, and its reference images as they are shown."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pullback
from pullback.generators import CatalogueEntry
from pullback_api.v1 import search_pb2
from pullback_server.decoding import Decoders
from pullback_server.decoding.images import ImageError
from pullback_server.eigenbases import Eigenbases
from pullback_server.errors import Violations
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.sessions.pictures import NAMES_OF_FORMATS, presentation_of
from pullback_server.sessions.provision import Provision
from pullback_server.sessions.state.events import Began, StoredImage
from pullback_server.specs import find_generator
from pullback_server.specs.common import sound_shape
from pullback_server.specs.search_thread import needs_eigenbasis
from pullback_server.store import ResultRecord, Store


@dataclass(frozen=True)
class Beginning:
    """What a session begins with.

    Attributes:
        began: The first event of its log.
        files: The files of its reference images, as they are shown.
    """

    began: Began
    files: tuple[bytes, ...]


class Creation:
    """Gathers what a session begins with."""

    def __init__(self, store: Store, scheduler: Scheduler, decoders: Decoders) -> None:
        self._store = store
        self._scheduler = scheduler
        self._decoders = decoders
        self._eigenbases = Eigenbases(store, scheduler)
        self._provision = Provision(store, scheduler)

    async def begin(self, spec: search_pb2.SessionSpec) -> Beginning:
        """What a session of a checked specification begins with; the eigenbases' names are filled in there.

        Raises:
            ApiError: NOT_FOUND or FAILED_PRECONDITION for an eigenbasis that is named; INVALID_ARGUMENT for a reference
                image; RESOURCE_EXHAUSTED where there is no place for a job that computes an eigenbasis.
        """
        generators = _generators(spec)
        eigenbases = [
            await self._eigenbasis(thread, generator, f"spec.threads[{number}]")
            for number, (thread, generator) in enumerate(zip(spec.threads, generators, strict=True))
        ]
        shown = await self._as_shown(spec, generators[0])
        # Last, when nothing else can be wrong with the request.
        awaited = [
            await self._awaited(thread, generator, digest)
            for thread, generator, digest in zip(spec.threads, generators, eigenbases, strict=True)
        ]
        _clear_references(spec)
        began = Began(
            version=pullback.__version__,
            weights_hashes=tuple(generator.weights_hash for generator in generators),
            eigenbases=tuple(eigenbases),
            references=_stored(spec, shown),
            awaited=tuple(awaited),
        )
        return Beginning(began, tuple(data for data, _, _ in shown))

    async def check(self, spec: search_pb2.SessionSpec) -> None:
        """Checks what `begin` does.

        Nothing is stored; the images of references are taken out of the specification, as `begin` does.

        Raises:
            ApiError: As `begin` does.
        """
        generators = _generators(spec)
        for number, (thread, generator) in enumerate(zip(spec.threads, generators, strict=True)):
            if thread.eigenbasis:
                await self._eigenbasis(thread, generator, f"spec.threads[{number}]")
        await self._as_shown(spec, generators[0])
        _clear_references(spec)

    async def _eigenbasis(self, thread: search_pb2.ThreadSpec, generator: CatalogueEntry, field: str) -> str:
        """The digest of the eigenbasis that a thread searches in, its name filled in.

        Empty where it needs none, and where none is named or serves.
        """
        if not needs_eigenbasis(thread):
            return ""
        if thread.eigenbasis:
            named = await self._eigenbases.find(thread.eigenbasis)
            await self._check_serves(named, thread, generator, field)
            return named.content
        newest = await self._provision.newest(thread, generator)
        if newest is None:
            return ""
        thread.eigenbasis = newest.name
        return newest.content

    async def _awaited(self, thread: search_pb2.ThreadSpec, generator: CatalogueEntry, digest: str) -> str:
        """The id of the job that computes a thread's eigenbasis, its name filled in; empty where it waits for none."""
        if digest or not needs_eigenbasis(thread):
            return ""
        job = await self._provision.request(thread, generator)
        thread.eigenbasis = job.result
        return job.id

    async def _check_serves(
        self, record: ResultRecord, thread: search_pb2.ThreadSpec, generator: CatalogueEntry, field: str
    ) -> None:
        await self._eigenbases.refuse_unfit(record, generator, thread.space, f"{field}.eigenbasis")

    async def _as_shown(self, spec: search_pb2.SessionSpec, generator: CatalogueEntry) -> list[tuple[bytes, int, int]]:
        """The files of the reference images as they are shown, their widths and heights."""
        wrong, files = Violations(), []
        for number, reference in enumerate(spec.references):
            try:
                files.append(await self._file_of(reference, spec.images, generator))
            except ImageError as error:
                wrong.add(f"spec.references[{number}].image", str(error))
        wrong.raise_if_any()
        return files

    async def _file_of(
        self, reference: search_pb2.ReferenceImage, images: search_pb2.ImageOptions, generator: CatalogueEntry
    ) -> tuple[bytes, int, int]:
        """The file of a reference as it is shown, or heard, its width and its height."""
        if generator.draws == "sounds":
            shape = sound_shape(generator)
            data = await self._decoders.prepare_sound(reference.image.data, shape, converted=False)
            return data, shape.length, 0
        channels, height, width = generator.picture_shape
        return await self._decoders.as_shown(
            reference.image.data,
            image_shape=(channels, images.height or height, images.width or width),
            presentation=presentation_of(images),
            image_format=NAMES_OF_FORMATS[images.format],
        )


def _generators(spec: search_pb2.SessionSpec) -> list[CatalogueEntry]:
    return [
        find_generator(thread.generator, f"spec.threads[{number}].generator")
        for number, thread in enumerate(spec.threads)
    ]


def _stored(spec: search_pb2.SessionSpec, shown: list[tuple[bytes, int, int]]) -> tuple[StoredImage, ...]:
    """The reference images as the log names them."""
    return tuple(
        StoredImage(reference.label, hashlib.sha256(data).hexdigest(), width, height)
        for reference, (data, width, height) in zip(spec.references, shown, strict=True)
    )


def _clear_references(spec: search_pb2.SessionSpec) -> None:
    for reference in spec.references:
        reference.ClearField("image")
