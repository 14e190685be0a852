"""Run of the demo: server up, eigenbasis, three inversions, report, server down."""

from __future__ import annotations

import importlib.util
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.console import Console

from pullback_client.client import Client
from pullback_client.demo.report import RUNS, distance_table, figure, phase_table, summary
from pullback_client.eigenbasis.basis import Eigenbasis
from pullback_client.errors import ClientError, FailedPreconditionError, UnavailableError
from pullback_client.files.atomic import write_bytes, write_json
from pullback_client.inversion.result import Inversion
from pullback_client.jobs.progress import Bars
from pullback_client.local_server import LocalServer
from pullback_client.text.printable import a_few

GENERATOR = "faces"

# The astronaut's face in the photograph (left, upper, right, lower), framed as the generator frames its faces: eyes a
# little above the middle, mouth at four fifths.
FACE = (150, 38, 294, 182)
SIZE = (64, 64)


class Clock:
    """Seconds of each phase, in the order of the phases."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Times the block, also where it fails."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] = time.perf_counter() - start


def run_demo(folder: Path, console: Console | None = None) -> None:
    """Computes the eigenbasis, inverts the photograph three times, and writes `inversion.png` and `inversion.json`.

    A second run in the same folder reuses the weights and the eigenbasis. The server is stopped in any case.

    Args:
        folder: Where everything goes: the results, `server.log`, and the server's data in `data/`.
        console: Where bars and tables are shown; None = standard output.

    Raises:
        FailedPreconditionError: Matplotlib or scikit-image is not installed, or the folder has files of somebody else
            under the results' names.
        ServerStartError: The server did not come up.
        ClientError: What else went wrong, with the server's last lines where it ended by itself.
    """
    require_extras()
    written = [folder / name for name in ("inversion.png", "inversion.json")]
    theirs = [file for file in written if file.exists() and not (folder / "data").exists()]
    if theirs:
        # A run of the demo would have left its server's data beside them.
        raise FailedPreconditionError(f"{a_few(theirs)} would be overwritten, and no demo made it: name another --out")
    console = console or Console()
    clock = Clock()
    server = LocalServer(folder / "data", folder / "server.log")
    with _terminable():
        try:
            with clock("server start"):
                server.start()
            basis, results = _compute(server.target, clock, console)
        except UnavailableError as error:
            if (code := server.exit_code) is None:
                raise
            raise ClientError(f"the server ended with exit code {code}\n{server.tail()}", code=error.code) from error
        finally:
            with clock("server stop"):
                server.stop()
    with clock("figure"):
        write_bytes(folder / "inversion.png", figure(results))
    write_json(folder / "inversion.json", summary(results, basis, clock.seconds))
    console.print(distance_table(results))
    console.print(phase_table(clock.seconds))
    console.print(f"wrote {folder / 'inversion.png'} and {folder / 'inversion.json'}", highlight=False, markup=False)
    install = "" if importlib.util.find_spec("nicegui") else "pip install 'pullback[studio]', then "
    console.print(
        f"see it in a browser: {install}pullback serve --data {folder / 'data'} --studio 127.0.0.1:8765",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def load_photograph() -> Image.Image:
    """The astronaut's face from scikit-image's collection, 64 × 64 pixels."""
    from skimage import data  # noqa: PLC0415  (of the `demo` extra)

    astronaut: Callable[[], npt.NDArray[np.uint8]] = data.astronaut
    whole = Image.fromarray(astronaut())
    return whole.crop(FACE).resize(SIZE, Image.Resampling.LANCZOS)


def require_extras() -> None:
    """Raises FailedPreconditionError where a package of the `demo` extra is missing, with what to install."""
    needed = {"matplotlib": "matplotlib", "skimage": "scikit-image"}
    missing = [package for module, package in needed.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise FailedPreconditionError(f"the demo needs {' and '.join(missing)}: pip install 'pullback[service,demo]'")


def _compute(target: str, clock: Clock, console: Console) -> tuple[Eigenbasis, dict[str, Inversion]]:
    photograph = load_photograph()
    results: dict[str, Inversion] = {}
    with Client(target) as client, Bars(console) as bars:
        with clock("eigenbasis"):
            basis = client.compute_eigenbasis(GENERATOR, progress=bars)
        for name, run in RUNS.items():
            with clock(run.title):
                results[name] = client.invert(photograph, GENERATOR, progress=bars, **run.options)
    return basis, results


@contextmanager
def _terminable() -> Iterator[None]:
    """Makes SIGTERM end the block as Ctrl-C does, so that its cleaning up takes place."""
    if threading.current_thread() is not threading.main_thread():  # only that one may set handlers
        yield
        return
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
