"""The contract's unary methods after the Connect protocol, built from its descriptors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import RequestContext
from connectrpc.server import ConnectASGIApplication, Endpoint
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from pullback_api.v1 import jobs_pb2
from pullback_server.contract import only_reads
from pullback_server.errors import as_api_error
from pullback_server.http.bounded_calls import BoundedCalls
from pullback_server.http.codec import BinaryCodec, Body, LenientJsonCodec
from pullback_server.http.errors import connect_error

# Longest wait that still ends in time; the contract's own for Ask and images.
MAX_WAIT_SECONDS = 3.5

# No servicer of ours looks at its context, which is gRPC's; some answer with the bytes of their message.
Behaviour = Callable[[Any, Any], Awaitable[Message | bytes]]


class ServiceApplication(ConnectASGIApplication[object]):
    """One service of the contract.

    Args:
        service: Its descriptor.
        servicer: The object that serves it over gRPC too.
        calls: Bounds every call.
        max_request_bytes: Of a body, unpacked.
    """

    def __init__(
        self, service: ServiceDescriptor, servicer: object, calls: BoundedCalls, *, max_request_bytes: int
    ) -> None:
        self._name = service.full_name
        self._calls = calls
        methods = [method for method in service.methods if not method.client_streaming and not method.server_streaming]
        endpoints = {
            f"{self.path}/{method.name}": Endpoint.unary(
                self._info(method), self._behaviour(method, getattr(servicer, method.name))
            )
            for method in methods
        }
        super().__init__(
            service=servicer,
            endpoints=lambda _: endpoints,
            read_max_bytes=max_request_bytes,
            codecs=[LenientJsonCodec(), BinaryCodec()],
        )

    @property
    def path(self) -> str:
        """What the paths of its methods begin with."""
        return f"/{self._name}"

    def _info(self, method: MethodDescriptor) -> MethodInfo[Message, Message]:
        return MethodInfo(
            name=method.name,
            service_name=self._name,
            input=GetMessageClass(method.input_type),
            output=GetMessageClass(method.output_type),
            # Methods without side effects would be offered by GET too, where a cache might answer.
            idempotency_level=IdempotencyLevel.UNKNOWN,
            stream_type=StreamType.UNARY,
        )

    def _behaviour(
        self, method: MethodDescriptor, behaviour: Behaviour
    ) -> Callable[[Any, RequestContext[Message, Message]], Awaitable[Message]]:
        """What the servicer does, in time and with Connect's errors."""
        reading = only_reads(method.name)
        prepare, output = _PREPARED.get(method.full_name), GetMessageClass(method.output_type)

        async def answer(body: Body[Message], context: RequestContext[Message, Message]) -> Message:
            del context

            async def begin() -> Message:
                answered = await behaviour(request, None)
                return output.FromString(answered) if isinstance(answered, bytes) else answered

            try:
                request = await body.read()
                if prepare is not None:
                    prepare(request)
                content = request.SerializeToString(deterministic=True)
                return await self._calls.call(method.full_name, content, begin, reading=reading)
            except Exception as error:
                raise connect_error(as_api_error(error)) from None

        return answer


def _cap_wait(request: Message) -> None:
    """Cuts the timeout of a WaitJob, which may be an hour over gRPC; what is out of range is left for the servicer."""
    assert isinstance(request, jobs_pb2.WaitJobRequest)  # noqa: S101  (the table's key)
    asked = request.timeout.seconds + request.timeout.nanos * 1e-9
    if not request.HasField("timeout") or MAX_WAIT_SECONDS < asked <= 3600:
        request.timeout.FromMilliseconds(int(MAX_WAIT_SECONDS * 1000))


_WAIT_JOB = jobs_pb2.DESCRIPTOR.services_by_name["Jobs"].methods_by_name["WaitJob"]
# What is done to requests before the servicer gets them.
_PREPARED: Mapping[str, Callable[[Message], None]] = {_WAIT_JOB.full_name: _cap_wait}
