"""An evening at the rig: what others do to the session, files that are wrong or slow, a server or a disk that fails."""

from __future__ import annotations

import os
from pathlib import Path

import grpc
import numpy as np
import pytest

from bridging import Killed, Rig, killed, mat73, scores, told
from in_process import POPULATION, Failure, InProcessServer
from pullback_api.v1 import search_pb2
from pullback_client import (
    Client,
    EvolutionSession,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
)
from pullback_client.bridge import SETTLE
from pullback_client.bridge.journal import Journal
from pullback_client.errors import UnavailableError

# The session, in the hands of others


def test_a_session_that_is_closed_elsewhere_ends_the_bridge_in_words(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    rig.steps = [*rig.seconds(1), session.close]
    assert rig.bridge(session).run() == 0
    assert rig.now <= 1 + 2 + 0.2  # it looks every two seconds
    assert rig.lines == [
        "block 0: 4 images",
        rig.waiting(),
        "sessions/1 was closed: nothing more is shown, and no more scores are taken",
    ]
    # Started again, it does not wait for scores of the block either.
    pauses = rig.pauses
    assert rig.bridge(session).run() == 0
    assert rig.pauses == pauses
    assert told(server) == {}


def test_a_session_that_is_paused_elsewhere_is_waited_for_saying_so_once(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    again = [rig.csv, *rig.seconds(2), session.resume]
    rig.steps = [*rig.seconds(3), session.pause, *rig.seconds(3), *again, *rig.seconds(3), lambda: rig.csv(1)]
    session._sleep = rig.sleep  # the pause between two questions whether it goes on
    assert rig.bridge(session).run(blocks=2) == 2
    assert [line for line in rig.lines if "block" not in line or "paused" in line] == [
        "sessions/1 is paused: scores of the block that is shown are taken, and the next block waits for pullback "
        "sessions resume sessions/1",
        "sessions/1 goes on",
    ]
    # What was scored while it was paused counts.
    assert rig.lines.index("sessions/1 goes on") > rig.lines.index("block 0: 4 scores of block000.csv, 4 trials told")
    assert rig.lines.index("sessions/1 goes on") < rig.lines.index("block 1: 4 images")
    assert len(told(server)) == 2 * POPULATION


def test_a_session_that_is_resumed_between_two_questions_goes_on(
    session: EvolutionSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.pause()
    status = session.status
    monkeypatch.setattr(session, "status", lambda: (session.resume(), status())[1])
    batch = session.next_batch()
    assert batch is not None
    assert len(batch) == POPULATION


def test_every_pause_while_a_generation_is_made_is_waited_for(
    client: Client, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.evolving = 3
    session = client.evolve("faces", optimizer="cma", population=POPULATION)
    session.tell(session.ask(), [1.0] * POPULATION)
    status, ask = session.status, session.ask
    monkeypatch.setattr(session, "status", lambda: (session.resume(), status())[1])
    # Somebody pauses it before every second question, and resumes it at once.
    asked: list[int] = []

    def asking(*arguments: object, **options: object) -> object:
        asked.append(len(asked))
        if len(asked) % 2:
            session.pause()
        return ask(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "ask", asking)
    batch = session.next_batch()
    assert batch is not None
    assert len(batch) == POPULATION


@pytest.mark.parametrize("closed", [True, False])
def test_a_session_that_is_closed_while_images_are_scored_ends_well(
    session: EvolutionSession, server: InProcessServer, closed: bool
) -> None:
    def score(image: object) -> float:
        if closed:
            session.close()
        server.failures["Tell"] = Failure(grpc.StatusCode.FAILED_PRECONDITION, "nothing more can be told")
        return 1.0

    if closed:
        status = session.run(score)
        assert (status.state.value, status.trials) == ("closed", 0)
    else:
        with pytest.raises(FailedPreconditionError, match="nothing more can be told"):
            session.run(score)


def test_a_session_that_is_finished_is_told(client: Client, rig: Rig) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=1)
    rig.steps = [rig.csv]
    assert rig.bridge(session).run() == 1
    assert rig.lines[-1] == "sessions/1 has finished"


def test_a_thread_that_cannot_go_on_is_told_once(client: Client, rig: Rig, server: InProcessServer) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, threads=[{}, {}])
    server.lose(1)
    rig.steps = [*rig.seconds(6), rig.csv, *rig.seconds(3), server.wait_for_optimizers, *rig.seconds(12), killed]
    with pytest.raises(Killed):
        rig.bridge(session).run()
    assert [line for line in rig.lines if "cannot" in line] == ["thread 1 cannot go on: its state is damaged"]
    assert "block 1: 4 images" in rig.lines


# Score files that are wrong


@pytest.mark.parametrize("matching", ["strict", "loose"])
@pytest.mark.parametrize("value", ["inf", "-Inf", "1e300", "Infinity"])
def test_a_number_that_is_no_score_is_a_trial_without_one(
    session: EvolutionSession, rig: Rig, server: InProcessServer, matching: str, value: str
) -> None:
    table = f"index,score\n0,1\n1,{value}\n2,3\n3,4\n".encode()
    rig.steps = [lambda: rig.write("block000.csv", table)]
    assert rig.bridge(session, matching=matching).run(blocks=1) == 1
    assert scores(server) == [1, None, 3, 4]
    assert [report.outcome for report in told(server).values()].count(search_pb2.OUTCOME_FAILED) == 1
    expected = f"block000.csv: {rig.images()[1]} has {float(value):g} for a score and counts as failed"
    assert rig.lines.count(expected) == 1
    assert rig.lines[-2:] == [
        "block 0: 3 scores of block000.csv, 4 trials told",
        f"block 0: mean score {8 / 3:.6g} of 3, best 4 ({rig.images()[3]}), failed trials 1",
    ]


def test_an_infinite_channel_is_a_trial_without_a_score(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    values = np.arange(12.0).reshape(4, 3)
    values[2, 1] = np.inf
    rig.steps = [lambda: rig.write("block000.mat", mat73(rig.images(), values))]
    rig.bridge(session).run(blocks=1)
    came = [list(report.channel_values) for _, report in sorted(told(server).items())]
    assert came == [[0, 1, 2], [3, 4, 5], [], [9, 10, 11]]


def test_what_the_server_refuses_is_reported_and_waited_for(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    refusal = Failure(grpc.StatusCode.INVALID_ARGUMENT, "expected 2 channels, but 1 came")

    def answer() -> None:
        server.failures["Tell"] = refusal
        rig.csv()

    rig.steps = [answer, *rig.seconds(5), lambda: rig.csv(names=[*rig.images(), rig.images()[0]])]
    assert rig.bridge(session).run(blocks=1) == 1
    path = rig.folder / "block000.csv"
    line = f"{path}: expected 2 channels, but 1 came; waiting for it to be written anew"
    assert rig.lines.count(line) == 1
    assert len(told(server)) == POPULATION + 1


def test_scores_that_were_told_before_with_others_end_nothing(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    def other() -> None:
        batch = session.ask(request_id=rig_request)
        session.tell(batch, [float(place) for place in range(POPULATION)])
        rig.write("block000.csv", b"index,score\n0,9\n1,9\n2,9\n3,9\n")

    bridge = rig.bridge(session)
    rig_request = bridge._journal.request_id
    rig.steps = [other, *rig.seconds(3), rig.csv]
    assert bridge.run(blocks=1) == 1
    said = "was told before with another score; nothing of this request was written; waiting"
    assert any(said in line for line in rig.lines)
    assert scores(server) == [0, 1, 2, 3]


def test_a_wrong_file_does_not_hide_a_right_one(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    rig.steps = [lambda: rig.csv(names=["stranger"]), *rig.seconds(12)]
    rig.steps += [lambda: rig.write("block000.mat", mat73(rig.images(), np.arange(4.0)[:, None]))]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == [0, 1, 2, 3]


def test_a_wrong_file_is_reported_once_for_each_of_its_versions(session: EvolutionSession, rig: Rig) -> None:
    rig.steps = [
        lambda: rig.csv(names=rig.images()[:2]),
        *rig.seconds(30),
        lambda: rig.csv(names=rig.images()[:3]),
        *rig.seconds(30),
        lambda: rig.write("block000.csv", b"no table"),
        *rig.seconds(30),
        killed,
    ]
    with pytest.raises(Killed):
        rig.bridge(session).run()
    assert len([line for line in rig.lines if "waiting for it to be written anew" in line]) == 3


def test_a_file_that_is_corrected_at_once_is_seen_on_disks_with_coarse_times(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    path = rig.folder / "block000.csv"

    def wrong() -> None:
        names = rig.images()
        rig.csv(names=[names[0].replace("block", "stock"), *names[1:]])
        os.utime(path, ns=(0, 0))

    def right() -> None:
        size = path.stat().st_size
        rig.csv()
        assert path.stat().st_size == size
        os.utime(path, ns=(0, 0))

    rig.steps = [wrong, *rig.seconds(1), right]
    rig.bridge(session, settle=0.5).run(blocks=1)
    assert scores(server) == [0, 1, 2, 3]
    assert len([line for line in rig.lines if "not of this block: stock" in line]) == 1


# Score files that are slow


@pytest.mark.parametrize("matching", ["strict", "loose"])
@pytest.mark.parametrize(("settle", "pause"), [(SETTLE, 8), (20, 15)])
def test_a_table_may_be_appended_to_with_pauses(
    session: EvolutionSession, rig: Rig, server: InProcessServer, matching: str, settle: float, pause: float
) -> None:
    for count in range(POPULATION + 1):
        rig.steps += [lambda count=count: rig.csv(names=rig.images()[:count]), *rig.seconds(pause)]  # type: ignore[misc]
    rig.bridge(session, matching=matching, settle=settle).run(blocks=1)
    assert scores(server) == [0, 1, 2, 3]
    assert [line for line in rig.lines if "block000.csv" in line and line != rig.waiting()] == [
        "block 0: 4 scores of block000.csv, 4 trials told"
    ]
    # As soon as the last row is there, and not after `settle`.
    assert rig.now == pytest.approx(POPULATION * (pause + 0.1) + 0.1 + 0.5, abs=0.25)


@pytest.mark.parametrize("settle", [0.5, 3, 20])
def test_a_table_that_stays_short_is_taken_after_the_settling_time(
    session: EvolutionSession, rig: Rig, server: InProcessServer, settle: float
) -> None:
    rig.steps = [lambda: rig.csv(names=rig.images()[:3])]
    rig.bridge(session, matching="loose", settle=settle).run(blocks=1)
    assert scores(server) == [0, 1, 2, None]
    assert rig.now == pytest.approx(0.1 + settle, abs=0.25)


def test_a_short_mat_may_be_replaced_by_a_whole_one(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    def answer(count: int) -> None:
        rig.write("block000.mat", mat73(rig.images()[:count], np.arange(float(count))[:, None]))

    rig.steps = [lambda: answer(2), *rig.seconds(4), lambda: answer(4)]
    rig.bridge(session, matching="loose").run(blocks=1)
    assert scores(server) == [0, 1, 2, 3]


def test_a_number_that_is_half_written_is_not_taken(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    whole = b"index,score\n0,1\n1,2\n2,3\n3,0.125"
    rig.steps = [lambda: rig.write("block000.csv", whole[:-2]), *rig.seconds(1)]
    # A last line that never ends is taken all the same, within the second or two that a laboratory waits.
    rig.steps += [lambda: rig.write("block000.csv", whole)]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == [1, 2, 3, 0.125]
    assert rig.now <= 1.2 + 2.2


@pytest.mark.parametrize("settle", [0.1, -1, float("nan"), float("inf")])
def test_a_settling_time_must_be_a_time(session: EvolutionSession, rig: Rig, settle: float) -> None:
    with pytest.raises(InvalidArgumentError, match=r"settle must be a number of seconds, 0\.5 or more, got"):
        rig.bridge(session, settle=settle)


# Servers and disks


def test_a_server_that_is_away_is_waited_for(
    session: EvolutionSession, rig: Rig, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = [UnavailableError("no server at there") for _ in range(3)]
    call = session._link.call

    def calling(*arguments: object) -> object:
        if rig.now > 1 and away:
            raise away.pop()
        return call(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(session._link, "call", calling)
    rig.steps = [*rig.seconds(3), rig.csv]
    assert rig.bridge(session).run(blocks=1) == 1
    assert away == []
    assert rig.lines.count("no server at there; trying again until it works") == 1
    assert scores(server) == [0, 1, 2, 3]


@pytest.mark.parametrize("code", ["INTERNAL", "UNKNOWN", "ABORTED", "CANCELLED"])
@pytest.mark.parametrize("method", ["Ask", "GetSession", "GetSessionImage", "ExportSession", "Tell"])
def test_a_server_that_fails_once_ends_no_evening(
    session: EvolutionSession, rig: Rig, server: InProcessServer, code: str, method: str
) -> None:
    pytest.importorskip("scipy.io")
    bridge = rig.bridge(session, naming="ponce")
    server.failures[method] = Failure(grpc.StatusCode[code], "out of luck")
    rig.steps = [*rig.seconds(5), lambda: rig.csv(1)]
    assert bridge.run(blocks=1) == 1
    assert rig.lines.count("out of luck; trying again until it works") == 1
    assert len(server.trials()) == POPULATION


def test_a_server_without_the_method_is_not_waited_for(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    server.failures["Ask"] = Failure(grpc.StatusCode.UNIMPLEMENTED, "no such method")
    with pytest.raises(InternalError, match="has no method Ask"):
        rig.bridge(session).run(blocks=1)


def test_a_journal_that_cannot_be_written_after_a_tell_holds_nothing_up(
    session: EvolutionSession, rig: Rig, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virus scanner holds it; meanwhile the rig changes the scores of the block that was told."""
    locked, save = [True], Journal.save

    def saving(journal: Journal, folder: Path) -> None:
        if locked and not journal.shown:
            locked.clear()
            rig.write("block000.csv", b"index,score\n0,9\n1,9\n2,9\n3,9\n")
            raise PermissionError(13, "held by another process")
        save(journal, folder)

    bridge = rig.bridge(session)
    monkeypatch.setattr(Journal, "save", saving)
    rig.steps = [rig.csv, *rig.seconds(8), lambda: rig.csv(1)]
    assert bridge.run(blocks=2) == 2
    assert scores(server) == [0, 1, 2, 3] * 2
    assert len([line for line in rig.lines if "trials told" in line]) == 2


def test_what_is_skipped_is_said_once_however_often_the_server_is_away(
    session: EvolutionSession, rig: Rig, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, tell = [UnavailableError("nobody there")] * 3, session.tell

    def telling(*arguments: object) -> object:
        if away:
            raise away.pop()
        return tell(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "tell", telling)
    rig.steps = [lambda: rig.csv(names=[*rig.images(), "stranger"])]
    assert rig.bridge(session, matching="loose").run(blocks=1) == 1
    assert rig.lines.count("block000.csv: stranger (line 6) names no image of this block") == 1


def test_trials_that_another_program_told_in_the_meantime_are_left(
    session: EvolutionSession, rig: Rig, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge is killed while it writes images; before it is started again, somebody scores them elsewhere."""
    bridge = rig.bridge(session)
    request_id = bridge._journal.request_id
    with monkeypatch.context() as patch:
        patch.setattr("pullback_client.bridge.bridge._shown", lambda batch, names: killed())
        with pytest.raises(Killed):
            bridge.run()
    session.tell(session.ask(request_id=request_id), [5.0] * POPULATION)
    rig.steps = [lambda: rig.csv(1)]
    assert rig.bridge(session).run(blocks=1) == 1
    assert scores(server) == [5, 5, 5, 5, 0, 1, 2, 3]
    # What was written then is not mixed with the new block.
    assert "what was to be block 0 was shown elsewhere" in rig.lines
    assert len(rig.images(1)) == POPULATION


def test_a_full_disk_is_waited_for(
    session: EvolutionSession, rig: Rig, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pullback_client.files.atomic import write_bytes

    full = True
    bridge = rig.bridge(session)

    def write(path: Path, data: bytes) -> None:
        if full and len(rig.images()) == 2:
            raise OSError(28, os.strerror(28), str(path))
        write_bytes(path, data)

    def tidy() -> None:
        nonlocal full
        full = False

    monkeypatch.setattr("pullback_client.bridge.bridge.write_bytes", write)
    rig.steps = [*rig.seconds(1), tidy, rig.csv]
    assert bridge.run(blocks=1) == 1
    assert len([line for line in rig.lines if "No space left on device" in line]) == 1
    assert len(rig.images()) == POPULATION
    assert len(server.trials()) == POPULATION


def test_a_server_without_room_is_waited_for(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    def answer() -> None:
        server.failures["Tell"] = Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "no room to write")
        rig.csv()

    rig.steps = [answer]
    assert rig.bridge(session).run(blocks=1) == 1
    assert rig.lines.count("no room to write; trying again until it works") == 1
    assert scores(server) == [0, 1, 2, 3]


# Latents


def test_latents_of_images_are_fetched_without_the_trials(session: EvolutionSession, server: InProcessServer) -> None:
    session.run(lambda image: 1.0, generations=3)
    (first, second, *_) = session.history().generations
    wanted = [first.image_ids[2], second.image_ids[0]]
    found = session.latents(wanted)
    assert sorted(found) == sorted(wanted)
    np.testing.assert_array_equal(found[wanted[0]], first.latents[2])
    np.testing.assert_array_equal(found[wanted[1]], second.latents[0])
    calls = len(server.called("ExportSession"))
    assert session.latents([]) == {}
    assert len(server.called("ExportSession")) == calls
    with pytest.raises(NotFoundError, match="has no image reference_grey"):
        session.latents([wanted[0], "reference_grey"])
