"""The server's importers: published files to directions, in processes that a malformed file can only end."""

from __future__ import annotations

import grpc

from pullback_server.errors import ApiError
from pullback_server.processes.disposable import Disposable, Limits, TaskFailedError
from pullback_server.stored_files import StoredFile

_GIB = 1024 * 1024 * 1024
# A file has 64 MiB at most; the largest deformator is turned into a rotation within these.
LIMITS = Limits(processes=1, waiting=8, memory_bytes=3 * _GIB, cpu_seconds=30, wall_seconds=120.0, tasks=20)
# PyTorch's own files are read by its restricted unpickler.
_PICKLED = ("deformator", "hessian_penalty")
_ADVICE = "no sound file of directions does; write it anew, with nothing but what its format asks for"


class Importers:
    """Reads files of directions that came from outside.

    Args:
        disposable: What the reading is done in.
    """

    def __init__(self, disposable: type[Disposable] = Disposable) -> None:
        self._arrays = disposable("pullback_server.importing.tasks", "files of directions", LIMITS)
        self._pickled = disposable("pullback_server.importing.pickled_tasks", "PyTorch files", LIMITS)

    async def close(self) -> None:
        """Ends all processes."""
        await self._arrays.close()
        await self._pickled.close()

    async def read(self, *, spec: bytes, import_format: str, content: bytes, eigenbasis: StoredFile) -> bytes:
        """A serialised `DirectionSet` of a published file, measured by an eigenbasis.

        Args:
            spec: Serialised `DirectionsSpec` of what is imported: generator, space, eigenbasis and layers.
            import_format: What file it is, as the library calls it.
            content: The file.
            eigenbasis: Safetensors file of the eigenbasis by which the directions are measured.

        Raises:
            ApiError: INVALID_ARGUMENT where it is no such file, or takes more time or memory than any, or is so
                malformed that its reader crashes; RESOURCE_EXHAUSTED where too many wait already; DATA_LOSS where the
                eigenbasis is damaged.
        """
        reader = self._pickled if import_format in _PICKLED else self._arrays
        try:
            answer, made = await reader.call({"format": import_format, "eigenbasis": vars(eigenbasis)}, (spec, content))
        except TaskFailedError as error:
            raise ApiError(grpc.StatusCode.INVALID_ARGUMENT, f"reading the file failed: {error}; {_ADVICE}") from None
        if "code" in answer:
            code = next(code for code in grpc.StatusCode if code.value[0] == answer["code"])
            raise ApiError(code, str(answer["message"]))
        (message,) = made
        return message
