"""Quotas of keys: what one may have at a time, or a day."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace

from pullback_api.v1 import access_pb2
from pullback_server.errors import Violations


@dataclass(frozen=True)
class Quotas:
    """What a key may have; None for no limit of its own. The fields are those of the contract's `Quotas`."""

    queued_jobs: int | None = None
    running_jobs: int | None = None
    device_seconds: float | None = None
    stored_bytes: float | None = None
    sessions: int | None = None
    streams: int | None = None
    request_bytes: int | None = None

    def over(self, defaults: Quotas) -> Quotas:
        """These, and where there is none that of `defaults`."""
        return replace(defaults, **{name: value for name, value in asdict(self).items() if value is not None})

    def to_text(self) -> str:
        """As the store keeps them."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})

    def to_message(self) -> access_pb2.Quotas:
        """As the contract has them."""
        return access_pb2.Quotas(**asdict(self))


NAMES = tuple(each.name for each in fields(Quotas))
HELP = (
    "queued_jobs, running_jobs, device_seconds (a day, by UTC), stored_bytes, sessions (that are not closed), streams "
    "(calls that wait), request_bytes"
)
_LEAST = {"queued_jobs": 0, "sessions": 0, "running_jobs": 1, "stored_bytes": 1, "streams": 1, "request_bytes": 1024}


def from_text(text: str) -> Quotas:
    """What the store keeps; names that this version does not know are left out."""
    known = json.loads(text) if text else {}
    return Quotas(**{name: value for name, value in known.items() if name in NAMES})


def from_message(message: access_pb2.Quotas, field: str, wrong: Violations) -> Quotas:
    """What a request asks for; what cannot be is noted."""
    found = {name: getattr(message, name) for name in NAMES if message.HasField(name)}
    for name, value in found.items():
        if problem := _problem(name, value):
            wrong.add(f"{field}.{name}", problem)
    return Quotas(**found)


def from_options(texts: Iterable[str]) -> Quotas:
    """The quotas of `NAME=NUMBER` each.

    Raises:
        ValueError: One is none; says what is expected.
    """
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        name = name.strip().replace("-", "_")
        if name not in NAMES:
            raise ValueError(f"--quota: expected NAME=NUMBER with one of {', '.join(NAMES)}, but {text!r} came")
        try:
            value = float(number)
        except ValueError:
            raise ValueError(f"--quota {name}: expected a number, but {number!r} came") from None
        if problem := _problem(name, value):
            raise ValueError(f"--quota {name}: {problem}")
        found[name] = value if name in ("device_seconds", "stored_bytes") else int(value)
    return Quotas(**found)  # type: ignore[arg-type]


def _problem(name: str, value: float) -> str:
    whole = name not in ("device_seconds", "stored_bytes")
    least = _LEAST.get(name)
    if least is None and not 0 < value < float("inf"):
        return f"expected more than 0, but {value:g} came"
    if least is not None and not least <= value < float("inf"):
        return f"expected {least:,} or more, but {value:g} came"
    return f"expected a whole number, but {value:g} came" if whole and value != int(value) else ""
