"""Calls over HTTP are answered in time, and what they began is not lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import pytest

from pullback_server.access import Identity, Role, set_identity
from pullback_server.errors import ApiError, not_found
from pullback_server.http.bounded_calls import BoundedCalls

METHOD = "pullback_api.v1.Search.Ask"


class Work:
    """Calls that end when they are told to, each with its number."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.done = asyncio.Event()

    async def begin(self) -> int:
        self.begun += 1
        number = self.begun
        try:
            await self.done.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return number


def run(test: Callable[[BoundedCalls, Work], Awaitable[None]], seconds: float = 0.01, kept_seconds: float = 60) -> None:
    async def main() -> None:
        calls = BoundedCalls(seconds, kept_seconds)
        await test(calls, Work())
        calls.close()

    asyncio.run(main())


async def not_ready(calls: BoundedCalls, work: Work, request: bytes = b"a") -> None:
    with pytest.raises(ApiError, match=r"not ready, retry in \d+ ms") as caught:
        await calls.call(METHOD, request, work.begin)
    assert caught.value.code == grpc.StatusCode.UNAVAILABLE


def test_the_same_request_takes_up_what_was_begun() -> None:
    async def test(calls: BoundedCalls, work: Work) -> None:
        await not_ready(calls, work)
        await not_ready(calls, work)
        work.done.set()
        assert await calls.call(METHOD, b"a", work.begin) == 1
        assert work.begun == 1

    run(test)


def test_the_same_request_of_another_key_takes_up_nothing_of_it() -> None:
    async def test(calls: BoundedCalls, work: Work) -> None:
        set_identity(Identity("ada", Role.USER))
        await not_ready(calls, work)
        work.done.set()
        set_identity(Identity("bob", Role.USER))
        assert await calls.call(METHOD, b"a", work.begin) == 2
        set_identity(Identity("ada", Role.USER))
        assert await calls.call(METHOD, b"a", work.begin) == 1

    run(test)


def test_an_answer_that_was_missed_is_kept_and_given_once() -> None:
    async def test(calls: BoundedCalls, work: Work) -> None:
        await not_ready(calls, work)
        work.done.set()
        await asyncio.sleep(0)
        assert await calls.call(METHOD, b"a", work.begin) == 1
        assert await calls.call(METHOD, b"a", work.begin) == 2

    run(test)


def test_another_request_begins_its_own() -> None:
    async def test(calls: BoundedCalls, work: Work) -> None:
        await not_ready(calls, work)
        work.done.set()
        assert await calls.call(METHOD, b"b", work.begin) == 2
        assert await calls.call(f"{METHOD}2", b"a", work.begin) == 3

    run(test)


def test_two_callers_that_say_the_same_never_share_an_answer() -> None:
    async def test(calls: BoundedCalls, work: Work) -> None:
        both = asyncio.gather(*(calls.call(METHOD, b"a", work.begin) for _ in range(2)))
        await asyncio.sleep(0)
        work.done.set()
        assert sorted(await both) == [1, 2]

    run(test, seconds=30)


def test_an_error_that_comes_late_is_raised_at_the_repeat() -> None:
    async def test(calls: BoundedCalls, work: Work) -> None:
        async def fail() -> int:
            await work.done.wait()
            raise not_found("nothing there")

        with pytest.raises(ApiError, match="not ready"):
            await calls.call(METHOD, b"a", fail)
        work.done.set()
        with pytest.raises(ApiError, match="nothing there"):
            await calls.call(METHOD, b"a", fail)

    run(test)


def test_what_nobody_comes_for_is_forgotten() -> None:
    async def test(calls: BoundedCalls, work: Work) -> None:
        await not_ready(calls, work)
        work.done.set()
        for _ in range(5):  # turns of the loop
            await asyncio.sleep(0)
        assert await calls.call(METHOD, b"a", work.begin) == 2

    run(test, kept_seconds=0)


@pytest.mark.parametrize("reading", [False, True])
def test_a_call_whose_caller_has_gone_goes_on_unless_it_only_reads(reading: bool) -> None:
    async def test(calls: BoundedCalls, work: Work) -> None:
        caller = asyncio.create_task(calls.call(METHOD, b"a", work.begin, reading=reading))
        while not work.begun:
            await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        work.done.set()
        assert await calls.call(METHOD, b"a", work.begin) == (2 if reading else 1)
        assert work.cancelled == reading

    run(test, seconds=30)


def test_closing_gives_up_what_is_left() -> None:
    async def test(calls: BoundedCalls, work: Work) -> None:
        await not_ready(calls, work)
        calls.close()
        await asyncio.sleep(0)
        assert work.cancelled == 1

    run(test)
