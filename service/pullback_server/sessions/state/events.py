"""Events of a session: the entries of its log.

An event says what was decided, never what is to be decided: whoever reads the log needs no clock, no random numbers and
no optimizer to know what the session is.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from pullback_server.specs.reports import Report


class SessionState(enum.IntEnum):
    """Where a session stands; the numbers are those of the contract's `SessionState`."""

    ACTIVE = 1
    PAUSED = 2
    CLOSED = 3


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A reference image as it is shown: its label, and the digest and size of its file."""

    label: str
    digest: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image of a generation, where it came from, and how far from the prior it lies.

    Attributes:
        image_id: Its id.
        kind: How it came about.
        parents: Ids of the images it was made of.
        far: Mahalanobis distance of its latent from the prior's mean, and the share of the prior's draws that lie at
            least as far; None in logs of before that was measured.
    """

    image_id: str
    kind: str
    parents: tuple[str, ...] = ()
    far: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """One showing that was asked for."""

    trial_id: str
    image_id: str
    thread: int
    generation: int
    repetition: int
    reference: bool


@dataclass(frozen=True, slots=True)
class Telling:
    """A report and what it counts for.

    Attributes:
        report: What the rig said.
        thread: The thread it belongs to, −1 for none.
        generation: The generation it was asked in or counts for, −1 for none.
        repetition: Which showing of the image in this generation it is.
        reference: Whether a reference image was shown.
        late: Whether the generation was closed before; nothing is counted then.
        outcome: The outcome that counts; another one than reported only in a dry run.
        score: The score that counts, where there is one.
    """

    report: Report
    thread: int
    generation: int
    repetition: int
    reference: bool
    late: bool
    outcome: int
    score: float | None


@dataclass(frozen=True, slots=True)
class ImageScore:
    """What an image's scores became: their aggregate, and its variance where some image had several."""

    image_id: str
    score: float
    variance: float | None = None


@dataclass(frozen=True, slots=True)
class Began:
    """The session was created.

    Attributes:
        version: Version of Pullback.
        weights_hashes: SHA-256 of the generators' weight files, one per thread.
        eigenbases: Digests of the eigenbases' files, one per thread; empty for none, and for one that is yet to be
            computed.
        references: The reference images.
        awaited: Ids of the jobs that compute eigenbases which are yet to come, one per thread; empty for none.
    """

    version: str
    weights_hashes: tuple[str, ...]
    eigenbases: tuple[str, ...]
    references: tuple[StoredImage, ...]
    awaited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The session was paused, resumed or closed."""

    state: int


@dataclass(frozen=True, slots=True)
class EigenbasisProvided:
    """The eigenbasis that a thread waited for is there: the digest of its file."""

    thread: int
    digest: str


@dataclass(frozen=True, slots=True)
class GenerationOpened:
    """A generation can be shown.

    Attributes:
        thread: The thread.
        generation: Its number.
        images: Its images: the new ones first, then those that were carried over.
        latents: Digest of their latents, float32, in the order of `images`.
        optimizer: Digest of the optimizer's state that waits for their scores.
        constants: Digest of what is the same in all the optimizer's states, where that state leaves it out.
    """

    thread: int
    generation: int
    images: tuple[NewImage, ...]
    latents: str
    optimizer: str
    constants: str = ""

    def image(self, image_id: str) -> NewImage:
        """Its image of that id."""
        return next(image for image in self.images if image.image_id == image_id)


@dataclass(frozen=True, slots=True)
class Asked:
    """Trials were leased under a request's name and to a client's, each empty for none."""

    request_id: str
    trials: tuple[Asking, ...]
    client: str = ""


@dataclass(frozen=True, slots=True)
class LeasesRenewed:
    """The request of that name came again: its leases begin anew, to the client that came; empty = as before."""

    request_id: str
    client: str = ""


@dataclass(frozen=True, slots=True)
class LeasesExpired:
    """Trials that were not told in time, or under a rig's own ids: their images can be asked for again."""

    trial_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrialsReclaimed:
    """Trials that were out were taken back: their images can be asked for again.

    Attributes:
        request_id: Name of the request; empty for none.
        client: Whose trials; empty for everybody's.
        trial_ids: The trials; may be none, so that the request takes none when it comes again.
    """

    request_id: str
    client: str
    trial_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """Trials were told."""

    tellings: tuple[Telling, ...]


@dataclass(frozen=True, slots=True)
class ShownAgain:
    """Too few images of a generation have a score: those without are shown again, whatever became of them."""

    thread: int
    generation: int


@dataclass(frozen=True, slots=True)
class GenerationClosed:
    """Every image of a generation is settled: this is what the optimizer is told.

    Attributes:
        thread: The thread.
        generation: Its number.
        scores: The images that have all their scores.
        dropped: Those that are left out.
        carried: Those that go on to the next generation.
    """

    thread: int
    generation: int
    scores: tuple[ImageScore, ...]
    dropped: tuple[str, ...]
    carried: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ThreadFailed:
    """A thread cannot go on: number of a canonical gRPC code, and the reason."""

    thread: int
    code: int
    message: str


Event = (
    Began
    | StateChanged
    | EigenbasisProvided
    | GenerationOpened
    | Asked
    | LeasesRenewed
    | LeasesExpired
    | TrialsReclaimed
    | Told
    | ShownAgain
    | GenerationClosed
    | ThreadFailed
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in the log: its number within the session from 1, and when it happened."""

    sequence: int
    time: datetime
    event: Event
