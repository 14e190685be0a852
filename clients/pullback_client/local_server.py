"""Local server, a process of our own: started on a free port, followed in a log file, stopped in the end."""

from __future__ import annotations

import importlib.util
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from pullback_client.errors import ServerStartError

_READY = re.compile(r"pullback-server listening on (\S+)")
_START_SECONDS = 60.0
_DRAIN_SECONDS = 30.0
_TAIL_LINES = 20


def server_command(*arguments: str) -> list[str]:
    """The command that starts a server with these arguments.

    Raises:
        ServerStartError: The packages that the server needs are not installed.
    """
    _check_installed("the server", "pullback_server", "torch", "sqlalchemy")
    return [sys.executable, "-m", "pullback_server", *arguments]


def keeping_command(*arguments: str) -> list[str]:
    """The command that backs up, restores or checks a server's data with these arguments, on this machine.

    Raises:
        ServerStartError: The packages that the server needs are not installed.
    """
    _check_installed("what reads a server's data", "pullback_server", "torch", "sqlalchemy")
    return [sys.executable, "-m", "pullback_server.keeping", *arguments]


def adding_command(*arguments: str) -> list[str]:
    """The command that adds or checks a generator with these arguments, on this machine.

    Raises:
        ServerStartError: The packages that the library needs are not installed.
    """
    _check_installed("what reads files of weights", "pullback", "torch", "filelock")
    return [sys.executable, "-m", "pullback.generators.adding", *arguments]


def certificates_command(*arguments: str) -> list[str]:
    """The command that makes a laboratory's certificates with these arguments.

    Raises:
        ServerStartError: The package that makes them is not installed.
    """
    _check_installed("what makes certificates", "pullback_server", "cryptography")
    return [sys.executable, "-m", "pullback_server.tls", *arguments]


def become(command: list[str]) -> int:
    """Runs a command in place of this process where there is such a thing, else until it ends; its exit status."""
    if os.name == "posix":
        # So that whoever supervises this process supervises it.
        os.execv(command[0], command)  # noqa: S606  (our own module, no shell)
    try:
        return subprocess.call(command)  # noqa: S603  (our own module, no shell)
    except KeyboardInterrupt:  # it has got it too, and has ended
        return 0


def _check_installed(what: str, *packages: str) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ServerStartError(
            f"{what} needs {', '.join(missing)}, which this Python does not have: pip install 'pullback[service]'"
        )


class LocalServer:
    """A server on a free loopback port, for the length of a `with` block, or from `start` to `stop`.

    Args:
        data: Folder of the server's data.
        log: File that gets everything the server writes.
        arguments: More arguments for the server.

    Attributes:
        target: Its address.
    """

    target: str

    def __init__(self, data: Path, log: Path, arguments: Sequence[str] = ()) -> None:
        self.log = log
        self._command = server_command("--listen", "127.0.0.1:0", "--data", str(data), *arguments)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LocalServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def exit_code(self) -> int | None:
        """The exit code of a server that has ended; None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Starts the server and waits until it serves.

        Raises:
            ServerStartError: It ended, or did not serve within a minute; the message shows its last lines.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        with self.log.open("wb") as log:
            # Apart from our own process group: a Ctrl-C in the terminal is ours, and we then stop the server.
            self._process = subprocess.Popen(  # noqa: S603  (our own module, no shell)
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        try:
            output = self._process.stdout
            assert output is not None  # noqa: S101  (a pipe was asked for)
            threading.Thread(target=self._drain, args=(output, ready), daemon=True).start()
            try:
                target = ready.get(timeout=_START_SECONDS)
            except queue.Empty:
                raise ServerStartError(f"the server did not serve within {_START_SECONDS:g} s\n{self.tail()}") from None
            if target is None:
                code = self._process.wait(_DRAIN_SECONDS)
                raise ServerStartError(f"the server ended with exit code {code} before it served\n{self.tail()}")
        except BaseException:
            self.stop()
            raise
        self.target = target

    def tail(self) -> str:
        """The last lines of the log, and where it is."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n".join([f"the end of {self.log}:", *(f"  {line}" for line in lines or ["(empty)"])])

    def stop(self) -> None:
        """Lets the server finish what it does, and kills it where that takes longer than half a minute."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        # Windows has no SIGTERM that a process could handle; the break event is its nearest relative.
        process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))
        try:
            process.wait(_DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _drain(self, output: BinaryIO, ready: queue.SimpleQueue[str | None]) -> None:
        # Reads to the end, so that the server never blocks on a full pipe.
        with output, self.log.open("ab") as log:
            for line in iter(output.readline, b""):
                log.write(line)
                log.flush()
                if match := _READY.search(line.decode(errors="replace")):
                    ready.put(match[1])
        ready.put(None)
