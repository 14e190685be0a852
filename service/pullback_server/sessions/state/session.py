"""Session as its log adds up: apply one event after another, and here it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from pullback_api.v1 import search_pb2
from pullback_server.sessions.state.events import (
    Asked,
    Asking,
    Began,
    EigenbasisProvided,
    Entry,
    GenerationClosed,
    GenerationOpened,
    LeasesExpired,
    LeasesRenewed,
    SessionState,
    ShownAgain,
    StateChanged,
    StoredImage,
    Telling,
    ThreadFailed,
    Told,
    TrialsReclaimed,
)
from pullback_server.sessions.state.generation import MOST_IN_VAIN, Generation
from pullback_server.sessions.state.thread import Thread, ThreadState

REFERENCE = "reference_"


@dataclass(slots=True)
class Trial:
    """A trial: how it was asked, what was told of it, and when.

    Attributes:
        asking: How it was asked; None where a rig numbered it itself.
        ask_time: When it was asked.
        lease_time: Until when it is the asker's, by the clock on the wall; None where it is nobody's.
        client: Name of the client that asked for it last; empty for none.
        telling: What was told of it; None before.
        tell_time: When it was told.
    """

    asking: Asking | None = None
    ask_time: datetime | None = None
    lease_time: datetime | None = None
    client: str = ""
    telling: Telling | None = None
    tell_time: datetime | None = None


class Session:
    """The state of a session: a function of its specification and its events, and of nothing else.

    Attributes:
        spec: What it was asked to be, every default filled in.
        began: How it began; None before its first event.
        state: Where it stands.
        threads: Its evolutions.
        trials: Every trial by its id, in the order of asking or, where never asked, of telling.
        requests: The trials that were asked under each request's name.
        reclaimed: The trials that were taken back under each request's name.
        leased: The trials that are leased, those of closed generations included.
        homes: The thread and the generation in which each image was made.
        told: How many trials were told.
        asked: How many trials were asked.
        sequence: Number of the latest event.
    """

    def __init__(self, spec: search_pb2.SessionSpec, entries: Iterable[Entry] = ()) -> None:
        self.spec = spec
        self.began: Began | None = None
        self.state = SessionState.ACTIVE
        self.threads = [Thread(number, spec) for number in range(len(spec.threads))]
        self.trials: dict[str, Trial] = {}
        self.requests: dict[str, tuple[str, ...]] = {}
        self.reclaimed: dict[str, tuple[str, ...]] = {}
        self.leased: set[str] = set()
        self.homes: dict[str, tuple[int, int]] = {}
        self.told = 0
        self.asked = 0
        self.sequence = 0
        self.create_time: datetime | None = None
        self.update_time: datetime | None = None
        self._lease = spec.lease.ToTimedelta()
        for entry in entries:
            self.apply(entry)

    # What it says ----------------------------------------------------------------------------------------------

    @property
    def references(self) -> dict[str, StoredImage]:
        """The reference images by their ids."""
        return {reference_id(image.label): image for image in (self.began.references if self.began else ())}

    def finished(self, threads: Collection[int] = ()) -> bool:
        """Whether there will be no more trials of some threads, empty = all: each has finished or failed."""
        return self.state == SessionState.CLOSED or all(
            thread.ended for thread in self.threads if not threads or thread.number in threads
        )

    @property
    def pause_reason(self) -> str:
        """Why the session was paused by itself; empty where it was not."""
        if self.state != SessionState.PAUSED:
            return ""
        for thread in self.threads:
            if thread.open is not None and thread.open.in_vain >= MOST_IN_VAIN:
                return (
                    f"the images of generation {thread.open.number} of thread {thread.number} were shown again "
                    f"{thread.open.in_vain} times without a new score: see whether anything is measured, then resume "
                    "the session"
                )
        return ""

    @property
    def evolving(self) -> list[Thread]:
        """The threads whose next generation is to be made."""
        if self.state == SessionState.CLOSED:
            return []
        return [thread for thread in self.threads if thread.state == ThreadState.EVOLVING]

    def generation(self, thread: int, number: int) -> Generation | None:
        """The generation of that number, where it is the thread's open one."""
        if thread < 0:
            return None
        found = self.threads[thread].open
        return found if found is not None and found.number == number else None

    def out(self) -> list[str]:
        """The trials of open generations that were asked and not told, in the order of their ids."""
        names = []
        for name in sorted(self.leased):
            asking = self.trials[name].asking
            if asking is not None and self.generation(asking.thread, asking.generation) is not None:
                names.append(name)
        return names

    def references_of(self, generation: int) -> list[str]:
        """The reference images that are mixed into a generation: so many a generation, in turn."""
        names = list(self.references)
        count = len(names)
        if self.spec.HasField("references_per_generation"):
            count = min(count, self.spec.references_per_generation)
        first = generation * count
        return [names[(first + offset) % len(names)] for offset in range(count)]

    # What happens to it ----------------------------------------------------------------------------------------

    def apply(self, entry: Entry) -> None:
        """Adds the next event of the log."""
        if entry.sequence != self.sequence + 1:
            raise ValueError(f"event {entry.sequence} does not follow event {self.sequence}")
        self.sequence = entry.sequence
        self.update_time = entry.time
        match entry.event:
            case Began():
                self._apply_began(entry.event, entry.time)
            case StateChanged(state):
                self._apply_state(SessionState(state))
            case EigenbasisProvided(number, digest):
                self.threads[number].eigenbasis, self.threads[number].awaited = digest, ""
            case GenerationOpened():
                self._apply_opened(entry.event, entry.time)
            case Asked() | LeasesRenewed() | LeasesExpired() | TrialsReclaimed():
                self._apply_leases(entry.event, entry.time)
            case Told(tellings):
                for telling in tellings:
                    self._apply_told(telling, entry.time)
            case ShownAgain(thread, _):
                self._apply_shown_again(self.threads[thread])
            case GenerationClosed():
                self.threads[entry.event.thread].close_generation(entry.event, entry.time)
            case ThreadFailed(thread):
                self.threads[thread].failed = entry.event

    def _apply_began(self, event: Began, time: datetime) -> None:
        self.began, self.create_time = event, time
        for thread, digest in zip(self.threads, event.eigenbases, strict=False):
            thread.eigenbasis = digest
        for thread, job in zip(self.threads, event.awaited, strict=False):
            thread.awaited = job

    def _apply_state(self, state: SessionState) -> None:
        self.state = state
        if state == SessionState.ACTIVE:
            # Who resumes it has looked.
            for thread in self.threads:
                if thread.open is not None:
                    thread.open.in_vain = 0

    def _apply_opened(self, event: GenerationOpened, time: datetime) -> None:
        for image in event.images:
            self.homes.setdefault(image.image_id, (event.thread, event.generation))
        self.threads[event.thread].open_generation(event, time, self.references_of(event.generation))

    def _apply_leases(self, event: Asked | LeasesRenewed | LeasesExpired | TrialsReclaimed, time: datetime) -> None:
        match event:
            case Asked():
                self._apply_asked(event, time)
            case LeasesRenewed():
                self._apply_renewed(event, time)
            case LeasesExpired(trial_ids):
                self._apply_expired(trial_ids)
            case TrialsReclaimed(request_id, _, trial_ids):
                self._apply_expired(trial_ids)
                if request_id:
                    self.reclaimed[request_id] = trial_ids

    def _apply_asked(self, event: Asked, time: datetime) -> None:
        for asking in event.trials:
            self.trials[asking.trial_id] = Trial(asking, time, time + self._lease, event.client)
            self.leased.add(asking.trial_id)
            self.threads[asking.thread].asked += 1
            if (generation := self.generation(asking.thread, asking.generation)) is not None:
                generation.ask(asking)
        self.asked += len(event.trials)
        if event.request_id:
            self.requests[event.request_id] = tuple(asking.trial_id for asking in event.trials)

    def _apply_renewed(self, event: LeasesRenewed, time: datetime) -> None:
        for name in self.requests[event.request_id]:
            trial = self.trials[name]
            trial.lease_time = time + self._lease
            trial.client = event.client or trial.client
            self.leased.add(name)
            if trial.asking and (generation := self.generation(trial.asking.thread, trial.asking.generation)):
                generation.renew(trial.asking)

    def _apply_expired(self, trial_ids: tuple[str, ...]) -> None:
        for name in trial_ids:
            trial = self.trials[name]
            trial.lease_time = None
            self.leased.discard(name)
            if trial.asking and (generation := self.generation(trial.asking.thread, trial.asking.generation)):
                generation.expire(trial.asking)

    def _apply_told(self, telling: Telling, time: datetime) -> None:
        trial = self.trials.setdefault(telling.report.trial_id, Trial())
        trial.telling, trial.tell_time, trial.lease_time = telling, time, None
        self.leased.discard(telling.report.trial_id)
        self.told += 1
        if telling.thread >= 0 and not telling.reference and telling.report.channel_values:
            self.threads[telling.thread].channels = len(telling.report.channel_values)
        if not telling.late and (generation := self.generation(telling.thread, telling.generation)) is not None:
            generation.tell(telling, asked=trial.asking is not None)

    def _apply_shown_again(self, thread: Thread) -> None:
        if thread.open is None:
            return
        released = {name for showings in thread.open.images.values() for name in showings.leased}
        thread.open.show_again()
        for name in released - {name for showings in thread.open.images.values() for name in showings.leased}:
            self.trials[name].lease_time = None
            self.leased.discard(name)


def reference_id(label: str) -> str:
    """The id of a reference image."""
    return f"{REFERENCE}{label}"


def image_number(image_id: str) -> int:
    """Which image of the generation in which it was made it is: its row among the latents."""
    return int(image_id.rpartition("_")[2])


def image_id_of(thread: int, generation: int, number: int) -> str:
    """The id of the image that was made as that one of a generation."""
    return f"thread{thread:03d}_gen{generation:03d}_{number:06d}"
