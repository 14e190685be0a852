"""Image distances that a server compares by."""

from __future__ import annotations

from pullback_api.v1 import geometry_pb2
from pullback_client.catalogue import Distance
from pullback_client.resources.connection import Connection


class DistanceCalls(Connection):
    """The calls of image distances."""

    def list_distances(self) -> list[Distance]:
        """The image distances, the default first.

        A name may say a side where the distance takes one: `lpips-vgg@256` compares images resized to 256 × 256 px.
        """
        request = geometry_pb2.ListDistancesRequest()
        answer = self._transport.call(self._transport.geometry.ListDistances, request)
        return [Distance.from_wire(message) for message in answer.distances]
