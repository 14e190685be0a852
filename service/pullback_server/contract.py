"""Contract of a server: its services, the names of their methods, and which of them change something."""

from __future__ import annotations

import re

from grpc_health.v1 import health_pb2

from pullback_api.v1 import (
    access_pb2,
    directions_pb2,
    generators_pb2,
    geometry_pb2,
    inversion_pb2,
    jobs_pb2,
    search_pb2,
    server_pb2,
    tunings_pb2,
)

DESCRIPTORS = tuple(
    module.DESCRIPTOR.services_by_name[name]
    for module, name in (
        (generators_pb2, "Generators"),
        (geometry_pb2, "Geometry"),
        (inversion_pb2, "Inversion"),
        (jobs_pb2, "Jobs"),
        (search_pb2, "Search"),
        (directions_pb2, "Directions"),
        (tunings_pb2, "Tunings"),
        (access_pb2, "Access"),
        (server_pb2, "Server"),
    )
)
SERVICES = tuple(service.full_name for service in DESCRIPTORS)
METHODS = tuple(
    f"{service.full_name}/{method.name}"
    for service in (*DESCRIPTORS, health_pb2.DESCRIPTOR.services_by_name["Health"])
    for method in service.methods
)
"""Full names of all methods, and of those of health."""
_READING = re.compile("(Get|List|Watch|Wait|Stream|Export|Sample|Render|Traverse)(?![a-z])")


def only_reads(method: str) -> bool:
    """Whether a method changes nothing, by the contract's naming; one of an unknown kind is taken to change something.

    Args:
        method: Its name, without that of its service.
    """
    return _READING.match(method) is not None
