"""The Search service without a generator or an optimizer: real gRPC, grey images, latents from a seed.

Deterministic: the session's seed, thread and generation say all. It keeps the contract's promises about ids, leases,
repeated and conflicting tells, repetitions and missing scores in the simplest way.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from google.rpc import status_pb2
from PIL import Image

from fake_server import DIM, FakeServer, _Servicer, pack
from pullback_api.v1 import search_pb2, search_pb2_grpc, values_pb2

POPULATION = 4
"""Images of a generation where nothing is said."""


@dataclass
class Asked:
    """A trial that was asked."""

    trial: search_pb2.Trial
    time: float
    client: str = ""
    reclaimed: bool = False


@dataclass
class FakeThread:
    """A thread of a session; `latents[g]` are those of generation g."""

    number: int
    spec: search_pb2.ThreadSpec
    seed: int
    evolving: int = 0
    """For how many more questions the optimizer is at work."""
    state: Any = search_pb2.THREAD_STATE_OPEN
    latents: list[Any] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    error: status_pb2.Status | None = None

    def fail(self, error: status_pb2.Status) -> None:
        self.state, self.error = search_pb2.THREAD_STATE_FAILED, error

    def open(self) -> None:
        rng = np.random.default_rng([self.seed, self.number, len(self.latents)])
        self.latents.append(rng.standard_normal((self.spec.optimizer.population, DIM)).astype(np.float32))
        self.left_out = set()
        self.state = search_pb2.THREAD_STATE_OPEN

    @property
    def generation(self) -> int:
        return len(self.latents) - 1

    def image_ids(self, generation: int | None = None) -> list[str]:
        generation = self.generation if generation is None else generation
        count = self.spec.optimizer.population
        return [f"thread{self.number:03d}_gen{generation:03d}_{generation * count + n:06d}" for n in range(count)]


class FakeSession:
    """A session and its log."""

    def __init__(self, message: search_pb2.Session, evolving: int) -> None:
        self.message = message
        self.evolving = evolving
        self.events: list[search_pb2.SessionEvent] = []
        self.asked: dict[str, Asked] = {}
        self.answers: dict[str, list[str]] = {}
        self.reclaims: dict[str, list[str]] = {}
        self.told: dict[str, search_pb2.TrialReport] = {}
        self.late: set[str] = set()
        self.closed: dict[tuple[int, int], search_pb2.GenerationSummary] = {}
        self.threads = [FakeThread(n, spec, message.spec.seed) for n, spec in enumerate(message.spec.threads)]
        self.log(state=search_pb2.SESSION_STATE_ACTIVE)
        for thread in self.threads:
            thread.open()
            self.log(generation_opened=self.summary(thread))

    def log(self, **event: Any) -> None:
        self.message.last_sequence += 1
        self.message.update_time.FromSeconds(1_700_000_000 + self.message.last_sequence)
        self.events.append(search_pb2.SessionEvent(sequence=self.message.last_sequence, **event))
        self.events[-1].time.CopyFrom(self.message.update_time)

    def work(self) -> None:
        """The optimizers come a question further."""
        if self.message.state == search_pb2.SESSION_STATE_CLOSED:
            return
        for thread in self.threads:
            if thread.state == search_pb2.THREAD_STATE_EVOLVING:
                thread.evolving -= 1
                if thread.evolving < 0:
                    thread.open()
                    self.log(generation_opened=self.summary(thread))

    def scores(self, image_id: str) -> list[float]:
        """The valid scores of an image."""
        found = []
        for trial, report in self.told.items():
            if report.outcome == search_pb2.OUTCOME_SCORED and self.image_of(trial, report) == image_id:
                found.append(report.score if report.HasField("score") else float(np.mean(report.channel_values)))
        return found

    def image_of(self, trial: str, report: search_pb2.TrialReport) -> str:
        return report.image_id or self.asked[trial].trial.image_id

    def shown(self, image_id: str, generation: int) -> int:
        """How often an image was asked in a generation and not handed back."""
        return sum(
            asked.trial.image_id == image_id
            and asked.trial.generation == generation
            and self.told.get(trial, search_pb2.TrialReport()).outcome != search_pb2.OUTCOME_ABANDONED
            and not self.expired(trial)
            for trial, asked in self.asked.items()
        )

    def expired(self, trial: str) -> bool:
        lease = self.message.spec.lease.ToTimedelta().total_seconds()
        asked = self.asked[trial]
        return trial not in self.told and (asked.reclaimed or time.time() > asked.time + lease)

    def out(self) -> list[str]:
        """Trials of open generations that were asked and not told."""
        return [
            name
            for name, asked in self.asked.items()
            if name not in self.told
            and not self.expired(name)
            and (asked.trial.thread, asked.trial.generation) not in self.closed
        ]

    def pending(self) -> list[search_pb2.ClientTrials]:
        """The same by client."""
        clients = sorted({self.asked[name].client for name in self.out()})
        found = []
        for client in clients:
            times = [self.asked[name].time for name in self.out() if self.asked[name].client == client]
            found.append(search_pb2.ClientTrials(client=client, trials=len(times)))
            found[-1].lease_time.FromSeconds(int(max(times)) + self.message.spec.lease.seconds)
        return found

    def failed(self, image_id: str) -> int:
        return sum(
            report.outcome == search_pb2.OUTCOME_FAILED and self.image_of(trial, report) == image_id
            for trial, report in self.told.items()
        )

    def needed(self, thread: FakeThread) -> list[str]:
        """Images of the open generation that can be asked for, as often as they can."""
        if thread.state != search_pb2.THREAD_STATE_OPEN:
            return []
        repetitions = self.message.spec.scores.repetitions
        found = []
        for image_id in thread.image_ids():
            waiting = self.shown(image_id, thread.generation) - len(self.scores(image_id)) - self.failed(image_id)
            lacking = repetitions - len(self.scores(image_id)) - max(0, waiting)
            found += [image_id] * max(0, lacking if image_id not in thread.left_out else 0)
        references = [f"reference_{reference.label}" for reference in self.message.spec.references]
        found += [each for each in references if not self.shown(each, thread.generation)]
        # Not in their order, as on a rig.
        order = np.random.default_rng([thread.generation, len(found)]).permutation(len(found))
        return [found[place] for place in order]

    def settle(self, thread: FakeThread, *, end: bool = False) -> None:
        """Closes the open generation where every image of it is settled."""
        if thread.state != search_pb2.THREAD_STATE_OPEN:
            return
        options = self.message.spec.scores
        again = options.missing in (search_pb2.MISSING_POLICY_UNSPECIFIED, search_pb2.MISSING_POLICY_SHOW_AGAIN)
        shows = (options.max_shows or 3) if again else 1
        scored = [i for i in thread.image_ids() if len(self.scores(i)) >= options.repetitions]
        thread.left_out = {i for i in thread.image_ids() if i not in scored and (end or self.failed(i) >= shows)}
        if len(scored) < 0.5 * len(thread.image_ids()):
            thread.left_out = set()
        if len(scored) + len(thread.left_out) < len(thread.image_ids()):
            return
        self.closed[thread.number, thread.generation] = self.summary(thread, closed=True)
        self.log(generation_closed=self.closed[thread.number, thread.generation])
        if thread.spec.max_generations and thread.generation + 1 >= thread.spec.max_generations:
            thread.state = search_pb2.THREAD_STATE_FINISHED
        else:
            thread.state, thread.evolving = search_pb2.THREAD_STATE_EVOLVING, self.evolving * (thread.number + 1)

    def summary(self, thread: FakeThread, *, closed: bool = False) -> search_pb2.GenerationSummary:
        if (thread.number, thread.generation) in self.closed:
            return self.closed[thread.number, thread.generation]
        scores = {i: float(np.mean(self.scores(i))) for i in thread.image_ids() if self.scores(i)}
        summary = search_pb2.GenerationSummary(
            thread=thread.number,
            generation=thread.generation,
            images=len(thread.image_ids()),
            scored=len(scores),
            dropped=len(thread.left_out),
            closed=closed,
        )
        if scores:
            best = (min if thread.spec.minimize else max)(scores, key=lambda each: scores[each])
            summary.mean_score, summary.best_score, summary.best_image_id = (
                float(np.mean(list(scores.values()))),
                scores[best],
                best,
            )
        return summary

    def describe(self) -> search_pb2.Session:
        """The session as it stands."""
        del self.message.threads[:]
        for thread in self.threads:
            described = self.message.threads.add(
                thread=thread.number, state=thread.state, current=self.summary(thread), error=thread.error
            )
            bests = [
                s for (number, _), s in self.closed.items() if number == thread.number and s.HasField("best_score")
            ]
            if bests:
                best = (min if thread.spec.minimize else max)(bests, key=lambda each: each.best_score)
                described.best_score, described.best_image_id = best.best_score, best.best_image_id
        self.message.trials = len(self.told)
        del self.message.pending[:]
        self.message.pending.extend(self.pending())
        return self.message

    def image(self, image_id: str) -> values_pb2.Image:
        """A grey image whose shade says which it is."""
        options = self.message.spec.images
        size = (options.width or 16, options.height or 16)
        shade = sum(image_id.encode()) % 256
        buffer = io.BytesIO()
        colour: Any = shade if options.greyscale else (shade, shade, 0)
        Image.new("L" if options.greyscale else "RGB", size, colour).save(buffer, format="PNG")
        return values_pb2.Image(
            data=buffer.getvalue(), format=values_pb2.IMAGE_FORMAT_PNG, width=size[0], height=size[1]
        )


class Search(_Servicer, search_pb2_grpc.SearchServicer):
    """The service."""

    def __init__(self, server: FakeSearchServer) -> None:
        super().__init__(server.state)
        self.server = server
        self.lock = threading.RLock()

    def session(self, name: str, context: grpc.ServicerContext) -> FakeSession:
        found: FakeSession = self.found(self.server.sessions, name, context)
        return found

    def CreateSession(self, request: Any, context: Any) -> Any:
        self.enter("CreateSession", request, context)
        for thread in request.spec.threads:
            self.generator(thread.generator, context)
        if request.validate_only:
            return search_pb2.Session(spec=request.spec)
        key = f"session {request.request_id}"
        if key not in self.state.requests:
            name = f"sessions/{len(self.server.sessions) + 1}"
            message = search_pb2.Session(name=name, state=search_pb2.SESSION_STATE_ACTIVE, version="0.1.0")
            message.spec.CopyFrom(request.spec)
            message.create_time.FromSeconds(1_700_000_000)
            message.spec.scores.repetitions = message.spec.scores.repetitions or 1
            if not message.spec.HasField("lease"):
                message.spec.lease.FromSeconds(600)
            for thread in message.spec.threads:
                thread.space = thread.space or "z"
                thread.optimizer.population = thread.optimizer.population or POPULATION
            message.weights_hashes.extend(["a" * 64] * len(message.spec.threads))
            self.server.files[name] = {f"reference_{r.label}": r.image for r in request.spec.references}
            for reference in message.spec.references:
                reference.ClearField("image")
            self.server.sessions[name] = FakeSession(message, self.server.evolving)
            self.state.requests[key] = name
        return self.server.sessions[self.state.requests[key]].describe()

    def GetSession(self, request: Any, context: Any) -> Any:
        self.enter("GetSession", request, context)
        with self.lock:
            session = self.session(request.name, context)
            described = search_pb2.Session()
            described.CopyFrom(session.describe())
            session.work()
            return described

    def ListSessions(self, request: Any, context: Any) -> Any:
        self.enter("ListSessions", request, context)
        listed = [session.describe() for session in self.server.sessions.values()]
        listed = [each for each in listed if not request.states or each.state in request.states]
        listed = [each for each in listed if matches(each, request.match)]
        return search_pb2.ListSessionsResponse(sessions=listed[::-1][: request.page_size or 100])

    def Ask(self, request: Any, context: Any) -> Any:
        self.enter("Ask", request, context)
        with self.lock:
            session = self.session(request.session, context)
            if session.message.state != search_pb2.SESSION_STATE_ACTIVE:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{request.session} is not active")
            session.work()
            known = session.answers.get(request.request_id)
            if known is None:
                known = self._lease(session, request)
            elif any(trial in session.told for trial in known):
                context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{request.request_id} was used, and told")
            if request.request_id and known:
                session.answers[request.request_id] = known
            return self._answer(session, request, known)

    def _lease(self, session: FakeSession, request: Any) -> list[str]:
        threads = [t for t in session.threads if not request.threads or t.number in request.threads]
        wanted = [(thread, image_id) for thread in threads for image_id in session.needed(thread)]
        count = request.count or len(wanted)
        if request.include_images:
            count = min(count, self.server.images_at_once)
        leased = []
        for thread, image_id in wanted[:count]:
            name = f"trial{len(session.asked):06d}"
            trial = search_pb2.Trial(
                trial_id=name,
                image_id=image_id,
                thread=thread.number,
                generation=thread.generation,
                repetition=session.shown(image_id, thread.generation),
                reference=image_id.startswith("reference_"),
            )
            session.asked[name] = Asked(trial, time.time(), request.client)
            leased.append(name)
        if leased:
            session.log(asked=search_pb2.TrialIds(trial_ids=leased))
        return leased

    def _answer(self, session: FakeSession, request: Any, leased: list[str]) -> search_pb2.AskResponse:
        threads = [t for t in session.threads if not request.threads or t.number in request.threads]
        ended = [t.state in (search_pb2.THREAD_STATE_FINISHED, search_pb2.THREAD_STATE_FAILED) for t in threads]
        answer = search_pb2.AskResponse(
            more=any(session.needed(thread) for thread in session.threads), finished=all(ended)
        )
        if not leased and not answer.finished:
            answer.retry_after_ms = 1
        for name in leased:
            trial = answer.trials.add()
            trial.CopyFrom(session.asked[name].trial)
            trial.lease_time.FromSeconds(int(session.asked[name].time) + 600)
            if request.include_images:
                trial.image.CopyFrom(self._image(session, trial.image_id))
        return answer

    def Tell(self, request: Any, context: Any) -> Any:
        self.enter("Tell", request, context)
        with self.lock:
            session = self.session(request.session, context)
            new = self._new(session, request, context)
            late = 0
            for report in new:
                image_id = session.image_of(report.trial_id, report)
                number = int(image_id[6:9]) if image_id.startswith("thread") else -1
                if number >= 0 and (number, int(image_id[13:16])) in session.closed:
                    late += 1
                    session.late.add(report.trial_id)
                session.told[report.trial_id] = report
            if new:
                session.log(told=search_pb2.TrialIds(trial_ids=[report.trial_id for report in new]))
            for thread in session.threads:
                session.settle(thread, end=thread.number in request.end_generation)
            return search_pb2.TellResponse(
                recorded=len(new),
                repeated_reports=len(request.trials) - len(new),
                late=late,
                threads=session.describe().threads,
            )

    def _new(self, session: FakeSession, request: Any, context: Any) -> list[search_pb2.TrialReport]:
        known = {i for thread in session.threads for g in range(len(thread.latents)) for i in thread.image_ids(g)}
        known |= set(self.server.files[request.session])
        new = []
        for report in request.trials:
            told = session.told.get(report.trial_id)
            if told is not None and told != report:
                context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{report.trial_id} was told before with other content")
            if report.trial_id not in session.asked and report.image_id not in known:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"unknown image {report.image_id!r}")
            if not np.isfinite([report.score, *report.channel_values]).all():
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"the score of {report.trial_id} is not finite")
            if told is None:
                new.append(report)
        return new

    def ReclaimTrials(self, request: Any, context: Any) -> Any:
        self.enter("ReclaimTrials", request, context)
        with self.lock:
            session = self.session(request.session, context)
            if bool(request.client) == request.all_clients:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "either a client or all")
            answers = session.reclaims
            if request.request_id not in answers:
                names = [n for n in session.out() if request.all_clients or session.asked[n].client == request.client]
                if session.message.state == search_pb2.SESSION_STATE_CLOSED:
                    names = []
                for name in names:
                    session.asked[name].reclaimed = True
                session.log()
                answers[request.request_id] = names
            return search_pb2.ReclaimTrialsResponse(trial_ids=answers[request.request_id], pending=session.pending())

    def PauseSession(self, request: Any, context: Any) -> Any:
        return self._change("PauseSession", request, context, search_pb2.SESSION_STATE_PAUSED)

    def ResumeSession(self, request: Any, context: Any) -> Any:
        return self._change("ResumeSession", request, context, search_pb2.SESSION_STATE_ACTIVE)

    def CloseSession(self, request: Any, context: Any) -> Any:
        return self._change("CloseSession", request, context, search_pb2.SESSION_STATE_CLOSED)

    def _change(self, method: str, request: Any, context: Any, state: Any) -> Any:
        self.enter(method, request, context)
        with self.lock:
            session = self.session(request.name, context)
            if session.message.state != state:
                if session.message.state == search_pb2.SESSION_STATE_CLOSED:
                    context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{request.name} is closed")
                session.message.state = state
                session.log(state=state)
            return session.describe()

    def GetSessionImage(self, request: Any, context: Any) -> Any:
        self.enter("GetSessionImage", request, context)
        session = self.session(request.session, context)
        if not request.image_id.startswith(("thread", "reference_")):
            context.abort(grpc.StatusCode.NOT_FOUND, f"no image {request.image_id!r}")
        return self._image(session, request.image_id)

    def _image(self, session: FakeSession, image_id: str) -> values_pb2.Image:
        file = self.server.files[session.message.name].get(image_id)
        if file is None:
            return session.image(image_id)
        return values_pb2.Image(data=file.data, format=values_pb2.IMAGE_FORMAT_PNG)

    def WatchSession(self, request: Any, context: Any) -> Iterator[Any]:
        self.enter("WatchSession", request, context)
        session, after = self.session(request.name, context), request.after_sequence
        while context.is_active():
            with self.lock:
                closed = session.message.state == search_pb2.SESSION_STATE_CLOSED
                events = [event for event in session.events if event.sequence > after]
            for event in events:
                after = event.sequence
                yield event
            if closed:
                return
            time.sleep(0.01)

    def ExportSession(self, request: Any, context: Any) -> Iterator[Any]:
        self.enter("ExportSession", request, context)
        session = self.session(request.name, context)
        yield search_pb2.SessionPiece(session=session.describe())
        for label, image in self.server.files[request.name].items():
            reference = search_pb2.ReferenceImage(label=label.removeprefix("reference_"))
            if request.include_images:
                reference.image.data, reference.image.format = image.data, values_pb2.IMAGE_FORMAT_PNG
            yield search_pb2.SessionPiece(reference=reference)
        for thread in session.threads:
            for number in range(request.first_generation, len(thread.latents)):
                yield search_pb2.SessionPiece(generation=self._record(session, thread, number, request.include_images))
        for trial in [*session.asked, *(trial for trial in session.told if trial not in session.asked)]:
            record = _trial_record(session, trial)
            if record.generation >= request.first_generation or record.thread < 0:
                yield search_pb2.SessionPiece(trial=record)

    def _record(self, session: FakeSession, thread: FakeThread, number: int, images: bool) -> Any:
        ids = thread.image_ids(number)
        scores = [float(np.mean(session.scores(i))) if session.scores(i) else np.nan for i in ids]
        before = thread.image_ids(number - 1)[:2] if number else []
        record = search_pb2.GenerationRecord(
            summary=session.closed.get((thread.number, number), session.summary(thread)),
            image_ids=ids,
            latents=pack(thread.latents[number]),
            scores=pack(scores, "<f8"),
            origins=[search_pb2.Origin(kind="offspring" if number else "initial", parents=before)] * len(ids),
            images=[session.image(i) for i in ids] if images else [],
        )
        record.open_time.FromSeconds(1_700_000_000 + 10 * number)
        if (thread.number, number) in session.closed:
            record.close_time.FromSeconds(1_700_000_009 + 10 * number)
        return record


def matches(session: search_pb2.Session, match: str) -> bool:
    """Whether an id begins so, or the title is it; empty = all."""
    return session.name.removeprefix("sessions/").startswith(match) or session.spec.title == match


def _trial_record(session: FakeSession, name: str) -> search_pb2.TrialRecord:
    report = session.told.get(name, search_pb2.TrialReport(trial_id=name))
    record = search_pb2.TrialRecord(report=report, thread=-1, late=name in session.late)
    if name in session.asked:
        trial = session.asked[name].trial
        record.thread, record.generation, record.repetition = trial.thread, trial.generation, trial.repetition
        record.report.image_id = trial.image_id
        record.ask_time.FromSeconds(1_700_000_000 + trial.generation)
    if name in session.told:
        record.tell_time.FromSeconds(1_700_000_005 + record.generation)
    if record.report.image_id.startswith("reference_") or report.outcome != search_pb2.OUTCOME_SCORED or record.late:
        return record
    if report.HasField("score"):
        record.score = report.score
    elif report.channel_values:
        record.score = float(np.mean(report.channel_values))
    return record


class FakeSearchServer(FakeServer):
    """A fake server with the Search service as well."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, FakeSession] = {}
        self.files: dict[str, dict[str, values_pb2.Image]] = {}
        self.evolving = 0
        """For how many questions the first thread of a new session is at work; its second twice as long."""
        self.images_at_once = 1000
        """How many images are finished at a time."""

    def add_services(self, server: grpc.Server) -> None:
        super().add_services(server)
        search_pb2_grpc.add_SearchServicer_to_server(Search(self), server)
