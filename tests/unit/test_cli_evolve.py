"""`pullback evolve`, `sessions`, `export` and `bridge` against the real server."""

from __future__ import annotations

import csv
import importlib
import io
import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import pullback_client.cli.search.evolve
from cases import CASES
from commands import Run
from in_process import POPULATION, InProcessServer
from pullback_api.v1 import search_pb2, values_pb2
from pullback_client import Client, EvolutionSession
from pullback_client.cli.search.course import sparkline
from pullback_client.search.export import FOLDER_FILES

# The package has the function of that name.
bridge_command = importlib.import_module("pullback_client.cli.bridge.command")

SCORES = """
def red(image):
    return float(image.convert("RGB").getpixel((0, 0))[0])

def exposed(image):
    raise RuntimeError("no [camera]")

def broken(image):
    return exposed(image.resize((2, 2)))

def elsewhere(image):
    return image.resize("large")

def endless(image):
    return float("inf")

def two(image, gain):
    return gain

async def later(image):
    return 1
"""


@pytest.fixture
def score(tmp_path: Path) -> str:
    """A score function as a command line names it."""
    (tmp_path / "scores.py").write_text(SCORES)
    return f"{tmp_path / 'scores.py'}:red"


def damage(server: InProcessServer, session: EvolutionSession) -> None:
    """Has the first thread of a session fail."""
    server.wait_for_optimizers(session.name)
    server.lose(0)
    batch = session.ask(threads=[0])
    session.tell(batch, [1.0] * len(batch))
    server.wait_for_optimizers(session.name)
    server.bench.lost.clear()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Evolving


def test_images_are_evolved_for_a_function(run: Run, score: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(
        "evolve",
        "faces",
        "--optimizer",
        "cma",
        "--population",
        POPULATION,
        "--score",
        score,
        "--generations",
        3,
        "--out",
        out,
    )
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0] == "sessions/1 has begun"
    assert [line.partition(":")[0] for line in lines[1:4]] == [f"thread 0, generation {n}" for n in range(3)]
    assert lines[1].endswith(f"({POPULATION} of {POPULATION} images scored)")
    written = {"best.png", "live.png", "curve.csv", "curve.png"} | set(FOLDER_FILES)
    assert names(out) == sorted(written)
    assert f"wrote {len(written)} files into {out}" in result.out
    with Image.open(out / "best.png") as image:
        best = image.getpixel((0, 0))
    assert isinstance(best, tuple)
    assert f"best {best[0]}" in result.out


def test_a_session_is_gone_on_with(run: Run, score: str, server: InProcessServer) -> None:
    run("evolve", "faces", "--optimizer", "cma", "--population", POPULATION, "--score", score, "--generations", 1)
    result = run("evolve", "--session", 1, "--score", score, "--generations", 2)
    assert result.code == 0
    assert "thread 0, generation 1: mean" in result.out
    assert len(server.sessions) == 1


def test_a_function_of_a_module_of_the_working_directory_will_do(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_scores.py").write_text(SCORES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    result = run(
        "evolve",
        "faces",
        "--optimizer",
        "cma",
        "--population",
        POPULATION,
        "--score",
        "my_scores:red",
        "--generations",
        1,
    )
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("red", "--score must be module:function or file.py:function, got 'red'"),
        ("nowhere.py:red", "no such file: nowhere.py"),
        ("nowhere_at_all:red", "no module 'nowhere_at_all'"),
        ("{folder}/scores.py:green", "has no function 'green'; known: red, exposed, broken"),
        ("{folder}/scores.py:rod", "has no function 'rod'; did you mean 'red'?; known: red, exposed, broken"),
        ("{folder}/scores.py", "name the function in it, such as {folder}/scores.py:score"),
        ("{folder}/evening.ipynb:score", "evening.ipynb is a notebook"),
        ("{folder}/scores.py:two", "scores.py:two takes (image, gain), but is called with the image alone"),
        ("{folder}/scores.py:later", "scores.py:later is an async function"),
    ],
)
def test_a_score_that_cannot_be_found_begins_no_session(
    run: Run, server: InProcessServer, score: str, tmp_path: Path, text: str, message: str
) -> None:
    result = run("evolve", "faces", "--score", text.format(folder=tmp_path))
    assert result.code == 1
    assert message.format(folder=tmp_path) in result.err
    assert server.sessions == {}


