"""Access over gRPC: decided from a call's metadata, before anything of its request is received."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

from pullback_api.tokens import HEADER
from pullback_server.access.access import Access
from pullback_server.access.identity import set_identity
from pullback_server.access.permissions import check_may
from pullback_server.errors import ApiError

OPEN_SERVICE: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
"""What supervisors ask, who need no token."""


class AccessInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Lets in the calls that `access` lets in, and those of `OPEN_SERVICE`; others learn of no method that it exists.

    Args:
        access: Decides.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    async def intercept_service(  # type: ignore[override]  # the stubs forget that there may be no handler
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The method's handler, or one that refuses."""
        if not handler_call_details.method.startswith(f"/{OPEN_SERVICE}/"):
            metadata = handler_call_details.invocation_metadata or ()
            try:
                who = self._access.check([value for name, value in metadata if name == HEADER])
                check_may(who, handler_call_details.method)
            except ApiError as error:
                return _refusal(error)
            set_identity(who)
        return await continuation(handler_call_details)


def _refusal(error: ApiError) -> grpc.RpcMethodHandler[Any, Any]:
    async def refuse(requests: Any, context: Any) -> Any:
        del requests, context
        raise error

    # Of a stream nothing is received that nobody asks for, and gRPC's clients take any answer that is an error.
    return grpc.stream_unary_rpc_method_handler(refuse)
