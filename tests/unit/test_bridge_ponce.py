"""The bridge under the Ponce laboratory's names, and the files that its analyses read."""

from __future__ import annotations

import grpc
import numpy as np
import pytest

from bridging import Rig
from in_process import POPULATION, Failure, InProcessServer
from pullback_client import Client, EvolutionSession


def test_the_ponce_laboratorys_names_and_codes(client: Client, rig: Rig) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    grey = np.zeros((16, 16), np.uint8)
    session = client.evolve(
        "faces", optimizer="cma", population=POPULATION, references={"grey": grey}, repetitions=2, threads=[{}, {}]
    )
    rig.steps = [lambda: rig.csv(1)]
    rig.bridge(session, naming="ponce", suffix="bmp").run(blocks=1)
    names = rig.images(1)
    expected = [
        f"block001_thread00{thread}_gen_gen000_{number:06d}{again}.bmp"
        for thread in range(2)
        for number in range(POPULATION)
        for again in ("", "_2")
    ]
    assert names == sorted([*expected, "block001_thread000_ref_grey.bmp", "block001_thread001_ref_grey.bmp"])
    saved = scipy_io.loadmat(rig.folder / "block001_thread001_code.mat")
    ids = [str(cell[0]) for cell in saved["ids"][0]]
    assert sorted(ids) == [f"block001_thread001_gen_gen000_{number:06d}.bmp" for number in range(POPULATION)]
    generation = next(each for each in session.history().generations if each.summary.thread == 1)
    order = [int(name[-10:-4]) for name in ids]
    np.testing.assert_array_equal(saved["codes"], generation.latents[order])


def test_images_that_are_shown_again_have_their_codes_without_another_export(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    bridge = rig.bridge(session, naming="ponce")

    def answer(block: int, scored: int) -> None:
        """So many images of a block get a score."""
        rows = [f"{name},{1 if place < scored else 'nan'}" for place, name in enumerate(rig.images(block))]
        rig.write(f"block{block:03d}.csv", "\n".join(["image_id,score", *rows, ""]).encode())

    for block, scored, exports in ((1, 2, 1), (2, 1, 1), (3, 1, 1), (4, 4, 2)):
        rig.steps = [lambda block=block, scored=scored: answer(block, scored)]  # type: ignore[misc]
        bridge.run(blocks=1)
        # One for the scores' record, at the end of each of these bridges.
        assert len(server.called("ExportSession")) - block == exports
    latents = {
        image_id.partition("_")[2]: latent
        for generation in session.history().generations
        for image_id, latent in zip(generation.image_ids, generation.latents, strict=True)
    }
    blocks = [scipy_io.loadmat(path) for path in sorted(rig.folder.glob("*_code.mat"))]
    assert [len(saved["codes"]) for saved in blocks] == [4, 2, 1, 4]
    for saved in blocks:
        ids = [str(cell[0]).partition("_gen_")[2].removesuffix(".png") for cell in saved["ids"][0]]
        np.testing.assert_array_equal(saved["codes"], [latents[image_id] for image_id in ids])


def test_the_ponce_laboratorys_analyses_find_threads_and_scores(client: Client, rig: Rig) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    grey = np.zeros((16, 16), np.uint8)
    session = client.evolve(
        "faces",
        optimizer="cma",
        population=POPULATION,
        max_generations=2,
        threads=[{}, {"optimizer": "genetic", "minimize": True, "population": 6}],
        references={"grey": grey},
        missing="drop",
    )
    # The last image has no score.
    rig.steps = [
        lambda: rig.write("block001.csv", "\n".join(["image_id,score", *_rows(rig.images(1)), ""]).encode()),
        *rig.seconds(1),
        lambda: rig.csv(2),
    ]
    rig.bridge(session, naming="ponce").run(blocks=2)
    options = scipy_io.loadmat(rig.folder / "space_opts.mat")["space_opts"]
    assert options.shape == (1, 2)
    assert [str(each["name"].item()) for each in options[0]] == ["faces z cma", "faces z genetic"]
    assert [str(each["generator"].item()) for each in options[0]] == ["faces", "faces"]
    assert [float(each["population"].item()) for each in options[0]] == [4, 6]
    assert [bool(each["minimize"].item()) for each in options[0]] == [False, True]
    record = scipy_io.loadmat(rig.folder / "scores_record.mat")
    history = session.history()
    assert record["scores_record"].shape == record["ids_record"].shape == record["codes_record"].shape == (2, 2)
    for each in history.generations:
        place = each.summary.generation, each.summary.thread
        ids = [str(cell[0]) for cell in record["ids_record"][place].ravel()]
        assert ids == list(each.image_ids)
        np.testing.assert_array_equal(record["scores_record"][place], each.scores[:, None])
        np.testing.assert_array_equal(record["codes_record"][place], each.latents)
    assert np.isnan(record["scores_record"][0, 1]).sum() == 1
    assert record["scores_record"][1, 0].shape == (POPULATION, 1)


def _rows(names: list[str]) -> list[str]:
    return [f"{name},{'' if name.endswith('_000005.png') else place}" for place, name in enumerate(names)]


def test_scores_that_cannot_be_fetched_at_the_end_hold_nothing_up(
    session: EvolutionSession, rig: Rig, server: InProcessServer
) -> None:
    pytest.importorskip("scipy.io")

    def answer() -> None:
        rig.csv(1)
        server.failures["ExportSession"] = Failure(grpc.StatusCode.INTERNAL, "out of luck")

    rig.steps = [answer]
    assert rig.bridge(session, naming="ponce").run(blocks=1) == 1
    assert rig.lines[-1] == ("scores_record.mat was not written: out of luck; pullback export writes the scores, too")