HOW_TO_GO_ON = """
sessions/1 stays on the server, with every score that was told.
  watch it:      pullback evolve --session sessions/1
  go on with it: pullback evolve --session sessions/1 --score MODULE:FUNCTION
  its data:      pullback export sessions/1 FILE
  end it:        pullback sessions close sessions/1
"""


def test_an_error_of_the_function_says_how_to_go_on_and_where_in_its_file_it_was(run: Run, score: str) -> None:
    file = score.removesuffix(":red")
    result = run("evolve", "faces", "--optimizer", "cma", "--population", POPULATION, "--score", f"{file}:broken")
    assert result.code == 1
    assert result.err.startswith(HOW_TO_GO_ON)
    # From Python 3.11 on, a line may have marks below it.
    lines = [line for line in result.err.removeprefix(HOW_TO_GO_ON).splitlines() if line.strip(" ^~")]
    assert lines == [
        "error: --score: RuntimeError: no [camera]",
        f'  File "{file}", line 9, in broken',
        "    return exposed(image.resize((2, 2)))",
        f'  File "{file}", line 6, in exposed',
        '    raise RuntimeError("no [camera]")',
    ]
    assert run("evolve", "--session", 1, "--score", score, "--generations", 1).code == 0


def test_of_an_error_in_a_package_that_the_function_calls_its_own_line_is_shown(run: Run, score: str) -> None:
    file = score.removesuffix(":red")
    result = run("evolve", "faces", "--optimizer", "cma", "--population", POPULATION, "--score", f"{file}:elsewhere")
    assert result.code == 1
    assert result.err.count("  File ") == 1
    assert f'  File "{file}", line 12, in elsewhere' in result.err


def test_a_score_that_cannot_be_told_says_how_to_go_on_too(run: Run, score: str) -> None:
    result = run(
        "evolve",
        "faces",
        "--optimizer",
        "cma",
        "--population",
        POPULATION,
        "--score",
        score.replace(":red", ":endless"),
    )
    assert result.code == 1
    assert result.err.startswith(HOW_TO_GO_ON)
    assert "error: the score of trial000000 is infinite" in result.err
    assert "Traceback" not in result.err


