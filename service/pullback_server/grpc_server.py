"""gRPC's server: its options, what a call passes on its way in, and the contract's services."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from pullback_api.v1 import (
    access_pb2_grpc,
    directions_pb2_grpc,
    generators_pb2_grpc,
    geometry_pb2_grpc,
    inversion_pb2_grpc,
    jobs_pb2_grpc,
    search_pb2_grpc,
    server_pb2_grpc,
    tunings_pb2_grpc,
)
from pullback_server.access import OPEN_SERVICE
from pullback_server.contract import SERVICES
from pullback_server.intake.field_limits import MAX_REQUEST_BYTES
from pullback_server.supervision import Health, HealthServicer

_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    # What a call's entrance has not asked for yet waits at the client, not in buffers here that grow with the link.
    ("grpc.http2.bdp_probe", 0),
    # Two servers on one port would share its calls between them.
    ("grpc.so_reuseport", 0),
    # Of one connection: as many as all may have that wait, and calls beside those.
    ("grpc.max_concurrent_streams", 2_500),
    ("grpc.max_allowed_incoming_connections", 1_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    # Who is gone without a word, as by a cable that is pulled, is noticed, and what is kept for them let go.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # A quiet watch is kept alive by the client's pings; by default they would be taken for abuse.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)
# In the order of `contract.DESCRIPTORS`.
_ADD: Sequence[Any] = (
    generators_pb2_grpc.add_GeneratorsServicer_to_server,
    geometry_pb2_grpc.add_GeometryServicer_to_server,
    inversion_pb2_grpc.add_InversionServicer_to_server,
    jobs_pb2_grpc.add_JobsServicer_to_server,
    search_pb2_grpc.add_SearchServicer_to_server,
    directions_pb2_grpc.add_DirectionsServicer_to_server,
    tunings_pb2_grpc.add_TuningsServicer_to_server,
    access_pb2_grpc.add_AccessServicer_to_server,
    server_pb2_grpc.add_ServerServicer_to_server,
)


def build_grpc(
    servicers: Collection[object],
    health: Health,
    interceptors: Sequence[grpc.aio.ServerInterceptor],  # type: ignore[type-arg]
) -> grpc.aio.Server:
    """A server that listens nowhere yet.

    Args:
        servicers: What serves each of `contract.DESCRIPTORS`, in their order.
        health: How the server's parts are.
        interceptors: What a call passes on its way in.
    """
    server = grpc.aio.server(interceptors=interceptors, options=_OPTIONS)
    for add, servicer in zip(_ADD, servicers, strict=True):
        add(servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(HealthServicer(health, SERVICES), server)  # type: ignore[no-untyped-call]
    reflection.enable_server_reflection((*SERVICES, OPEN_SERVICE, reflection.SERVICE_NAME), server)
    return server
