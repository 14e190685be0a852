"""Waits for trials that somebody asked for and has not told: why there is nothing to show."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from datetime import timedelta

from pullback_client.search.records import SessionStatus, ThreadState

SILENT = 5.0
"""Seconds without anything to show after which it is said why."""


def leases(status: SessionStatus, lease: timedelta, threads: Collection[int] = ()) -> str | None:
    """What is waited for, in a sentence for people; None where no open generation waits for trials that are out.

    Args:
        status: Where the session stands while it has nothing to show.
        lease: How long a trial is its asker's.
        threads: Only of these threads; empty = all.
    """
    lacking = {
        thread.thread: thread.current.images - thread.current.scored - thread.current.dropped - thread.current.carried
        for thread in status.threads
        if thread.state is ThreadState.OPEN and (not threads or thread.thread in threads)
    }
    lacking = {thread: images for thread, images in lacking.items() if images > 0}
    if not lacking:
        return None
    images = sum(lacking.values())
    # Every lease began when something was written, so none ends later; only an earlier server does not say more.
    until = max((each.lease for each in status.pending), default=status.updated + lease).astimezone()
    numbers = ", ".join(map(str, lacking))
    return (
        f"{status.name} has nothing to show: the trials of {images} image{'' if images == 1 else 's'} of thread "
        f"{numbers} were asked for and not told{_askers(status)}. They are shown again when their lease ends, at "
        f"{until:%Y-%m-%d %H:%M:%S} at the latest; telling them, or EvolutionSession.end_generation({numbers}), ends "
        f"the wait. Those of a program that is gone are taken back at once by EvolutionSession.reclaim(client=…) or "
        f"pullback sessions reclaim {status.name} --client NAME"
    )


class Notice:
    """When it is said why there is nothing to show: once, after `SILENT` seconds.

    A generation may be opened between an answer without trials and the status that is looked at then, and look as if
    others had its trials. So what the status says is doubtful until there is still nothing.

    Args:
        clock: Seconds, by a clock that is never set.
        say: Says a sentence.
    """

    def __init__(self, clock: Callable[[], float], say: Callable[[str], None]) -> None:
        self._clock = clock
        self._say = say
        self._said = False
        self.begin()

    def begin(self) -> None:
        """The wait begins, or begins again."""
        self._since = self._clock()
        self._line: str | None = None

    @property
    def doubtful(self) -> bool:
        """Whether a sentence is ready that the next answer without trials confirms."""
        return self._line is not None and not self._said

    def nothing(self, more: bool, find: Callable[[], str | None]) -> None:
        """An answer was without trials.

        Args:
            more: Whether some will come without anybody's doing.
            find: Makes the sentence; None where nobody's trials are waited for.
        """
        if self._line is not None and not self._said:
            self._said = True
            self._say(self._line)
        elif not self._said and not more and self._clock() - self._since >= SILENT:
            self._line = find()


def _askers(status: SessionStatus) -> str:
    """By whom, where the server says it."""
    names = [f"{each.client or 'a client without a name'} ({each.trials})" for each in status.pending]
    return f" by {', '.join(names)}" if names else ""


def say_why_paused(status: SessionStatus, said: set[str], say: Callable[[str], None]) -> None:
    """Says why the server has paused a session; nothing where somebody has, or it was said before.

    Args:
        status: Where the session stands.
        said: The reasons that were said, to which this one is added.
        say: Says a sentence.
    """
    if status.pause_reason and status.pause_reason not in said:
        said.add(status.pause_reason)
        say(f"{status.name} was paused: {status.pause_reason}")


def warn(line: str) -> None:
    """Warns of what is waited for, as a UserWarning."""
    # At who called `next_batch`.
    warnings.warn(line, stacklevel=4)
