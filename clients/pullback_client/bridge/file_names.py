"""Names of the files of a block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

from pullback_client.search.batch import Trial
from pullback_client.search.history import REFERENCE

NamingScheme: TypeAlias = Literal["xdream", "ponce"]


class Naming(Protocol):
    """How the images of a block are called."""

    @property
    def first_block(self) -> int:
        """Number of the first block."""
        ...

    @property
    def codes(self) -> bool:
        """Whether each thread of a block has a file of its latents."""
        ...

    def stem(self, block: int, place: int, trial: Trial) -> str:
        """Name of an image's file without its suffix.

        Args:
            block: Number of the block.
            place: Place of the trial in the block, from 0: the order in which to show.
            trial: The trial.
        """
        ...


class XDream(NamedTuple):
    """As XDream: `block003_017_thread000_gen003_000012`: block, place and image."""

    first_block: int = 0
    codes: bool = False

    def stem(self, block: int, place: int, trial: Trial) -> str:
        """See `Naming.stem`."""
        return f"block{block:03d}_{place:03d}_{trial.image_id}"


class Ponce(NamedTuple):
    """As the Ponce laboratory: `block003_thread000_gen_gen002_000057`, with latents in `block003_thread000_code.mat`.

    References are called `block003_thread000_ref_{label}`; an image that is shown again in its block, or a reference of
    two threads, gets `_2`, `_3` and so on. The names do not say in which order to show.
    """

    first_block: int = 1
    codes: bool = True

    def stem(self, block: int, place: int, trial: Trial) -> str:
        """See `Naming.stem`."""
        del place
        start = f"block{block:03d}_thread{trial.thread:03d}"
        if trial.reference:
            return f"{start}_ref_{trial.image_id.removeprefix(REFERENCE)}"
        return f"{start}_gen_{trial.image_id.partition('_')[2]}"


NAMINGS: dict[NamingScheme, Naming] = {"xdream": XDream(), "ponce": Ponce()}


def stems(naming: Naming, block: int, trials: Sequence[Trial]) -> list[str]:
    """Names of a block's files without their suffixes, different also where capitals and small letters are one."""
    found: list[str] = []
    for place, trial in enumerate(trials):
        stem = naming.stem(block, place, trial)
        taken = {each.casefold() for each in found}
        shows, name = 1, stem
        while name.casefold() in taken:
            shows += 1
            name = f"{stem}_{shows}"
        found.append(name)
    return found
