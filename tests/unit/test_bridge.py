"""The folder bridge: a rig that exchanges files, against a service that evolves nothing. No test waits."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest
from PIL import Image

from bridging import Answer, Killed, Rig, killed, mat73, scores, told
from in_process import POPULATION, InProcessServer
from pullback_api.v1 import search_pb2
from pullback_client import Client, EvolutionSession, FailedPreconditionError

# Images


def test_images_are_named_as_xdream_names_them(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    rig.steps = [rig.csv]
    assert rig.bridge(session).run(blocks=1) == 1
    names = rig.images()
    asked = [each.report.image_id for each in server.trials()]
    assert names == [f"block000_{place:03d}_{image_id}.png" for place, image_id in enumerate(asked)]
    assert asked != sorted(asked)
    with Image.open(rig.folder / names[0]) as image:
        assert image.size == (16, 16)


def test_images_are_bitmaps_where_that_is_asked_for(session: EvolutionSession, rig: Rig) -> None:
    rig.steps = [rig.csv]
    rig.bridge(session, suffix="bmp").run(blocks=1)
    assert all(name.endswith(".bmp") for name in rig.images())
    assert (rig.folder / rig.images()[0]).read_bytes().startswith(b"BM")


def test_blocks_follow_each_other_until_the_session_is_finished(client: Client, rig: Rig) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=3)

    def answer(block: int) -> Answer:
        return lambda: rig.csv(block)

    # Six pauses: one for the file to be written, the others until it has settled.
    rig.steps = [step for block in range(3) for step in [answer(block), *[lambda: None] * 5]]
    assert rig.bridge(session).run() == 3
    assert len(rig.images(2)) == POPULATION
    assert session.status().finished
    assert rig.lines[0] == "block 0: 4 images"
    assert rig.lines[1:4] == [
        f"block 0: waiting for the scores of {rig.images()[0]} to {rig.images()[-1]}: block000.csv (image_id or index "
        "0 to 3; score or channel_1, channel_2 …), block000.mat (stimulusID, tEvokedResp) or block000.h5 (scores; "
        "indices)",
        "block 0: 4 scores of block000.csv, 4 trials told",
        f"block 0: mean score 1.5 of 4, best 3 ({rig.images()[3]}), failed trials 0",
    ]


def test_the_images_of_several_threads_are_in_one_block(client: Client, rig: Rig, server: InProcessServer) -> None:
    server.evolving = 2
    session = client.evolve("faces", optimizer="cma", population=POPULATION, threads=[{}, {}])
    rig.steps = [rig.csv]
    rig.bridge(session).run(blocks=1)
    rig.steps = [lambda: rig.csv(1)]
    rig.bridge(session).run(blocks=1)
    for block in (0, 1):
        assert {name.split("_")[2] for name in rig.images(block)} == {"thread000", "thread001"}


# Scores


def test_a_csv_goes_by_image_or_by_place(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    rig.steps = [lambda: rig.csv(names=list(reversed(rig.images())))]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == [3, 2, 1, 0]
    rig.steps = [lambda: rig.write("block001.csv", b"\xef\xbb\xbfindex, score\r\n1,10\r\n0,20\r\n3,\r\n2,NaN\r\n")]
    rig.bridge(session).run(blocks=1)
    assert scores(server)[4:] == [20, 10, None, None]
    assert [report.outcome for report in told(server).values()].count(search_pb2.OUTCOME_FAILED) == 2


def test_a_csv_is_as_excel_writes_it_anywhere(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    table = b"\xef\xbb\xbfIndex ;Score;note\r\n0;0,5;\r\n1;1e3;a, b\r\n2;;\r\n3;-2,25;\r\n;;\r\n\r\n"
    rig.steps = [lambda: rig.write("block000.csv", table)]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == [0.5, 1000, None, -2.25]


@pytest.mark.parametrize("turned", [False, True])
def test_a_mat_of_version_7_3_has_images_and_channels(
    session: EvolutionSession, rig: Rig, server: InProcessServer, turned: bool
) -> None:
    values = np.arange(12.0).reshape(4, 3)

    def answer() -> None:
        ids = [Path(name).stem for name in rig.images()]
        rig.write("block000.mat", mat73(ids, values.T if turned else values))

    rig.steps = [answer]
    rig.bridge(session).run(blocks=1)
    assert [list(report.channel_values) for _, report in sorted(told(server).items())] == values.tolist()


@pytest.mark.parametrize("names", ["channel_1,channel_2", "Channel 1,Channel 2", "t_onset,channel01,channel02"])
def test_a_table_has_a_column_for_each_channel(
    session: EvolutionSession, rig: Rig, server: InProcessServer, names: str
) -> None:
    before = "9.5," if names.startswith("t_onset") else ""
    rows = [f"{place},{before}{2 * place},{2 * place + 1}" for place in range(4)]
    rig.steps = [lambda: rig.write("block000.csv", "\n".join([f"index,{names}", *rows, ""]).encode())]
    rig.bridge(session).run(blocks=1)
    came = [list(report.channel_values) for _, report in sorted(told(server).items())]
    assert came == [[0, 1], [2, 3], [4, 5], [6, 7]]


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_the_images_of_a_mat_may_be_rows_of_characters(
    session: EvolutionSession, rig: Rig, server: InProcessServer, version: str
) -> None:
    scipy_io, h5py = pytest.importorskip("scipy.io"), pytest.importorskip("h5py")

    def answer() -> None:
        # MATLAB pads a char matrix with spaces.
        names = [name.ljust(60) for name in rig.images()]
        values, buffer = np.arange(4.0)[:, None], io.BytesIO()
        if version == "5":
            scipy_io.savemat(buffer, {"stimulusID": np.array(names), "tEvokedResp": values})
        else:
            with h5py.File(buffer, "w") as file:
                file["stimulusID"] = np.array([list(name.encode()) for name in names], np.uint16).T
                file["tEvokedResp"] = values.T
        rig.write("block000.mat", buffer.getvalue())

    rig.steps = [answer]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == [0, 1, 2, 3]


def test_a_mat_of_version_5_has_images_and_channels(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    pytest.importorskip("h5py")

    def answer() -> None:
        ids = np.empty((4, 1), object)
        ids[:, 0] = rig.images()
        content = {"stimulusID": ids, "tEvokedResp": np.array([[1.0], [2.0], [np.nan], [4.0]])}
        buffer = io.BytesIO()
        scipy_io.savemat(buffer, content)
        rig.write("block000.mat", buffer.getvalue())

    rig.steps = [answer]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == [1, 2, None, 4]


@pytest.mark.parametrize("indices", [None, [2, 0, 1, 3]])
def test_an_h5_goes_by_place(
    session: EvolutionSession, rig: Rig, server: InProcessServer, indices: list[int] | None
) -> None:
    h5py = pytest.importorskip("h5py")

    def answer() -> None:
        with h5py.File(rig.folder / "block000.h5", "w") as file:
            file["scores"] = [0.0, 1.0, 2.0, 3.0]
            if indices is not None:
                file["indices"] = indices

    rig.steps = [answer]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == ([0, 1, 2, 3] if indices is None else [1, 2, 0, 3])


def test_a_file_is_read_once_it_has_stopped_growing(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    def grow(names: Callable[[], list[str]]) -> Answer:
        return lambda: rig.csv(names=names())

    # Longer every 0.3 s: at no time has it stood still for half a second before it is whole.
    parts: list[Answer] = [grow(lambda count=count: rig.images()[:count]) for count in range(1, 5)]  # type: ignore[misc]
    rig.steps = [step for part in parts for step in (part, lambda: None, lambda: None)]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == [0, 1, 2, 3]


def test_a_half_written_mat_is_tried_again(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    whole: list[bytes] = []

    def begin() -> None:
        whole.append(mat73(rig.images(), np.arange(4.0)[:, None]))
        rig.write("block000.mat", whole[0][: len(whole[0]) // 2])

    rig.steps = [begin, *[lambda: None] * 150, lambda: rig.write("block000.mat", whole[0])]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == [0, 1, 2, 3]
    assert any("block000.mat cannot be read" in line for line in rig.lines)


def test_foreign_files_are_ignored(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    rig.folder.mkdir()
    for name in ("notes.csv", "Thumbs.db", "block.csv", "block000.csv.tmp", "block0.csv", "myblock000.csv"):
        rig.write(name, b"image_id,score\nx,1\n")
    bridge = rig.bridge(session)
    first = json.loads((rig.folder / "pullback-bridge.json").read_text())["block"]
    rig.steps = [lambda: rig.write("block002.mat", b"of later"), lambda: rig.csv(first)]
    bridge.run(blocks=1)
    assert scores(server) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["block0.csv", "block_000.mat", "block000.xlsx", "Block000.TXT", "block000.hdf5"])
def test_a_score_file_of_another_name_is_said_once(session: EvolutionSession, rig: Rig, name: str) -> None:
    rig.steps = [lambda: rig.write(name, b"0,1\n"), *rig.seconds(5), rig.csv]
    rig.bridge(session).run(blocks=1)
    assert rig.lines.count(f"{name} is not read: expected block000.csv, block000.h5, block000.mat") == 1


def test_a_rig_may_write_names_in_capitals(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    def answer() -> None:
        rig.csv()
        (rig.folder / "block000.csv").rename(rig.folder / "BLOCK000.CSV")

    rig.steps = [answer]
    rig.bridge(session).run(blocks=1)
    assert scores(server) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda names: [*names[:3], "stranger.png"],
            r"not of this block: stranger\.png \(line 5\); without a score: block000_003",
        ),
        (lambda names: names[:3], "without a score: block000_003"),
        (lambda names: [*names[:3], names[3].upper()], "not of this block: BLOCK000_003"),
    ],
)
def test_strict_matching_names_what_does_not_fit_and_waits_for_another_file(
    session: EvolutionSession,
    rig: Rig,
    server: InProcessServer,
    change: Callable[[list[str]], list[str]],
    message: str,
) -> None:
    left: list[bool] = []

    def correct() -> None:
        left.append((rig.folder / "block000.csv").exists() and told(server) == {})
        rig.csv()

    rig.steps = [lambda: rig.csv(names=change(rig.images())), *rig.seconds(30), correct]
    assert rig.bridge(session).run(blocks=1) == 1
    assert left == [True]
    assert scores(server) == [0, 1, 2, 3]
    (line,) = [line for line in rig.lines if re.search(message, line)]
    assert line.endswith("waiting for it to be written anew")


def test_loose_matching_takes_what_it_can(session: EvolutionSession, rig: Rig, server: InProcessServer) -> None:
    def answer() -> None:
        names = rig.images()
        windows = str(PureWindowsPath("C:/stimuli") / names[1].upper().replace(".PNG", ".BMP"))
        rig.csv(names=["stranger.png", windows, Path(names[0]).stem, names[3].split("_", 2)[2]])

    rig.steps = [answer]
    rig.bridge(session, matching="loose").run(blocks=1)
    assert scores(server) == [2, 1, None, 3]
    assert "block000.csv: stranger.png (line 2) names no image of this block" in rig.lines
    assert f"block000.csv: {rig.images()[2]} has no score and counts as failed" in rig.lines


def test_an_image_that_was_shown_again_has_a_trial_more(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    rig.steps = [lambda: rig.csv(names=[*rig.images(), rig.images()[0]])]
    rig.bridge(session).run(blocks=1)
    assert {trial: report.score for trial, report in told(server).items()} == {
        "trial000000": 0,
        "trial000000-2": 4,
        "trial000001": 1,
        "trial000002": 2,
        "trial000003": 3,
    }


# Starting again


def test_a_bridge_that_was_stopped_goes_on_with_its_block(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    rig.steps = [killed]
    with pytest.raises(Killed):
        rig.bridge(session).run()
    names = rig.images()
    times = [os.stat(rig.folder / name).st_mtime_ns for name in names]  # noqa: PTH116
    rig.steps = [rig.csv]
    rig.bridge(session).run(blocks=1)
    assert rig.images() == names
    assert [os.stat(rig.folder / name).st_mtime_ns for name in names] == times  # noqa: PTH116
    assert len(server.called("Ask")) == 1
    assert scores(server) == [0, 1, 2, 3]


def test_a_bridge_that_was_stopped_while_it_wrote_images_writes_the_same(
    session: EvolutionSession, rig: Rig, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = rig.bridge(session)
    written: list[Path] = []

    def write(path: Path, data: bytes) -> None:
        if len(written) == 2:
            raise Killed
        written.append(path)
        path.write_bytes(data)

    with monkeypatch.context() as patch:
        patch.setattr("pullback_client.bridge.bridge.write_bytes", write)
        with pytest.raises(Killed):
            bridge.run()
    rig.steps = [rig.csv]
    rig.bridge(session).run(blocks=1)
    assert len(rig.images()) == POPULATION
    assert len(server.trials()) == POPULATION


def test_a_bridge_that_was_stopped_after_telling_tells_nothing_twice(
    session: EvolutionSession, rig: Rig, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.steps = [rig.csv]
    bridge = rig.bridge(session)
    with monkeypatch.context() as patch:
        patch.setattr("pullback_client.bridge.journal.Journal.save", _save_once)
        with pytest.raises(Killed):
            bridge.run()
    assert len(told(server)) == POPULATION
    rig.bridge(session).run(blocks=1)
    assert len(told(server)) == POPULATION
    assert server.called("Tell")[0] == server.called("Tell")[1]


def _save_once(journal: object, folder: Path) -> None:
    """Saves a journal that has a block's images, and is killed where it would move on to the next block."""
    from pullback_client.bridge.journal import Journal
    from pullback_client.files.atomic import write_json

    assert isinstance(journal, Journal)
    if not journal.shown:
        raise Killed
    shown = [vars(each) for each in journal.shown]
    write_json(folder / "pullback-bridge.json", {"format": "pullback-bridge-1"} | vars(journal) | {"shown": shown})


