"""Images of sessions: rendered ahead, kept while there is room, and rendered again where they are gone."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Coroutine, Sequence

import grpc

from pullback_api.v1 import search_pb2, values_pb2
from pullback_server.errors import ApiError
from pullback_server.executor import Executor
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.names import parse_generator
from pullback_server.protocol.calls import RENDER_BATCH, Presentation
from pullback_server.sessions.latents import Latents
from pullback_server.sessions.state.events import GenerationOpened, StoredImage
from pullback_server.sessions.state.session import Session, image_number
from pullback_server.specs.common import FORMATS
from pullback_server.store import Store

MAX_CACHE_BYTES = 256 * 1024 * 1024
MAX_ATTEMPTS = 5
RETRY_SECONDS = 0.2
CARRIED = "carried"
# What an image takes in memory beside its bytes: its message, its name, its place among the others. Of small ones most.
_BESIDE_BYTES = 1024

_log = logging.getLogger(__name__)
# An image of a thread: thread, generation, batch. A reference: its id.
_Key = tuple[str | int, int, int]
NAMES_OF_FORMATS = {number: name for name, number in FORMATS.items()}


class ImageCache:
    """Finished images of all sessions, those that were used last, within a bound of bytes."""

    def __init__(self, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._images: OrderedDict[tuple[str, str], values_pb2.Image] = OrderedDict()
        self._names: defaultdict[str, set[str]] = defaultdict(set)

    def get(self, session: str, image_id: str) -> values_pb2.Image | None:
        """The image, if it is there."""
        found = self._images.get((session, image_id))
        if found is not None:
            self._images.move_to_end((session, image_id))
        return found

    def put(self, session: str, image_id: str, image: values_pb2.Image) -> None:
        """Keeps an image; drops those that were used least recently where there is no room."""
        self._drop(session, image_id)
        self._images[session, image_id] = image
        self._names[session].add(image_id)
        self._bytes += len(image.data) + _BESIDE_BYTES
        while self._bytes > self._max_bytes and len(self._images) > 1:
            self._drop(*next(iter(self._images)))

    def forget(self, session: str) -> None:
        """Drops the images of a session; those that are asked for later are made again."""
        for image_id in tuple(self._names.get(session, ())):
            self._drop(session, image_id)

    def _drop(self, session: str, image_id: str) -> None:
        dropped = self._images.pop((session, image_id), None)
        if dropped is None:
            return
        self._bytes -= len(dropped.data) + _BESIDE_BYTES
        self._names[session].discard(image_id)
        if not self._names[session]:
            del self._names[session]


class Pictures:
    """The images of one session.

    An image is a function of its latent and of those that are rendered with it: rounding may differ in another company.
    So a batch is always rendered whole, and gives the same bytes every time.
    """

    def __init__(
        self,
        session_id: str,
        spec: search_pb2.SessionSpec,
        *,
        latents: Latents,
        cache: ImageCache,
        executor: Executor,
        store: Store,
        scheduler: Scheduler,
        on_ready: Callable[[str], None],
    ) -> None:
        self._id = session_id
        self._spec = spec
        self._latents = latents
        self._cache = cache
        self._executor = executor
        self._store = store
        self._scheduler = scheduler
        self._on_ready = on_ready
        self._working: dict[_Key, asyncio.Task[None]] = {}
        self._failed: dict[_Key, ApiError] = {}

    @property
    def busy(self) -> bool:
        """Whether images are being made."""
        return bool(self._working)

    def get(self, image_id: str) -> values_pb2.Image | None:
        """The image, if it is at hand."""
        return self._cache.get(self._id, image_id)

    def want(self, session: Session, image_ids: Collection[str]) -> None:
        """Has images made that are not at hand, and not being made already.

        Raises:
            ApiError: They could not be made the last time; the next call tries again.
        """
        missing: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        for image_id in image_ids:
            if self.get(image_id) is not None:
                continue
            if (reference := session.references.get(image_id)) is not None:
                if (image_id, 0, 0) not in self._working:
                    self._start([(image_id, 0, 0)], self._load(image_id, reference))
                continue
            missing[session.homes[image_id]].add(image_number(image_id) // RENDER_BATCH)
        for (thread, generation), batches in missing.items():
            wanted = [batch for batch in sorted(batches) if (thread, generation, batch) not in self._working]
            if wanted:
                keys: list[_Key] = [(thread, generation, batch) for batch in wanted]
                self._start(keys, self._render(session.threads[thread].opened(generation), wanted))

    async def stop(self) -> None:
        """Makes no more images."""
        tasks = set(self._working.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, keys: list[_Key], work: Coroutine[None, None, None]) -> None:
        for key in keys:
            if (error := self._failed.pop(key, None)) is not None:
                work.close()
                raise error
        task = asyncio.create_task(self._finish(keys, work))
        self._working.update(dict.fromkeys(keys, task))

    async def _finish(self, keys: list[_Key], work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except ApiError as error:
            _log.warning("images of session %s cannot be made: %s", self._id, error.message)
            self._failed.update(dict.fromkeys(keys, error))
        finally:
            for key in keys:
                self._working.pop(key, None)

    async def _load(self, image_id: str, reference: StoredImage) -> None:
        data = await self._scheduler.in_store(self._store.blobs.read, reference.digest)
        self._put(image_id, data, reference.width, reference.height)

    async def _render(self, opened: GenerationOpened, batches: Sequence[int]) -> None:
        """Renders whole batches of a generation; where the worker dies, once more."""
        names = [image.image_id for image in opened.images if image.kind != CARRIED]
        rows = [row for row in range(len(names)) if row // RENDER_BATCH in batches]
        latents = (await self._latents.of(opened))[rows]
        thread = self._spec.threads[opened.thread]
        for attempt in range(MAX_ATTEMPTS):
            try:
                async for rendered in self._executor.render(
                    generator=parse_generator(thread.generator, "generator"),
                    space=thread.space,
                    latents=latents,
                    image_format=NAMES_OF_FORMATS[self._spec.images.format],
                    presentation=presentation_of(self._spec.images),
                ):
                    self._put(names[rows[rendered.index]], rendered.data, rendered.width, rendered.height)
                return
            except ApiError as error:
                if error.code != grpc.StatusCode.UNAVAILABLE or attempt == MAX_ATTEMPTS - 1:
                    raise
                await asyncio.sleep(RETRY_SECONDS)

    def _put(self, image_id: str, data: bytes, width: int, height: int) -> None:
        image = values_pb2.Image(data=data, format=self._spec.images.format, width=width, height=height)
        self._cache.put(self._id, image_id, image)
        self._on_ready(image_id)


def presentation_of(images: search_pb2.ImageOptions) -> Presentation:
    """What the images of a session look like, as the worker takes it."""
    return Presentation(
        size=(images.width, images.height) if images.width else None,
        greyscale=images.greyscale,
        mean_luminance=images.mean_luminance if images.HasField("mean_luminance") else None,
        contrast=images.contrast if images.HasField("contrast") else None,
    )
