"""What every test gets: shape checks on the library, a terminal of one width, and Ctrl-C."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import signal
import tempfile

import psutil
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

# Tables are not wrapped, whatever terminal the tests run in.
os.environ["COLUMNS"] = "200"

# Servers and clients of this process find each other by tokens in a folder of its own: they see neither the user's
# servers nor those of tests in other processes.
os.environ["PULLBACK_TOKEN_FOLDER"] = tempfile.mkdtemp(prefix="pullback-tokens-")
atexit.register(shutil.rmtree, os.environ["PULLBACK_TOKEN_FOLDER"], ignore_errors=True)
os.environ.pop("PULLBACK_TOKEN", None)
# Nor the generators that this user has added, which stand below the folder of a user's data.
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="pullback-data-")
atexit.register(shutil.rmtree, os.environ["XDG_DATA_HOME"], ignore_errors=True)
os.environ.pop("PULLBACK_TOKEN_FILE", None)

# Started in the background by a shell, the tests and all that they start would ignore Ctrl-C, which some of them send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes, or its making, says how busy the machine is, not whether it is right. Everyone's examples
# are the same, so that a change is refused for what it does; `make explore` looks for others.
settings.register_profile("exploring", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("the same", settings.get_profile("exploring"), derandomize=True)
settings.load_profile("the same")

# Must stand before the first import of the library.
install_import_hook("pullback", "beartype.beartype")

# Of one process of the tests, with the servers that it has running.
PROCESS_BYTES = 3 * 2**30


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Two processes a core, where there is memory: a test that waits for a server leaves its core to others."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    cores = os.cpu_count() or 1
    return max(1, min(2 * cores, psutil.virtual_memory().total // PROCESS_BYTES))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Has files that wait for servers, and files that compute, take turns where several processes share the cores."""
    if not hasattr(config, "workerinput"):
        return
    files = list(dict.fromkeys(item.path for item in items))
    waiting = [file for file in files if file.parent.name == "e2e"]
    computing = [file for file in files if file.parent.name != "e2e"]
    # Those that wait take minutes, and are not to be the last ones.
    turns = {file: 0.8 * number / len(waiting) for number, file in enumerate(waiting)}
    turns |= {file: number / len(computing) for number, file in enumerate(computing)}
    items.sort(key=lambda item: turns[item.path])


def pytest_collection_finish() -> None:
    """Tests that collect garbage do not look through all that was imported."""
    gc.collect()
    gc.freeze()
