"""Decoding of photographs, in disposable processes of the server."""

from pullback_server.decoding.decoders import Decoders

__all__ = ["Decoders"]
