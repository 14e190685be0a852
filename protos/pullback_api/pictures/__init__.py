"""Photographs as people have them: told by their first bytes and decoded once, for the client and the server."""

from pullback_api.pictures.kinds import HEAD_BYTES, FileKind, kind_of, kind_of_file

__all__ = ["HEAD_BYTES", "FileKind", "kind_of", "kind_of_file"]
