"""Bridge between a session and a folder: images into it, scores out of it, block after block."""

from __future__ import annotations

import io
import math
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

import grpc
from PIL import Image

from pullback_client.bridge import analysis_files, journal, layout, score_files
from pullback_client.bridge.attention import SessionWatch
from pullback_client.bridge.codes import CodeFiles
from pullback_client.bridge.end_requests import Ending, EndRequests
from pullback_client.bridge.file_names import NAMINGS, Naming, NamingScheme, stems
from pullback_client.bridge.folder import POLL, SETTLE, SETTLING, Candidate, LateScores, ScoreWatch, last_block
from pullback_client.bridge.journal import Journal, Shown
from pullback_client.bridge.log import Log
from pullback_client.bridge.row_matches import ENDING, Assignment, Matching, assign
from pullback_client.bridge.score_files.scores import MatrixRows
from pullback_client.bridge.summary import summary
from pullback_client.errors import (
    AlreadyExistsError,
    CallCancelledError,
    ClientError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    ResourceExhaustedError,
)
from pullback_client.files.atomic import write_bytes
from pullback_client.search.batch import Batch, Trial
from pullback_client.search.session import EvolutionSession

StimulusFile: TypeAlias = Literal["png", "bmp"]

AGAIN = 5.0
"""Seconds after which what failed for want of a server, of room or of the folder is tried again."""

_LASTING = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.DATA_LOSS)  # client and server are of different versions


