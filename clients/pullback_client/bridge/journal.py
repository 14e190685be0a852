"""Journal, the bridge's memory: one small JSON file in the folder, there whole or not at all."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pullback_client.bridge.end_requests import Ending
from pullback_client.bridge.layout import JOURNAL
from pullback_client.errors import FailedPreconditionError
from pullback_client.files.atomic import write_json

_FORMAT = "pullback-bridge-1"


@dataclass(frozen=True)
class Shown:
    """A trial whose image lies in the folder: its id, its image's, and its file's name."""

    trial_id: str
    image_id: str
    file: str


@dataclass(frozen=True)
class Journal:
    """What the bridge has done.

    Attributes:
        session: Resource name of the session.
        naming: What files are called.
        block: Number of the block that is shown, or is to be shown next.
        shown: Its trials, in their order; empty where it is not shown yet.
        ending: Whether the block that is shown was ended, and the bridge with it.
        run: A name of this folder's use, so that no other folder's requests are taken for its own.
    """

    session: str
    naming: str
    block: int
    shown: tuple[Shown, ...] = ()
    ending: Ending = ""
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:16])

    @property
    def request_id(self) -> str:
        """The name under which the block is asked for: a bridge that is started again gets the same trials."""
        return f"bridge-{self.run}-{self.block}"

    def save(self, folder: Path) -> None:
        """Writes it into its folder, atomically."""
        write_json(folder / JOURNAL, {"format": _FORMAT} | asdict(self))


def load(folder: Path) -> Journal | None:
    """The journal of a folder; None where there is none.

    Raises:
        FailedPreconditionError: The file is not a journal.
    """
    path = folder / JOURNAL
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if content.pop("format") != _FORMAT:
            raise ValueError("another format")
        shown = tuple(Shown(**trial) for trial in content.pop("shown"))
        return Journal(shown=shown, **content)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FailedPreconditionError(
            f"{path} is not a journal of this version's bridge ({error}): move it away, or use another folder"
        ) from error