def test_a_wait_for_what_others_have_asked_for_is_explained(
    run: Run, score: str, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pullback_client.search.waits.SILENT", 0.0)
    say = pullback_client.cli.search.evolve.warn
    with Client(server.target) as client:
        session = client.evolve("faces", optimizer="cma", population=POPULATION)
        session.tell(batch := session.ask(), {batch[0].id: 1.0, batch[1].id: 1.0})

        def say_and_end(line: str) -> None:
            say(line)
            session.end_generation()

        monkeypatch.setattr("pullback_client.cli.search.evolve.warn", say_and_end)
        result = run("evolve", "--session", 1, "--score", score, "--generations", 2)
    assert result.code == 0, result.err
    (line,) = result.err.splitlines()
    assert line.startswith("warning: sessions/1 has nothing to show: the trials of 2 images of thread 0 were asked for")


def test_the_options_reach_the_server(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "grey.png")
    options = f"""--optimizer genetic --space full --population 6 --class brown --minimize --seed 3 --size 64x32
        --greyscale --luminance 0.5 --contrast 0.25 --reference grey={tmp_path / "grey.png"} --repetitions 2
        --missing drop --title monkeys --note rig=2 --note subject=a=b --dry-run --generations 1"""
    result = run("evolve", "eyes", *options.split())
    assert result.code == 0, result.err
    (request,) = server.called("CreateSession")
    (thread,) = request.spec.threads
    assert (thread.optimizer.method, thread.optimizer.population) == (search_pb2.SEARCH_METHOD_GENETIC, 6)
    assert (thread.space, thread.class_label, thread.minimize) == ("full", "brown", True)
    images = request.spec.images
    assert (images.width, images.height, images.greyscale) == (64, 32, True)
    assert (images.mean_luminance, images.contrast) == (0.5, 0.25)
    assert [reference.label for reference in request.spec.references] == ["grey"]
    assert request.spec.scores == search_pb2.ScoreOptions(repetitions=2, missing=search_pb2.MISSING_POLICY_DROP)
    assert dict(request.spec.notes) == {"rig": "2", "subject": "a=b"}
    assert (request.spec.title, request.spec.seed, request.spec.HasField("dry_run")) == ("monkeys", 3, True)


def test_the_settings_of_an_optimizer_its_bounds_and_the_scores_reach_the_server(
    run: Run, server: InProcessServer
) -> None:
    sphere = "--optimizer sphere_cma --radius 3 --first-angle 50 --last-angle 7.5 --decay-generations 9 --parents 5"
    more = "--learning-rate 1.5 --min-norm 1 --max-norm 4 --truncation 2.5 --stay prior --image-format jpeg"
    scores = "--aggregation median --max-shows 4 --min-scored 0.25 --dry-run --generations 1"
    result = run("evolve", "faces", *sphere.split(), *more.split(), *scores.split())
    assert result.code == 0, result.err
    (request,) = server.called("CreateSession")
    (thread,) = request.spec.threads
    assert thread.optimizer == search_pb2.SearchOptions(
        method=search_pb2.SEARCH_METHOD_SPHERE_CMA,
        radius=3,
        first_angle=50,
        last_angle=7.5,
        decay_generations=9,
        parents=5,
        learning_rate=1.5,
    )
    # One that is scored here can be gone on with: it is planned for as many generations, and does not end with them.
    assert (thread.planned_generations, thread.HasField("max_generations")) == (1, False)
    assert thread.constraint == search_pb2.SearchConstraint(min_norm=1, max_norm=4, truncation=2.5, stay="prior")
    assert request.spec.images.format == values_pb2.IMAGE_FORMAT_JPEG
    assert request.spec.scores == search_pb2.ScoreOptions(
        aggregation=search_pb2.AGGREGATION_MEDIAN, max_shows=4, min_scored=0.25
    )
    hessian = "--optimizer hessian_cma --no-negative-weights --dry-run --generations 1 --planned-generations 9"
    result = run("evolve", "faces", *hessian.split())
    assert result.code == 0, result.err
    assert server.called("CreateSession")[1].spec.threads[0].planned_generations == 9
    assert server.called("CreateSession")[1].spec.threads[0].optimizer == search_pb2.SearchOptions(
        method=search_pb2.SEARCH_METHOD_HESSIAN_CMA, negative_weights=False
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([], "name either a generator, for a new session, or --session"),
        (["faces", "--session", "1"], "name either a generator"),
        (["--session", "1", "--seed", "3"], "whose settings are settled: leave out --seed"),
        (["--session", "1", "--generations", "3"], "--generations bounds a new session, or --score"),
        (["faces", "--size", "64"], "--size must be WIDTHxHEIGHT"),
        (["faces", "--note", "rig"], "--note must be KEY=VALUE, got 'rig'"),
        (["faces", "--note", "a=1", "--note", "a=2"], "--note gives 'a' twice"),
    ],
)
def test_what_does_not_go_together_is_refused(
    run: Run, server: InProcessServer, command: list[str], message: str
) -> None:
    result = run("evolve", *command)
    assert result.code == 1
    assert message in result.err
    assert server.sessions == {}


def test_results_are_not_overwritten_without_being_asked(run: Run, score: str, tmp_path: Path) -> None:
    (tmp_path / "best.png").touch()
    command = [
        "evolve",
        "faces",
        "--optimizer",
        "cma",
        "--population",
        POPULATION,
        "--score",
        score,
        "--generations",
        1,
        "--out",
        tmp_path,
    ]
    assert "best.png would be overwritten" in run(*command).err
    assert run(*command, "--force").code == 0


CASE_FILES = {
    "forgot_return.py:score": "the score function score returned None for thread000_gen000_00000",
    "score_lab/nb.py:none": "the score function none returned None for thread000_gen000_00000",
    "score_lab/nb.py:nan": "the score function nan gave 100 trials in a row no score, the last of them trial000099",
    "score_lab/nb.py:crash": "--score: RuntimeError: electrode [/lost] [bold]",
    "score_lab/exits.py:score": "--score: SystemExit: no spikes",
}


@pytest.mark.parametrize("case", CASE_FILES)
def test_a_function_that_gives_no_scores_ends_with_the_reason(run: Run, server: InProcessServer, case: str) -> None:
    result = run("evolve", "faces", "--optimizer", "cma", "--population", POPULATION, "--score", CASES / case)
    assert result.code == 1
    assert result.err.startswith(HOW_TO_GO_ON)
    assert f"error: {CASE_FILES[case]}" in result.err
    assert "Traceback" not in result.err
    assert len(server.trials()) <= 100 + POPULATION
    # Nobody waits for what was asked and not scored.
    with Client(server.target) as client:
        assert client.get_session("1").ask()