class Bridge:
    """Runs a session through a folder, as XDream does, so that a rig needs no change.

    Of each block it writes the images, and waits for a score file `block%03d.mat`, `.h5` or `.csv` of the same number;
    `layout` says what is in them, and what else is written. A file that can be understood in two ways is refused.
    A block can be ended before every image has a score, by a marker file or a key: the others count as failed trials.
    A journal in the folder lets a bridge that is started again go on where it was: no block is shown again, and none is
    told twice.

    Args:
        session: The session.
        folder: The folder; made where there is none.
        naming: What files are called.
        suffix: Format of the images' files.
        matching: How the rows of a score file are matched with images; see `matching.Assignment.results`.
        rows: What the rows of score files' matrices are, as MATLAB shows them (of .h5, as HDF5 counts dimensions);
            None = their shape decides, and one with as many images as channels is refused.
        settle: Seconds without a change after which a score file is taken for finished though it has no row of some
            image, at least `SETTLING`. One that has a row of every image is not waited for.
        report: Called with a line for people about what happens; the log in the folder has the same.
        keys: What keys have asked to end since it was last called.
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
        rows: MatrixRows | None = None,
        settle: float = SETTLE,
        report: Callable[[str], None] = lambda line: None,
        keys: Callable[[], Ending] = lambda: "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session = session
        self._folder = folder
        self._naming: Naming = NAMINGS[naming]
        self._suffix = suffix
        self._matching: Matching = matching
        self._rows: MatrixRows | None = rows
        if not SETTLING <= settle < math.inf:
            raise InvalidArgumentError(f"settle must be a number of seconds, {SETTLING} or more, got {settle}")
        self._settle = settle
        self._clock = clock
        self._sleep = sleep
        if self._naming.codes:
            score_files.require_extras(".mat")
        folder.mkdir(parents=True, exist_ok=True)
        self._report = Log(folder, report)
        self._ends = EndRequests(folder, keys)
        self._codes = CodeFiles(session, folder)
        self._watch = SessionWatch(session, clock, self._report)
        self._journal = self._begin(naming)
        self._told = 0
        self._ended = False
        self._waiting: int | None = None
        self._late: LateScores | None = None

    def run(self, blocks: int | None = None) -> int:
        """Shows and scores blocks until the session is finished or closed, by whomever, or the bridge is asked to end.

        Nothing that stands in a score file ends it: what cannot be used is reported, left as it is, and waited for.
        While the server is away or fails, a disk is full or the folder cannot be reached, it says so and tries again.

        Args:
            blocks: At most so many; None = no bound.

        Returns:
            How many blocks were told.
        """
        before = self._told
        trouble = ""
        self._ended = False
        while not self._ended and (blocks is None or self._told - before < blocks):
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
        self._leave()
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
                f"{self._folder / layout.JOURNAL} belongs to {known.session} with naming {known.naming!r}, not to "
                f"{self._session.name} with naming {naming!r}: use another folder"
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
            if not (self._folder / layout.SPACE_OPTS).exists():
                analysis_files.write_space_opts(self._folder, self._session.last_status)
        for trial, name in zip(batch, names, strict=True):
            path = self._folder / name
            # A file of that name is this image, written before a restart; the rig may have it open.
            if not path.exists():
                write_bytes(path, self._encoded(trial))
        if self._ends.look():
            # They were for the block before, or are from another day.
            self._ends.taken()
            self._report(f"block {block} was to end before it was shown: not taken")
        self._remember(replace(self._journal, shown=_shown(batch, names)))
        self._report(f"block {block}: {len(batch)} images")
        return True

    def _collect(self) -> bool:
        """Waits for the scores of the block that is shown, and tells them; False where the session was closed."""
        block, files = self._journal.block, [shown.file for shown in self._journal.shown]
        reading = score_files.Reading(len(files), self._rows)
        watch = ScoreWatch(self._folder, block, reading, self._settle, self._clock, self._report)
        if self._waiting != block:
            self._waiting = block
            self._report(f"block {block}: {layout.expected(block, files)}")
        since = self._clock()
        while True:
            if self._end_is_asked():
                since = self._clock()
                watch.forgive()
            self._say_what_is_late()
            candidates = watch.look()
            if self._journal.ending and not watch.lying and self._clock() - since >= ENDING:
                # Not a row was written.
                candidates = [Candidate(score_files.nothing(self._folder / f"block{block:03d}.csv"), ENDING)]
            told = self._take(watch, candidates)
            if told is not None:
                return told
            if self._watch.closed():
                return False
            self._sleep(POLL)

    def _say_what_is_late(self) -> None:
        for path in [] if self._late is None else self._late.written():
            self._report(
                f"{path.name} was written after block {self._journal.block - 1} was ended: what is new in it stays "
                "there, and is not told"
            )

    def _end_is_asked(self) -> bool:
        """Whether somebody asks now to end the block that is shown, which the journal then knows."""
        asked = self._ends.look()
        if not asked:
            return False
        if self._journal.ending != "bridge":
            self._remember(replace(self._journal, ending=asked))
        # Before anything is told, since a marker that is left would end the next block as well.
        self._ends.taken()
        after = ", and the bridge after it" if self._journal.ending == "bridge" else ""
        self._report(f"block {self._journal.block} ends{after}: images without a score count as failed trials")
        return True

    def _take(self, watch: ScoreWatch, candidates: Sequence[Candidate]) -> bool | None:
        """Tells the first score file that can be told; None where there is none, False where the session was closed."""
        ended = bool(self._journal.ending)
        assigned = [(assign(self._journal.shown, each.scores, self._matching), each.unchanged) for each in candidates]
        # Of a block that is ended, the file that lost the least.
        for each, unchanged in sorted(assigned, key=lambda pair: len(pair[0].missing)):
            if unchanged < each.patience(self._settle, ended=ended):
                continue
            try:
                self._tell(each)
            # A file that does not fit; or one that was changed between a bridge's telling it and its end.
            except (InvalidArgumentError, AlreadyExistsError) as error:
                watch.refuse(each.scores.path, _about(each.scores.path, error))
                continue
            except FailedPreconditionError:
                if self._watch.closed(at_once=True):
                    return False
                raise
            return True
        return None

    def _tell(self, assigned: Assignment) -> None:
        current, scores = self._journal, assigned.scores
        lines: list[str] = []
        results = assigned.results(self._matching, lines.append, ended=bool(current.ending))
        late = LateScores(self._folder, current.block) if current.ending else None
        outcome = self._session.tell(results)
        # Whether or not it can be written down: what the score file says from now on is no matter any more. A bridge
        # that is stopped before it is written down tells the same again, which counts once.
        self._journal = replace(current, block=current.block + 1, shown=(), ending="")
        self._told += 1
        self._late = late
        self._ended = current.ending == "bridge"
        valid = sum(result.has_score for result in results)
        too_late = f", {outcome.late} of them too late to count" if outcome.late else ""
        came = f"{valid} scores of {scores.path.name}" if scores.values.size else "no score came"
        lines.append(f"block {current.block}: {came}, {outcome.recorded} trials told{too_late}")
        said = summary(current.shown, results, self._session.last_status.settings["threads"])
        lines += [f"block {current.block}: {line}" for line in said]
        try:
            self._journal.save(self._folder)
        finally:
            for line in lines:
                self._report(line)

    def _leave(self) -> None:
        """Writes what is written once the bridge ends. It can be fetched later, too, so no trouble with it is one."""
        if not self._naming.codes:
            return
        try:
            analysis_files.write_scores_record(self._folder, self._session.history())
        except (OSError, ClientError) as error:
            self._report(f"{layout.SCORES_RECORD} was not written: {error}; pullback export writes the scores, too")

    def _without_request(self) -> Journal:
        """The journal with another name for its requests, and a block of which nothing lies in the folder yet."""
        last = last_block(self._folder)
        block = self._journal.block if last is None else max(self._journal.block, last + 1)
        return replace(self._journal, block=block, run=uuid.uuid4().hex[:16])

    def _remember(self, changed: Journal) -> None:
        changed.save(self._folder)
        self._journal = changed

    def _encoded(self, trial: Trial) -> bytes:
        if trial.sound is not None:
            raise InvalidArgumentError(
                f"a rig's folder takes images, but {trial.image_id} is a sound: take part in this session from Python, "
                "with Client.get_session"
            )
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
