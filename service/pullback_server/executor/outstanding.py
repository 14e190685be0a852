"""Outstanding answers of a worker: its open calls, and how much there is left to draw for them."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field

from pullback import generators
from pullback.errors import PullbackError
from pullback_server.errors import unavailable
from pullback_server.executor.sender import weight
from pullback_server.protocol.calls import Call, CallDone, CallFailed, CallMessage, Framed, Render, Rendered, Traverse
from pullback_server.protocol.failure import Failure
from pullback_server.worker.unread import WINDOW_BYTES

# Of calls that are not answered yet; a further one is refused for so long.
MAX_CALLS, MAX_CALL_BYTES, FULL_SECONDS = 1_000, 256 * 1024 * 1024, 1.0
# What a call counts for apart from its images: a small image, in values of pixels.
_CALL_VALUES = 3 * 64 * 64


@dataclass
class OpenCall:
    """A call that is not over.

    Attributes:
        size: Bytes of the call.
        images: How many images it is still to be answered with.
        values: Values of each, channels × height × width.
        answers: What has come, for whoever reads it.
        unread: Bytes of images that have come and were not read.
    """

    size: int
    images: int
    values: int
    answers: asyncio.Queue[CallMessage] = field(default_factory=asyncio.Queue)
    unread: int = 0

    @classmethod
    def of(cls, call: Call) -> OpenCall:
        """A call that is about to be sent."""
        images = _images_of(call)
        return cls(weight(call), images, _values_of(call) if images else 0)

    @property
    def left(self) -> int:
        """What is left to draw, in values; none while it waits for its reader and so keeps nobody waiting."""
        return 0 if self.unread >= WINDOW_BYTES else _CALL_VALUES + self.images * self.values

    def came(self, answer: CallMessage) -> None:
        """An answer has come."""
        if isinstance(answer, Rendered | Framed):
            self.images = max(0, self.images - 1)
            self.unread += len(answer.data)
        self.answers.put_nowait(answer)

    async def next(self) -> CallMessage:
        """The next answer, as soon as it has come; it counts as read."""
        answer = await self.answers.get()
        if isinstance(answer, Rendered | Framed):
            self.unread -= len(answer.data)
        return answer


class OpenCalls:
    """The calls of a worker that are not over."""

    def __init__(self) -> None:
        self._calls: dict[int, OpenCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def left(self) -> int:
        """What is left to draw for all of them, in values of pixels."""
        return sum(call.left for call in self._calls.values())

    def open(self, call: Call, worker: str) -> OpenCall:
        """Notes a call that is about to be sent.

        Args:
            call: The call.
            worker: Whose it is, as the refusal names it.

        Raises:
            ApiError: UNAVAILABLE where there are too many already.
        """
        opened, held = OpenCall.of(call), sum(each.size for each in self._calls.values())
        if len(self._calls) >= MAX_CALLS or (self._calls and held + opened.size > MAX_CALL_BYTES):
            there = f"{len(self._calls):,} calls of {held / 1e6:,.0f} MB"
            raise unavailable(f"{worker} has {there} to answer; try again in {FULL_SECONDS:.0f} s", FULL_SECONDS)
        self._calls[call.call] = opened
        return opened

    def close(self, call: Call) -> None:
        """Forgets a call."""
        self._calls.pop(call.call, None)

    def came(self, answer: CallMessage) -> None:
        """An answer has come, perhaps to a call that nobody waits for any more."""
        if (call := self._calls.get(answer.call)) is not None:
            call.came(answer)

    def fail(self, failure: Failure) -> None:
        """Answers all of them with a failure."""
        for number, call in self._calls.items():
            call.came(CallFailed(number, failure))


def is_last(answer: CallMessage) -> bool:
    """Whether nothing comes after it."""
    return isinstance(answer, CallDone | CallFailed)


def _images_of(call: Call) -> int:
    match call:
        case Render():
            return len(call.latents)
        case Traverse():
            return call.plan.frames ** (2 if call.plan.kind == "subspace" else 1)
        case _:
            return 0


def _values_of(call: Call) -> int:
    """Of one image of a call; 1 where its generator is not known, which the worker tells."""
    name = call.plan.generator if isinstance(call, Traverse) else getattr(call, "generator", "")
    try:
        return math.prod(generators.entry(name).image_shape)
    except PullbackError:
        return 1
