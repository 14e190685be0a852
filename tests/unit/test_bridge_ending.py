"""The end of a block before every image has a score, as when the animal stops: nothing that was scored is lost."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from bridging import Killed, Rig, killed, mat73, scores, told
from in_process import POPULATION, InProcessServer
from pullback_api.v1 import search_pb2
from pullback_client import Client, EvolutionSession
from pullback_client.bridge.end_requests import Ending
from pullback_client.bridge.journal import Journal
from pullback_client.cli.bridge.keys import BridgeKeys


def failed(server: InProcessServer) -> int:
    return [report.outcome for report in told(server).values()].count(search_pb2.OUTCOME_FAILED)


@pytest.mark.parametrize("matching", ["strict", "loose"])
@pytest.mark.parametrize("marker", ["end_block", "End_Block.TXT"])
def test_a_marker_ends_the_block_with_what_was_scored(
    session: EvolutionSession, rig: Rig, server: InProcessServer, matching: str, marker: str
) -> None:
    rig.steps = [
        lambda: rig.csv(names=rig.images()[:2]),
        # In strict matching the short table was refused by now.
        *rig.seconds(3),
        lambda: rig.write(marker, b""),
        *rig.seconds(2.5),
        lambda: rig.csv(1, names=rig.images(1)),
    ]
    assert rig.bridge(session, matching=matching).run(blocks=2) == 2
    assert scores(server)[:4] == [0, 1, None, None]
    assert failed(server) == 2
    assert not (rig.folder / marker).exists()
    assert "block 0 ends: images without a score count as failed trials" in rig.lines
    assert "block 0: 2 scores of block000.csv, 4 trials told" in rig.lines
    best = rig.images()[1]
    assert f"block 0: mean score 0.5 of 2, best 1 ({best}), failed trials 2" in rig.lines
    # The session's rule shows them again.
    again = [name.split("_", 2)[2] for name in rig.images(1)]
    assert sorted(again) == sorted(name.split("_", 2)[2] for name in rig.images()[2:])


def test_a_table_that_was_refused_is_taken_once_its_block_is_ended(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    rig.steps = [lambda: rig.csv(names=rig.images()[:3]), *rig.seconds(20), lambda: rig.write("end_block", b"")]
    assert rig.bridge(session).run(blocks=1) == 1
    assert any("without a score" in line for line in rig.lines)
    assert scores(server) == [0, 1, 2, None]


def test_a_block_of_which_nothing_was_scored_ends_in_failed_trials(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    rig.steps = [*rig.seconds(1), lambda: rig.write("end_block", b"")]
    assert rig.bridge(session).run(blocks=1) == 1
    assert scores(server) == [None] * 4
    assert failed(server) == 4
    assert rig.lines[-2:] == ["block 0: no score came, 4 trials told", "block 0: no score, failed trials 4"]
    assert rig.now <= 1.2 + 2.2


def test_a_header_alone_is_no_score(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    rig.steps = [lambda: rig.csv(names=[]), *rig.seconds(30), lambda: rig.write("end_block", b"")]
    assert rig.bridge(session, matching="loose").run(blocks=1) == 1
    # It was waited for until then, and not taken for four failed trials.
    assert rig.now >= 30
    assert len([line for line in rig.lines if "has no row yet" in line]) == 1
    assert failed(server) == 4


@pytest.mark.parametrize("wrong", [b"no table", b"image_id,score\nstranger,1\n", b'image_id,score\n"half'])
def test_a_block_does_not_end_over_a_file_that_cannot_be_used(
    session: EvolutionSession, rig: Rig, server: InProcessServer, wrong: bytes
) -> None:
    def correct() -> None:
        assert told(server) == {}
        rig.csv(names=rig.images()[:1])

    rig.steps = [
        lambda: rig.write("block000.csv", wrong),
        lambda: rig.write("end_block", b""),
        *rig.seconds(20),
        correct,
    ]
    assert rig.bridge(session).run(blocks=1) == 1
    assert len([line for line in rig.lines if line.endswith("waiting for it to be written anew")]) == 1
    assert scores(server) == [0, None, None, None]


def test_a_block_does_not_end_over_scores_in_a_file_of_another_name(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    def rename() -> None:
        assert told(server) == {}
        (rig.folder / "block0.csv").rename(rig.folder / "block000.csv")

    def answer() -> None:
        rig.csv(names=rig.images()[:3])
        (rig.folder / "block000.csv").rename(rig.folder / "block0.csv")

    rig.steps = [answer, *rig.seconds(1), lambda: rig.write("end_block", b""), *rig.seconds(9), rename]
    rig.bridge(session).run(blocks=1)
    # When it came, and when the block was to end.
    assert len([line for line in rig.lines if line.startswith("block0.csv is not read: expected block000.csv")]) == 2
    assert scores(server) == [0, 1, 2, None]


def test_rows_that_are_on_their_way_are_waited_for(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    rig.steps = [
        lambda: rig.csv(names=rig.images()[:1]),
        lambda: rig.write("end_block", b""),
        *rig.seconds(1.5),
        lambda: rig.csv(names=rig.images()[:3]),
    ]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == [0, 1, 2, None]


def test_rows_that_come_after_the_end_are_said_once(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    rig.steps = [
        lambda: rig.csv(names=rig.images()[:1]),
        lambda: rig.write("end_block", b""),
        *rig.seconds(4),
        lambda: rig.csv(names=rig.images()[:3]),
        *rig.seconds(4),
        lambda: rig.csv(1),
    ]
    rig.bridge(session).run(blocks=2)
    line = "block000.csv was written after block 0 was ended: what is new in it stays there, and is not told"
    assert rig.lines.count(line) == 1
    # The three images that had no score were shown again.
    assert scores(server) == [0, None, None, None, 0, 1, 2]


def test_of_two_files_the_one_with_more_scores_is_taken(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    pytest.importorskip("h5py")

    def answer() -> None:
        rig.csv(names=rig.images()[:1])
        rig.write("block000.mat", mat73(rig.images()[:3], np.array([[5.0, 6.0, 7.0]])))
        rig.write("end_block", b"")

    rig.steps = [answer]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == [5, 6, 7, None]


def test_the_bridge_ends_after_a_block_where_that_is_asked(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    rig.steps = [lambda: rig.csv(names=rig.images()[:3]), lambda: rig.write("end_bridge", b"")]
    assert rig.bridge(session).run() == 1
    assert scores(server) == [0, 1, 2, None]
    assert "block 0 ends, and the bridge after it: images without a score count as failed trials" in rig.lines
    assert rig.images(1) == []
    # Started again, it goes on.
    rig.steps = [lambda: rig.csv(1)]
    assert rig.bridge(session).run(blocks=1) == 1


def test_keys_end_blocks_and_the_bridge(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    typed: list[Ending] = []

    def keys() -> Ending:
        return typed.pop() if typed else ""

    rig.steps = [
        lambda: rig.csv(names=rig.images()[:3]),
        lambda: typed.append("block"),
        *rig.seconds(2.5),
        lambda: typed.append("bridge"),
    ]
    assert rig.bridge(session, keys=keys).run() == 2
    assert scores(server) == [0, 1, 2, None, None]


def test_a_marker_of_another_day_ends_no_block(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    rig.folder.mkdir()
    rig.write("end_block", b"")
    rig.steps = [*rig.seconds(5), rig.csv]
    rig.bridge(session).run(blocks=1)
    assert rig.lines[0] == "block 0 was to end before it was shown: not taken"
    assert scores(server) == [0, 1, 2, 3]


@pytest.mark.parametrize("late", [False, True])
def test_a_bridge_that_is_killed_while_a_block_ends_ends_that_block_and_no_other(
    session: EvolutionSession, rig: Rig, server: InProcessServer, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """Before it tells, or after it has told and before it has written that down."""
    save = Journal.save

    def saving(journal: Journal, folder: Path) -> None:
        if late and not journal.shown:
            raise Killed
        save(journal, folder)

    bridge = rig.bridge(session)
    rig.steps = [lambda: rig.csv(names=rig.images()[:3]), lambda: rig.write("end_block", b"")]
    rig.steps += [*rig.seconds(1), killed] if not late else []
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "save", saving)
        with pytest.raises(Killed):
            bridge.run()
    assert json.loads((rig.folder / "pullback-bridge.json").read_text())["ending"] == "block"
    assert not (rig.folder / "end_block").exists()
    rig.steps = [*rig.seconds(10), lambda: rig.csv(1)]
    assert rig.bridge(session).run(blocks=2) == 2
    assert scores(server)[:4] == [0, 1, 2, None]
    assert scores(server)[4:] == [0]


def test_a_marker_that_cannot_be_removed_ends_nothing_yet(
    session: EvolutionSession, rig: Rig, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink, held = Path.unlink, [True, True]

    def unlinking(path: Path, missing_ok: bool = False) -> None:
        if path.name == "end_block" and held:
            held.pop()
            raise PermissionError(13, "held by another process", str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlinking)
    rig.steps = [
        lambda: rig.csv(names=rig.images()[:3]),
        lambda: rig.write("end_block", b""),
        *rig.seconds(9),
        lambda: rig.csv(1),
    ]
    assert rig.bridge(session).run(blocks=2) == 2
    assert held == []
    assert scores(server) == [0, 1, 2, None, 0]


def test_a_journal_of_an_earlier_version_is_read(session: EvolutionSession, rig: Rig) -> None:
    rig.steps = [killed]
    with pytest.raises(Killed):
        rig.bridge(session).run()
    path = rig.folder / "pullback-bridge.json"
    content = json.loads(path.read_text())
    del content["ending"]
    path.write_text(json.dumps(content))
    rig.steps = [rig.csv]
    assert rig.bridge(session).run(blocks=1) == 1


# What a block came to


def test_channels_are_weighed_and_threads_told_apart(client: Client, rig: Rig, server: InProcessServer) -> None:
    grey = np.zeros((16, 16), np.uint8)
    session = client.evolve(
        "faces",
        optimizer="cma",
        population=POPULATION,
        references={"grey": grey},
        threads=[{"channel_weights": [1.0, -1.0]}, {"minimize": True}],
    )

    def answer() -> None:
        rows = ["image_id,channel_2,channel_1"]
        for place, name in enumerate(sorted(rig.images(), key=lambda name: name.split("_", 2)[2])):
            rows.append(f"{name},{place * place},{'nan' if place == 3 else 10 * place}")
        rig.write("block000.csv", "\n".join([*rows, ""]).encode())

    rig.steps = [answer]
    rig.bridge(session).run(blocks=1)
    names = sorted(rig.images(), key=lambda name: name.split("_", 2)[2])
    # The reference, for each thread: (0 + 0) / 2, (10 + 1) / 2; thread 0: 20 - 4, none, 40 - 16, 50 - 25; thread 1:
    # (60 + 36) / 2 and so on.
    assert rig.lines[-3:] == [
        f"block 0: thread 0: mean score {(16 + 24 + 25) / 3:.6g} of 3, best 25 ({names[5]}), failed trials 1",
        f"block 0: thread 1: mean score {(48 + 59.5 + 72 + 85.5) / 4:.6g} of 4, best 48 ({names[6]}), failed trials 0",
        "block 0: references: mean score 2.75 of 2, failed trials 0",
    ]


def test_the_log_has_every_line_and_its_time(session: EvolutionSession, rig: Rig) -> None:
    rig.steps = [rig.csv]
    rig.bridge(session).run(blocks=1)
    lines = (rig.folder / "pullback-bridge.log").read_text("utf-8").splitlines()
    assert [line.partition(" ")[2] for line in lines] == rig.lines
    assert all(len(line.partition(" ")[0]) == len("2026-11-28T22:00:00+00:00") for line in lines)


def test_a_log_that_cannot_be_written_is_told_once(session: EvolutionSession, rig: Rig) -> None:
    (rig.folder / "pullback-bridge.log").mkdir(parents=True)
    rig.steps = [rig.csv]
    assert rig.bridge(session).run(blocks=1) == 1
    assert len([line for line in rig.lines if "pullback-bridge.log cannot be written" in line]) == 1


# Places and names in doubt


@pytest.mark.parametrize("matching", ["strict", "loose"])
@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"index,score\n1,1\n2,2\n3,3\n4,4\n", "this block have index 0 to 3, but the file has index 4 (line 5)"),
        (b"index,score\n1,1\n2,2\n3,3\n", "or rows are counted from 1, and each score is of the image before"),
        (b"index,score\n-1,1\n0,2\n1,3\n2,4\n", "index 0 to 3, but the file has index -1 (line 2)"),
    ],
)
def test_places_that_may_be_counted_from_1_are_told_to_nobody(
    session: EvolutionSession, rig: Rig, server: InProcessServer, matching: str, table: bytes, message: str
) -> None:
    rig.steps = [lambda: rig.write("block000.csv", table), *rig.seconds(30), rig.csv]
    rig.bridge(session, matching=matching).run(blocks=1)
    assert len([line for line in rig.lines if message in line]) == 1
    assert scores(server) == [0, 1, 2, 3]


@pytest.mark.parametrize("matching", ["strict", "loose"])
def test_an_image_that_is_shown_twice_is_not_known_by_its_id(
    client: Client, rig: Rig, server: InProcessServer, matching: str
) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, repetitions=2)

    def answer() -> None:
        rig.csv(names=[*rig.images()[:-1], rig.images()[-1].split("_", 2)[2].removesuffix(".png")])

    rig.steps = [answer, *rig.seconds(12), killed]
    with pytest.raises(Killed):
        rig.bridge(session, matching=matching).run()
    assert any(", which may be block000_" in line for line in rig.lines)


@pytest.mark.parametrize("matching", ["strict", "loose"])
def test_a_label_with_a_point_is_a_name(
    client: Client, rig: Rig, server: InProcessServer, monkeypatch: pytest.MonkeyPatch, matching: str
) -> None:
    # As a server of another version might take it: this one refuses points.
    monkeypatch.setattr("pullback_server.specs.search._LABEL", re.compile(r"[a-z0-9.]+"))
    grey = np.zeros((16, 16), np.uint8)
    session = client.evolve(
        "faces", optimizer="cma", population=POPULATION, references={"grey.1": grey, "grey.2": grey}
    )
    rig.steps = [lambda: rig.csv(names=[name.split("_", 2)[2].removesuffix(".png") for name in rig.images()])]
    rig.bridge(session, matching=matching).run(blocks=1)
    assert scores(server) == [0, 1, 2, 3, 4, 5]


def test_a_hosts_whole_paths_are_names(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    rig.steps = [lambda: rig.csv(names=[rf"C:\stimuli\{name}" for name in rig.images()])]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == [0, 1, 2, 3]


def test_onsets_of_a_table_are_told(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    rig.steps = [lambda: rig.write("block000.csv", b"index,score,t_onset\n0,1,0.5\n1,,1.5\n2,3,\n3,4,2.25\n")]
    rig.bridge(session).run(blocks=1)
    onsets = [report.t_onset if report.HasField("t_onset") else None for _, report in sorted(told(server).items())]
    assert onsets == [0.5, 1.5, None, 2.25]


# Keys in a terminal


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
def test_lines_that_are_typed_in_a_terminal_are_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    monkeypatch.setattr("os.tcgetpgrp", lambda descriptor: os.getpgrp())
    try:
        keys = BridgeKeys(theirs)
        assert keys() == ""
        for typed, expected in [
            (b"e", ""),
            (b"\n", "block"),
            (b"help\n", ""),
            (b" Q \n", "bridge"),
            (b"e\nq\n", "bridge"),
        ]:
            os.write(ours, typed)
            asked = [keys() for _ in range(3)]  # the terminal hands out a line at a time
            assert [each for each in asked if each][-1:] == ([expected] if expected else [])
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
def test_a_bridge_in_the_background_reads_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    monkeypatch.setattr("os.tcgetpgrp", lambda descriptor: os.getpgrp() + 1)
    try:
        keys = BridgeKeys(theirs)
        os.write(ours, b"e\n")
        assert keys() == ""
        monkeypatch.setattr("os.tcgetpgrp", lambda descriptor: os.getpgrp())
        assert keys() == "block"
    finally:
        os.close(ours)
        os.close(theirs)


def test_without_a_terminal_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    keys = BridgeKeys()
    assert not keys.are_read
    assert keys() == ""
