"""The bridge itself: images into the folder, scores out of it, block after block."""

from __future__ import annotations

import io
import math
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

import grpc
from PIL import Image

from pullback_client.bridge import journal, score_files
from pullback_client.bridge.attention import SessionWatch
from pullback_client.bridge.codes import CodeFiles
from pullback_client.bridge.folder import POLL, SETTLE, SETTLING, ScoreWatch, last_block
from pullback_client.bridge.journal import JOURNAL, Journal, Shown
from pullback_client.bridge.matching import Assignment, Matching, assign
from pullback_client.bridge.naming import NAMINGS, Naming, NamingScheme, stems
from pullback_client.errors import (
    AlreadyExistsError,
    CallCancelledError,
    ClientError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    ResourceExhaustedError,
)
from pullback_client.files import write_bytes
from pullback_client.search.batch import Batch, Trial
from pullback_client.search.session import EvolutionSession

StimulusFile: TypeAlias = Literal["png", "bmp"]

AGAIN = 5.0
"""Seconds after which what failed for want of a server, of room or of the folder is tried again."""

_LASTING = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.DATA_LOSS)  # client and server are of different versions


class Bridge:
    """Runs a session through a folder, as XDream does, so that a rig needs no change.

    Of each block it writes the images, and waits for a score file `block%03d.mat`, `.h5` or `.csv` of the same number;
    a table has a column `image_id` or `index`, and `score`, or `channel_1`, `channel_2` and so on.
    A journal in the folder lets a bridge that is started again go on where it was: no block is shown again, and none is
    told twice.

    Args:
        session: The session.
        folder: The folder; made where there is none.
        naming: What files are called.
        suffix: Format of the images' files.
        matching: How the rows of a score file are matched with images; see `matching.Assignment.results`.
        settle: Seconds without a change after which a score file is taken for finished though it has no row of some
            image, at least `SETTLING`. One that has a row of every image is not waited for.
        report: Called with a line for people about what happens.
        clock: Seconds that only rise.
        sleep: Waits so many seconds.

    Raises:
        FailedPreconditionError: The folder belongs to another session, or a package is missing.
        InvalidArgumentError: `settle` is too short, or no number.
    """

    def __init__(
        self,
        session: EvolutionSession,
        folder: Path,
        *,
        naming: NamingScheme = "xdream",
        suffix: StimulusFile = "png",
        matching: Matching = "strict",
        settle: float = SETTLE,
        report: Callable[[str], None] = lambda line: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session = session
        self._folder = folder
        self._naming: Naming = NAMINGS[naming]
        self._suffix = suffix
        self._matching: Matching = matching
        if not SETTLING <= settle < math.inf:
            raise InvalidArgumentError(f"settle must be a number of seconds, {SETTLING} or more, got {settle}")
        self._settle = settle
        self._report = report
        self._clock = clock
        self._sleep = sleep
        if self._naming.codes:
            score_files.require_extras(".mat")
        folder.mkdir(parents=True, exist_ok=True)
        self._codes = CodeFiles(session, folder)
        self._watch = SessionWatch(session, clock, report)
        self._journal = self._begin(naming)
        self._told = 0

    def run(self, blocks: int | None = None) -> int:
        """Shows and scores blocks until the session is finished or closed, by whomever.

        Nothing that stands in a score file ends it: what cannot be used is reported, left as it is, and waited for.
        While the server is away or fails, a disk is full or the folder cannot be reached, it says so and tries again.

        Args:
            blocks: At most so many; None = no bound.

        Returns:
            How many blocks were told.
        """
        before = self._told
        trouble = ""
        while blocks is None or self._told - before < blocks:
            try:
                if not self._journal.shown and not self._show():
                    break
                if not self._collect():
                    break
            # The journal says how far things are, so every step can be taken again.
            except (OSError, ClientError) as error:
                if not _may_pass(error):
                    raise
                if str(error) != trouble:
                    trouble = str(error)
                    self._report(f"{trouble}; trying again until it works")
                self._sleep(AGAIN)
            else:
                trouble = ""
        return self._told - before

    def _begin(self, naming: NamingScheme) -> Journal:
        known = journal.load(self._folder)
        if known is None:
            # Files of an earlier experiment must not be taken for answers to this one's blocks.
            last = last_block(self._folder)
            begun = Journal(self._session.name, naming, self._naming.first_block if last is None else last + 1)
            begun.save(self._folder)
            return begun
        if (known.session, known.naming) != (self._session.name, naming):
            raise FailedPreconditionError(
                f"{self._folder / JOURNAL} belongs to {known.session} with --naming {known.naming}, not to "
                f"{self._session.name} with --naming {naming}: use another folder"
            )
        return known

    def _show(self) -> bool:
        """Writes the images of the next block; False where there will be none."""
        self._session.wait_for_threads()
        block = self._journal.block
        try:
            batch = self._session.next_batch(
                request_id=self._journal.request_id,
                while_paused=self._watch.note,
                while_leased=self._report,
                raise_failed=False,
            )
        # Before a restart, they were asked for and not shown; their leases ended, and another program told them.
        except AlreadyExistsError:
            self._remember(self._without_request())
            self._report(f"what was to be block {block} was shown elsewhere")
            return self._show()
        if self._watch.closed(at_once=True):
            return False
        if batch is None:
            self._report(f"{self._session.name} has finished")
            return False
        names = [f"{stem}.{self._suffix}" for stem in stems(self._naming, block, batch)]
        if self._naming.codes:
            self._codes.write(block, batch, names)
        for trial, name in zip(batch, names, strict=True):
            path = self._folder / name
            # A file of that name is this image, written before a restart; the rig may have it open.
            if not path.exists():
                write_bytes(path, self._encoded(trial))
        self._remember(replace(self._journal, shown=_shown(batch, names)))
        self._report(f"block {block}: {len(batch)} images")
        return True

    def _collect(self) -> bool:
        """Waits for the scores of the block that is shown, and tells them; False where the session was closed."""
        block = self._journal.block
        watch = ScoreWatch(self._folder, block, self._settle, self._clock, self._report)
        while True:
            for scores, unchanged in watch.look():
                assigned = assign(self._journal.shown, scores, self._matching)
                if unchanged < assigned.patience(self._settle):
                    continue
                try:
                    self._tell(assigned)
                # A file that does not fit; or one that was changed between a bridge's telling it and its end.
                except (InvalidArgumentError, AlreadyExistsError) as error:
                    watch.refuse(scores.path, _about(scores.path, error))
                    continue
                except FailedPreconditionError:
                    if self._watch.closed(at_once=True):
                        return False
                    raise
                return True
            if self._watch.closed():
                return False
            self._sleep(POLL)

    def _tell(self, assigned: Assignment) -> None:
        current, scores = self._journal, assigned.scores
        lines: list[str] = []
        results = assigned.results(self._matching, lines.append)
        outcome = self._session.tell(results)
        # Whether or not it can be written down: what the score file says from now on is no matter any more. A bridge
        # that is stopped before it is written down tells the same again, which counts once.
        self._journal = replace(current, block=current.block + 1, shown=())
        self._told += 1
        valid = sum(result.has_score for result in results)
        late = f", {outcome.late} of them too late to count" if outcome.late else ""
        lines.append(
            f"block {current.block}: {valid} scores of {scores.path.name}, {outcome.recorded} trials told{late}"
        )
        try:
            self._journal.save(self._folder)
        finally:
            for line in lines:
                self._report(line)

    def _without_request(self) -> Journal:
        """The journal with another name for its requests, and a block of which nothing lies in the folder yet."""
        last = last_block(self._folder)
        block = self._journal.block if last is None else max(self._journal.block, last + 1)
        return replace(self._journal, block=block, run=uuid.uuid4().hex[:16])

    def _remember(self, changed: Journal) -> None:
        changed.save(self._folder)
        self._journal = changed

    def _encoded(self, trial: Trial) -> bytes:
        if trial.suffix == f".{self._suffix}":
            return trial.file.data
        buffer = io.BytesIO()
        image: Image.Image = trial.image
        image.save(buffer, format=self._suffix.upper())
        return buffer.getvalue()


def _shown(batch: Batch, names: list[str]) -> tuple[Shown, ...]:
    return tuple(Shown(trial.id, trial.image_id, name) for trial, name in zip(batch, names, strict=True))


def _may_pass(error: OSError | ClientError) -> bool:
    """Whether it may work when it is tried again. Of OSError are UnavailableError and DeadlineExceededError too."""
    if isinstance(error, InternalError):
        return error.code not in _LASTING
    return isinstance(error, OSError | ResourceExhaustedError | CallCancelledError)


def _about(path: Path, error: ClientError) -> str:
    """What is wrong with a file, in one line that names it."""
    text = " ".join(str(error).split())
    return text if str(path) in text else f"{path}: {text}"