@pytest.mark.parametrize("case", ["score_lab/with_sibling.py:score", "score_lab/nb.py:score"])
def test_a_file_may_import_what_lies_beside_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "helper", raising=False)
    result = run(
        "evolve", "faces", "--optimizer", "cma", "--population", POPULATION, "--score", CASES / case, "--generations", 2
    )
    assert result.code == 0, result.err
    assert "generation 1: mean " in result.out


def test_failures_in_a_row_are_bounded_by_what_is_asked_for(run: Run, server: InProcessServer) -> None:
    case = CASES / "score_lab" / "nb.py"
    result = run(
        "evolve",
        "faces",
        "--optimizer",
        "cma",
        "--population",
        POPULATION,
        "--score",
        f"{case}:nan",
        "--max-failures",
        7,
    )
    assert "gave 7 trials in a row no score" in result.err
    assert len(server.told()) == 8  # the eighth was handed back


def test_ctrl_c_in_the_function_leaves_the_session(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    file = tmp_path / "interrupted.py"
    file.write_text(
        "done = []\ndef score(image):\n    if done: raise KeyboardInterrupt\n    done.append(1)\n    return 1\n"
    )
    result = run("evolve", "faces", "--optimizer", "cma", "--population", POPULATION, "--score", f"{file}:score")
    assert (result.code, result.err) == (130, HOW_TO_GO_ON)
    outcomes = [report.outcome for report in server.told().values()]
    assert outcomes[0] == search_pb2.OUTCOME_SCORED
    # As many as were finished by then.
    assert 1 <= len(outcomes) - 1 <= POPULATION - 1
    assert set(outcomes[1:]) == {search_pb2.OUTCOME_ABANDONED}
    assert len(server.trials()) == len(outcomes)


BROKEN = {
    "missing": ("import nowhere_at_all\n", "ModuleNotFoundError: No module named 'nowhere_at_all'", "line 1"),
    "syntax": ("def score(image)\n", "SyntaxError: ", "line 1"),
    "error": ("x = 1\nraise OSError('no [rig]')\n", "OSError: no [rig]", "line 2"),
    "exit": ("import sys\nsys.exit('no licence')\n", "SystemExit: no licence", "line 2"),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("as_file", [True, False])
def test_what_cannot_be_imported_is_told_with_its_own_line(
    run: Run, server: InProcessServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, as_file: bool
) -> None:
    code, message, line = BROKEN[kind]
    file = tmp_path / f"broken_{kind}.py"
    file.write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    result = run("evolve", "faces", "--score", f"{file if as_file else file.stem}:score")
    assert result.code == 1
    assert f"error: --score: {file if as_file else file.stem} cannot be imported: " in result.err
    assert message in result.err
    assert result.err.count("  File ") == 1
    assert f'{file.name}", {line}' in result.err
    assert server.sessions == {}
    assert file.stem not in sys.modules


def test_a_file_of_the_name_of_a_module_takes_not_its_place(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "json.py").write_text("def score(image):\n    return 1\n")
    result = run(
        "evolve",
        "faces",
        "--optimizer",
        "cma",
        "--population",
        POPULATION,
        "--score",
        f"{tmp_path / 'json.py'}:score",
        "--generations",
        1,
    )
    assert result.code == 0, result.err
    assert hasattr(sys.modules["json"], "dumps")


@pytest.mark.parametrize("theirs", ["best.png", "best-1.png", "session.npz", "trials.csv", "session.json"])
def test_a_session_that_is_gone_on_with_replaces_its_own_files_alone(
    run: Run, score: str, server: InProcessServer, tmp_path: Path, theirs: str
) -> None:
    out = tmp_path / "out"
    with Client(server.target) as client:
        client.evolve("faces", optimizer="cma", population=POPULATION)
    command = ["evolve", "--session", 1, "--score", score, "--generations", 1, "--out", out]
    out.mkdir()
    (out / theirs).write_text("{}")
    assert f"{theirs} would be overwritten" in run(*command).err
    assert (out / theirs).read_text() == "{}"
    assert server.called("Tell") == []
    (out / theirs).unlink()
    assert run(*command).code == 0
    assert run(*command).code == 0  # into its own
    assert "would be overwritten" in run("export", 1, out).err
    assert (
        "would be overwritten"
        in run("evolve", "faces", "--optimizer", "cma", "--population", POPULATION, *command[3:]).err
    )


# Watching


def test_a_session_is_watched_to_its_end(run: Run, score: str, server: InProcessServer, tmp_path: Path) -> None:
    with Client(server.target) as client:
        session = client.evolve("faces", optimizer="cma", population=POPULATION, threads=[{}, {"minimize": True}])

        def rig() -> None:
            with Client(server.target) as other:
                theirs = other.get_session(session.name)
                theirs.run(lambda image: 1.0, generations=2)
                theirs.close()

        thread = threading.Thread(target=rig)
        thread.start()
        result = run("evolve", "--session", session.name, "--out", tmp_path)
        thread.join()
    assert result.code == 0, result.err
    assert sum("mean 1, best 1" in line for line in result.out.splitlines()) == 4
    assert {"best-0.png", "best-1.png", "session.json"} <= set(names(tmp_path))


def test_a_finished_session_is_told_and_left(run: Run, server: InProcessServer) -> None:
    with Client(server.target) as client:
        client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=2).run(lambda image: 2.0)
    result = run("evolve", "--session", 1)
    assert result.code == 0
    assert len(result.out.splitlines()) == 2


def test_in_a_terminal_there_is_a_table_with_curves(run: Run, score: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, "w", encoding="utf-8") as sink:  # noqa: PTH123
        console = Console(file=sink, force_terminal=True, record=True, width=120)
        monkeypatch.setattr("pullback_client.cli.search.evolve.out", console)
        assert (
            run(
                "evolve",
                "faces",
                "--optimizer",
                "cma",
                "--population",
                POPULATION,
                "--score",
                score,
                "--generations",
                3,
            ).code
            == 0
        )
    text = console.export_text()
    assert "mean by generation" in text
    assert "█" in text


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


@pytest.mark.parametrize("minimize", [False, True])
def test_the_best_of_a_generation_and_the_best_so_far_are_told_apart(
    run: Run, server: InProcessServer, tmp_path: Path, minimize: bool
) -> None:
    # The second generation is worse than the first; the third is begun by another command.
    file = tmp_path / "falling.py"
    file.write_text(
        "from pathlib import Path\n"
        "log = Path(__file__).with_suffix('.log')\n"
        "def score(image):\n"
        "    shown = len(log.read_text()) if log.exists() else 0\n"
        "    log.write_text('x' * (shown + 1))\n"
        f"    return {1 if minimize else -1} * (shown // {POPULATION}) + 0.01 * (shown % {POPULATION})\n"
    )
    options = ["--minimize"] if minimize else []
    out = tmp_path / "out"
    first = run(
        "evolve",
        "faces",
        "--optimizer",
        "cma",
        "--population",
        POPULATION,
        *options,
        "--score",
        f"{file}:score",
        "--generations",
        2,
    )
    best, signed = (0.0, 1) if minimize else (0.03, -1)
    assert f"generation 1: mean {signed + 0.015:.4g}, best {signed + best:.4g}, best so far {best:.4g}" in first.out
    second = run("evolve", "--session", 1, "--score", f"{file}:score", "--generations", 3, "--out", out)
    assert second.code == 0, second.err
    assert [line.partition(":")[0] for line in second.out.splitlines()[:-1]] == ["thread 0, generation 2"]
    rows = rows_of(out / "curve.csv")
    assert [int(row["generation"]) for row in rows] == [0, 1, 2]
    np.testing.assert_allclose([float(row["best_score"]) for row in rows], [best, signed + best, 2 * signed + best])
    assert {float(row["best_score_so_far"]) for row in rows} == {best}
    (first_id,) = {row["best_image_id_so_far"] for row in rows}
    assert first_id == rows[0]["best_image_id"]
    with Image.open(out / "best.png") as found, Client(server.target) as client:
        np.testing.assert_array_equal(np.asarray(found), np.asarray(client.get_session("1").image(first_id)))


def test_pictures_and_curves_are_there_while_it_runs(
    run: Run, server: InProcessServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    seen: list[list[str]] = []
    with Client(server.target) as client:
        session = client.evolve(
            "faces", optimizer="cma", population=POPULATION, threads=[{}, {"population": 2}], max_generations=3
        )

        def rig() -> None:
            with Client(server.target) as other:
                theirs = other.get_session(session.name)
                theirs.run(lambda image: 1.0, generations=1)
                while not (out / "live-1.png").exists() or not (out / "live-0.png").exists():
                    threading.Event().wait(0.02)
                seen.append(names(out))
                shown = itertools.count()
                theirs.run(lambda image: 2.0 if next(shown) % 3 else float("nan"))

        thread = threading.Thread(target=rig)
        thread.start()
        result = run("evolve", "--session", session.name, "--out", out)
        thread.join()
    assert result.code == 0, result.err
    live = {"best-0.png", "best-1.png", "curve.csv", "curve.png", "live-0.png", "live-1.png"}
    # Nothing half-written is ever seen under these names.
    assert {"live-0.png", "live-1.png", "curve.csv"} <= set(seen[0])
    assert set(names(out)) == live | set(FOLDER_FILES)
    assert f"wrote {len(live) + len(FOLDER_FILES)} files into {out}" in result.out
    assert len(rows_of(out / "curve.csv")) == 6
    with Image.open(out / "live-0.png") as first, Image.open(out / "live-1.png") as second:
        # The best so far, and the images of the generation, side by side.
        assert first.width >= (1 + POPULATION) * 128
        assert second.height == first.height
    with Image.open(out / "curve.png") as curve:
        assert len(curve.convert("RGB").getcolors(10_000)) > 2


def test_after_an_interruption_a_session_goes_on_in_its_folder(
    run: Run, score: str, server: InProcessServer, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    file = tmp_path / "tired.py"
    file.write_text(
        "shown = []\ndef score(image):\n"
        f"    shown.append(1)\n    if len(shown) > {2 * POPULATION}: raise KeyboardInterrupt\n    return len(shown)\n"
    )
    command = ["--score", f"{file}:score", "--out", out]
    assert run("evolve", "faces", "--optimizer", "cma", "--population", POPULATION, *command).code == 130
    assert {"best.png", "live.png", "curve.csv", "curve.png", "session.json"} == set(names(out))
    result = run("evolve", "--session", 1, "--score", score, "--generations", 3, "--out", out)
    assert result.code == 0, result.err
    assert len(rows_of(out / "curve.csv")) == 3
    with Client(server.target) as client:
        client.evolve("faces", optimizer="cma", population=POPULATION)
    assert "would be overwritten" in run("evolve", "--session", 2, "--score", score, "--out", out).err


def test_a_curve_has_eight_heights_and_gaps() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([3, None, -1]) == "█ ▁"
    assert sparkline([5, 5]) == "▁▁"
    assert sparkline([None]) == " "
    assert sparkline([]) == ""


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_leaves_the_session_and_says_how_to_go_on(server: InProcessServer) -> None:
    command = [sys.executable, "-m", "pullback_client", "evolve", "faces", "--optimizer", "cma"]
    with subprocess.Popen([*command, "--target", server.target], stderr=subprocess.PIPE, text=True) as process:
        while not server.called("WatchSession"):
            assert process.poll() is None
            threading.Event().wait(0.05)
        threading.Event().wait(0.3)  # for the first event to arrive
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "sessions/1 stays on the server" in err
    assert "pullback evolve --session sessions/1 --score" in err
    assert "pullback sessions close sessions/1" in err
    assert "Traceback" not in err


# Sessions, export, bridge


def test_sessions_are_listed(run: Run, server: InProcessServer) -> None:
    with Client(server.target) as client:
        client.evolve(
            "faces", optimizer="cma", population=POPULATION, title="the [/first] :warning:", max_generations=1
        ).run(lambda image: 2.5)
        client.evolve("eyes", optimizer="cma", population=POPULATION).pause()
    listed = run("sessions").out
    for word in ("sessions/1", "the [/first] :warning:", "finished", "2.5", "sessions/2", "eyes", "paused"):
        assert word in listed
    assert "sessions/1" not in run("sessions", "--state", "paused").out
    result = run("sessions", "--state", "asleep")
    assert (result.code, "known: active, paused, closed, finished, failed" in result.err) == (1, True)


def test_sessions_are_listed_by_what_the_table_says_of_them(run: Run, server: InProcessServer) -> None:
    with Client(server.target) as client:
        client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=1).run(lambda image: 1.0)
        damage(server, client.evolve("faces", optimizer="cma", population=POPULATION))
        client.evolve("faces", optimizer="cma", population=POPULATION)
        damage(server, client.evolve("faces", optimizer="cma", population=POPULATION, threads=[{}, {}]))
        closed = client.evolve("faces", optimizer="cma", population=POPULATION)
        damage(server, closed)
        closed.close()
    words = {line.split()[1]: line for line in run("sessions").out.splitlines() if "sessions/" in line}
    expected = {1: "finished", 2: "failed", 3: "active", 4: "active, failed", 5: "closed, failed"}
    for number, word in expected.items():
        assert f" {word} " in words[f"sessions/{number}"]
    listed = {
        word: [number for number in expected if f"sessions/{number} " in run("sessions", "--state", word).out]
        for word in ("active", "finished", "failed", "closed", "paused")
    }
    assert listed == {"active": [3, 4], "finished": [1], "failed": [2, 4, 5], "closed": [5], "paused": []}
    both = run("sessions", "--state", "finished", "--state", "closed").out
    assert [number for number in expected if f"sessions/{number} " in both] == [1, 5]


def test_a_session_is_paused_resumed_and_closed(run: Run, server: InProcessServer) -> None:
    with Client(server.target) as client:
        client.evolve("faces", optimizer="cma", population=POPULATION)
    # Each of them twice: what is so already stays so.
    for command, state in (("pause", "paused"), ("resume", "active"), ("close", "closed")):
        for name in ("1", "sessions/1"):
            assert run("sessions", command, name) == (0, f"sessions/1 is {state}\n", "")
    for command in ("pause", "resume"):
        expected = "error: the session is closed; it can only be read and exported\n"
        assert run("sessions", command, 1) == (1, "", expected)
    result = run("sessions", "close", 7)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: no session '7': none has that id or title, or an id that begins so")


def test_what_stands_before_a_command_on_sessions_is_refused(run: Run, server: InProcessServer) -> None:
    with Client(server.target) as client:
        client.evolve("faces", optimizer="cma", population=POPULATION)
    for option, value in (("--target", "127.0.0.1:1"), ("--state", "paused")):
        result = run("sessions", option, value, "close", 1)
        assert result.code == 1
        assert f"error: {option} before close: --target goes behind it" in result.err
    assert server.called("CloseSession") == []
    assert run("sessions", "close", 1, "--target", server.target).code == 0


def test_a_session_is_exported_by_suffix(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    with Client(server.target) as client:
        client.evolve("faces", optimizer="cma", population=POPULATION).run(lambda image: 1.0, generations=1)
    assert run("export", 1, tmp_path / "s.npz").out == f"wrote {tmp_path / 's.npz'}\n"
    assert run("export", 1, tmp_path / "s.csv").code == 0
    assert names(tmp_path) == ["s-codes.csv", "s-images.csv", "s-trials.csv", "s.npz"]
    assert "would be overwritten" in run("export", 1, tmp_path / "s.csv").err
    assert run("export", 1, tmp_path / "folder", "--images").out.startswith("wrote ")
    assert len(names(tmp_path / "folder" / "images")) == 2 * POPULATION
    result = run("export", 1, tmp_path / "s.xlsx")
    assert "cannot export a session as '.xlsx'" in result.err


def test_the_bridge_runs_on_the_command_line(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    with Client(server.target) as client:
        client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=1)

    def rig() -> None:
        while len(list(tmp_path.glob("block000_*.png"))) < POPULATION:
            threading.Event().wait(0.02)
        (tmp_path / "block000.csv").write_text("index,score\n0,1\n1,2\n2,3\n3,4\n")

    thread = threading.Thread(target=rig)
    thread.start()
    result = run("bridge", "--session", 1, "--folder", tmp_path)
    thread.join()
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    images = sorted(path.name for path in tmp_path.glob("block000_*.png"))
    assert lines[0] == "block 0: 4 images"
    assert lines[1].startswith(
        f"block 0: waiting for the scores of {images[0]} to {images[-1]}: block000.csv (image_id"
    )
    assert lines[2:] == [
        "block 0: 4 scores of block000.csv, 4 trials told",
        f"block 0: mean score 2.5 of 4, best 4 ({images[-1]}), failed trials 0",
        "sessions/1 has finished",
        "1 block told",
    ]
    # The log in the folder has the same, but for how the command ended.
    log = (tmp_path / "pullback-bridge.log").read_text("utf-8").splitlines()
    assert [line.partition(" ")[2] for line in log] == lines[:-1]


def test_a_bridge_ends_well_when_its_session_is_closed_elsewhere(
    run: Run, server: InProcessServer, tmp_path: Path
) -> None:
    with Client(server.target) as client:
        session = client.evolve("faces", optimizer="cma", population=POPULATION)

        def other() -> None:
            while len(list(tmp_path.glob("block000_*.png"))) < POPULATION:
                threading.Event().wait(0.02)
            session.close()

        thread = threading.Thread(target=other)
        thread.start()
        result = run("bridge", "--session", 1, "--folder", tmp_path)
        thread.join()
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-2:] == [
        "sessions/1 was closed: nothing more is shown, and no more scores are taken",
        "0 blocks told",
    ]


def test_a_log_that_cannot_be_written_ends_no_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    console = Console(file=io.TextIOWrapper(written, encoding="cp1252"), width=200)
    monkeypatch.setattr(bridge_command, "out", console)
    bridge_command._report("block000.csv: 刺激 names no image of this block")
    bridge_command._report("block 0: 4 images")
    assert written.getvalue().decode("cp1252").splitlines() == [
        r"block000.csv: \u523a\u6fc0 names no image of this block",
        "block 0: 4 images",
    ]

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(bridge_command, "out", Console(file=Full()))
    bridge_command._report("block 1: 4 images")


def test_a_bridge_whose_thread_cannot_go_on_ends_with_an_error(
    run: Run, server: InProcessServer, tmp_path: Path
) -> None:
    with Client(server.target) as client:
        damage(server, client.evolve("faces", optimizer="cma", population=POPULATION))
    result = run("bridge", "--session", 1, "--folder", tmp_path)
    assert (result.code, result.err) == (1, "error: thread 0: its state is damaged\n")
    assert "0 blocks told" in result.out


def test_a_bridge_takes_a_short_table_after_the_time_it_is_given(
    run: Run, server: InProcessServer, tmp_path: Path
) -> None:
    with Client(server.target) as client:
        client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=1, missing="drop")

    def rig() -> None:
        while len(list(tmp_path.glob("block000_*.png"))) < POPULATION:
            threading.Event().wait(0.02)
        (tmp_path / "block000.csv").write_text("index,score\n0,1\n1,2\n2,3\n")

    thread = threading.Thread(target=rig)
    thread.start()
    result = run("bridge", "--session", 1, "--folder", tmp_path, "--matching", "loose", "--settle", 0.7)
    thread.join()
    assert result.code == 0, result.err
    assert "block 0: 3 scores of block000.csv, 4 trials told" in result.out.splitlines()
    assert run("bridge", "--session", 1, "--folder", tmp_path, "--settle", 0.1).code == 2


def test_a_bridge_is_told_which_way_round_matrices_are(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with Client(server.target) as client:
        client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=1)

    def rig() -> None:
        while len(list(tmp_path.glob("block000_*.png"))) < POPULATION:
            threading.Event().wait(0.02)
        with h5py.File(tmp_path / "block000.h5", "w") as file:
            file["scores"] = [[10 * channel + image for image in range(4)] for channel in range(4)]

    thread = threading.Thread(target=rig)
    thread.start()
    result = run("bridge", "--session", 1, "--folder", tmp_path, "--rows", "channels")
    thread.join()
    assert result.code == 0, result.err
    told = server.told()
    came = [list(report.channel_values) for _, report in sorted(told.items())]
    assert came == [[image, 10 + image, 20 + image, 30 + image] for image in range(4)]


def test_a_thread_that_cannot_go_on_is_an_error(run: Run, server: InProcessServer) -> None:
    with Client(server.target) as client:
        damage(server, client.evolve("faces", optimizer="cma", population=POPULATION))
    result = run("evolve", "--session", 1)
    assert (result.code, result.err) == (1, "error: thread 0: its state is damaged\n")


def test_a_thread_that_cannot_go_on_is_told_after_the_others_are_done_and_written(
    run: Run, score: str, server: InProcessServer, tmp_path: Path
) -> None:
    with Client(server.target) as client:
        damage(server, client.evolve("faces", optimizer="cma", population=POPULATION, threads=[{}, {}]))
    out = tmp_path / "out"
    result = run("evolve", "--session", 1, "--score", score, "--generations", 2, "--out", out)
    assert (result.code, result.err) == (1, "error: thread 0: its state is damaged\n")
    assert sum(line.startswith("thread 1, generation") for line in result.out.splitlines()) == 2
    assert "session.json" in names(out)


@pytest.mark.parametrize(
    "command", ["evolve", "sessions", "sessions pause", "sessions resume", "sessions close", "export", "bridge"]
)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.code == 0
    assert "Usage: pullback" in result.out
