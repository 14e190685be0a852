"""HTTP + JSON beside gRPC, in the same process: the same servicers, for callers that have no gRPC.

- `POST /pullback_api.v1.{Service}/{Method}`: every unary method, after the Connect protocol; JSON or protobuf.
- `GET /v1/sessions/{session}/images/{image_id}`, with or without the suffix of the image's format: a session's image.
- `GET /v1/sessions/{session}/images/{signature}/{image_id}`, a trial's `image_path`: the same for whoever has it.
- `GET /healthz`: whether the server serves, and which of its parts are well.

Health and images with a signature are for anybody; all else needs `Authorization: Bearer TOKEN`.

Every answer comes in less than 4 s. Streams are offered by gRPC only.
"""

from pullback_server.http.server import HttpServer

__all__ = ["HttpServer"]
