"""Entrance of every gRPC call: its request is received when there is room for it, and read within the limits."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from pullback_server.access import OPEN_SERVICE
from pullback_server.deadlines import within
from pullback_server.errors import ApiError, invalid
from pullback_server.intake.admission import Admission
from pullback_server.intake.callers import set_caller
from pullback_server.intake.requests import read
from pullback_server.intake.wire import largest

# How long a client may take to send its request.
RECEIVE_SECONDS = 60.0

_Context = grpc.aio.ServicerContext[Any, Any]


class Entrance(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Receives the requests of unary methods itself, as if they were streams of one.

    gRPC would receive, and parse, whatever comes before anybody is asked. A stream is received when its reader asks for
    it; until then, the client is held back.

    Args:
        admission: Room for what is received, and shares of callers.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def intercept_service(  # type: ignore[override]  # the stubs forget that there may be no handler
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Puts the entrance before the method's handler; there is none for a method that nobody serves."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_streaming:
            return handler  # reflection receives its own
        method = _find_method(handler_call_details.method)
        if handler.unary_unary is not None:
            return grpc.stream_unary_rpc_method_handler(
                self._unary(method, handler.unary_unary), response_serializer=_unless_bytes(handler.response_serializer)
            )
        assert handler.unary_stream is not None  # noqa: S101  (there are no others)
        return grpc.stream_stream_rpc_method_handler(
            self._stream(method, handler.unary_stream), response_serializer=handler.response_serializer
        )

    def _unary(self, method: MethodDescriptor, behaviour: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        async def answer(requests: AsyncIterator[bytes], context: _Context) -> Any:
            del requests
            async with self._received(method, context) as request:
                if method.name.startswith("Wait"):
                    return await self._admission.while_let_in(behaviour(request, context))
                return await behaviour(request, context)

        return answer

    def _stream(self, method: MethodDescriptor, behaviour: Callable[..., Any]) -> Callable[..., AsyncIterator[Any]]:
        async def answer(requests: AsyncIterator[bytes], context: _Context) -> AsyncIterator[Any]:
            del requests
            async with self._received(method, context) as request:
                responses = behaviour(request, context)
                if inspect.isawaitable(responses):
                    # It writes them itself, as the servicer of health does.
                    await responses
                    return
                async with contextlib.aclosing(responses):
                    while (response := await self._admission.while_let_in(_next(responses))) is not None:
                        yield response

        return answer

    @contextlib.asynccontextmanager
    async def _received(self, method: MethodDescriptor, context: _Context) -> AsyncIterator[Message]:
        """The request, and its room until the call has ended."""
        if method.containing_service.full_name == OPEN_SERVICE:
            # Anybody at all may call: whoever does, they have the share of one.
            who = set_caller("anybody", {})
        else:
            headers: dict[str, object] = {str(name): value for name, value in context.invocation_metadata() or ()}
            who = set_caller(context.peer(), headers)
        async with self._admission.admit(method.full_name, who, largest(method.input_type)) as hold:
            data = await _receive(context)
            hold.shrink(len(data))
            self._admission.check_size(len(data))
            request = await read(data, GetMessageClass(method.input_type))
            # The message has it now.
            del data
            yield request


async def _next(responses: AsyncIterator[Any]) -> Any:
    """The next one; None after the last."""
    return await anext(responses, None)


def _unless_bytes(serialize: Callable[[Any], bytes] | None) -> Callable[[Any], bytes]:
    """What writes answers, and sends those as they are that a servicer has read from the store."""
    return lambda answer: answer if isinstance(answer, bytes) or serialize is None else serialize(answer)


async def _receive(context: _Context) -> bytes:
    try:
        data = await within(RECEIVE_SECONDS, context.read())
    except asyncio.TimeoutError:
        message = f"the request did not come whole within {RECEIVE_SECONDS:.0f} s; send it again"
        raise ApiError(grpc.StatusCode.DEADLINE_EXCEEDED, message) from None
    if not isinstance(data, bytes):
        # The client has closed its side without a message.
        raise invalid("request", "expected one message, but none came")
    return data


def _find_method(path: str) -> MethodDescriptor:
    """The method of `/package.Service/Method`."""
    service, _, name = path.removeprefix("/").rpartition("/")
    found: MethodDescriptor = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    return found