def test_old_files_of_a_folder_are_not_taken_for_answers(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    rig.folder.mkdir()
    rig.write("block000.csv", b"index,score\n0,1\n1,1\n2,1\n3,1\n")
    rig.write("block007_000_old.png", b"old")
    rig.steps = [lambda: rig.csv(8)]
    rig.bridge(session).run(blocks=1)
    assert len(rig.images(8)) == POPULATION
    assert scores(server) == [0, 1, 2, 3]


def test_a_folder_belongs_to_one_session(client: Client, session: EvolutionSession, rig: Rig) -> None:
    rig.bridge(session)
    with pytest.raises(FailedPreconditionError, match=r"belongs to sessions/1 .* use another folder"):
        rig.bridge(client.evolve("faces", optimizer="cma", population=POPULATION))
    rig.write("pullback-bridge.json", b"{}")
    with pytest.raises(FailedPreconditionError, match="is not a journal of this version's bridge"):
        rig.bridge(session)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("block000.csv", b"", "expected a header with image_id or index, and score"),
        ("block000.csv", b"image,points\na,1\n", "expected a header"),
        ("block000.csv", b"index,score\n0,1\n1\n", "line 3 has not as many cells as the header"),
        ("block000.csv", b"index,score\n0.5,1\n", "0.5 is no place in a block"),
        ("block000.csv", b"index,score\n0,much\n", "'much' in line 2, column score, is no number"),
        ("block000.h5", b"\x89HDF", "cannot be read"),
        ("block000.mat", b"MATLAB 5.0 MAT-file", "cannot be read"),
    ],
)
def test_what_is_no_score_file_is_reported_and_waited_for(
    session: EvolutionSession, rig: Rig, name: str, content: bytes, message: str
) -> None:
    pytest.importorskip("h5py")
    rig.steps = [lambda: rig.write(name, content), *[lambda: None] * 120, killed]
    with pytest.raises(Killed):
        rig.bridge(session).run()
    assert any(message in line and line.endswith("waiting for it to be written anew") for line in rig.lines)


def test_a_missing_package_is_a_clear_error(
    session: EvolutionSession, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    rig.steps = [lambda: rig.write("block000.mat", b"x")]
    with pytest.raises(
        FailedPreconditionError, match=r"need h5py and scipy to be read: pip install 'pullback\[bridge\]'"
    ):
        rig.bridge(session).run()
    with pytest.raises(FailedPreconditionError, match="h5py and scipy"):
        rig.bridge(session, naming="ponce")
