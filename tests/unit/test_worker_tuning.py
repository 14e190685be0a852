"""The task of a tuning: its result, what it tells meanwhile, and that it goes on from a checkpoint."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pullback.inversion.tuning import TunedWeights
from pullback.pictures import to_pictures
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import inversion_pb2, specs_pb2, tunings_pb2
from pullback_server.errors import Violations
from pullback_server.protocol.payload import write_payload
from pullback_server.protocol.tuned_files import told_in
from pullback_server.specs import complete_tuning_settings
from pullback_server.worker.drawn import message_of
from pullback_server.worker.models import Models
from pullback_server.worker.tasks.tuning import TuningTask
from storing import stored
from tiny_style import NAME, tiny_style, write_style_catalogue

STYLE = tiny_style()


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(write_style_catalogue(tmp_path)))
    return Models("cpu")


def task_of(models: Models, folder: Path, pivot_space: str = "w", **settings: Any) -> TuningTask:
    """A tuning of two photographs that are darker than what their pivots draw."""
    pivots = STYLE.space(pivot_space).sample(2, seed=3)
    pictures = to_pictures(0.5 * STYLE.render(pivots, pivot_space))
    targets = [
        inversion_pb2.Target(label=f"{number}.png", image=message_of(picture), start=pack(pivot.numpy()))
        for number, (picture, pivot) in enumerate(zip(pictures, pivots, strict=True))
    ]
    given = {"space": "w+", "distance": "mse", "steps": 3, "learning_rate": 1e-2, **settings}
    request = tunings_pb2.TuneRequest(
        settings=specs_pb2.TuningSettings(generator=f"generators/{NAME}", threshold=0, **given),
        targets=targets,
        pivot_space=pivot_space,
    )
    wrong = Violations()
    complete = complete_tuning_settings(request, wrong)
    wrong.raise_if_any()
    work = tunings_pb2.TuneRequest(settings=complete, pivot_space=pivot_space).SerializeToString()
    start: Any = SimpleNamespace(work=work, payload=stored(write_payload(targets), folder))
    return TuningTask(start, models, lambda phase: None)


def finish(task: TuningTask) -> bytes:
    while not task.done:
        task.step()
    return task.result()


def test_the_result_tells_of_every_photograph_and_draws_them_on_the_worker(models: Models, tmp_path: Path) -> None:
    untouched = models.generator(NAME).render(STYLE.space("w").sample(2, seed=3), "w")
    made = finish(task_of(models, tmp_path))
    told = told_in(made)
    assert [each.label for each in told.photographs] == ["0.png", "1.png"]
    assert all(each.squared_error < each.squared_error_before for each in told.photographs)
    assert (told.updates, told.tensors) == (6, len(TunedWeights.from_bytes(made).tensors))
    assert unpack(told.trace).shape == (6, 3)
    # w stands in every layer of w+.
    pivots = torch.stack([torch.from_numpy(unpack(each.pivot)) for each in told.photographs])
    assert torch.equal(pivots, STYLE.space("w").sample(2, seed=3).repeat(1, 6))
    tuned = models.tuned(NAME, stored(made, tmp_path))
    images = torch.cat([tuned.render(pivot[None], "w+") for pivot in pivots])
    targets = 0.5 * STYLE.render(pivots, "w+")
    for each, image, target in zip(told.photographs, images, targets, strict=True):
        # Photographs have 256 levels.
        assert each.squared_error == pytest.approx(float((image - target).square().mean()), abs=3e-3)
    assert models.tuned(NAME, stored(made, tmp_path)) is tuned
    # Others draw as before, bit for bit.
    assert models.tuned(NAME, None) is models.generator(NAME)
    assert torch.equal(models.generator(NAME).render(STYLE.space("w").sample(2, seed=3), "w"), untouched)


def test_a_task_goes_on_from_its_checkpoint_to_the_same_weights(models: Models, tmp_path: Path) -> None:
    expected = TunedWeights.from_bytes(finish(task_of(models, tmp_path, locality=0.1))).tensors
    first, second = (task_of(models, tmp_path, locality=0.1) for _ in range(2))
    for _ in range(4):
        first.step()
    first.save(tmp_path / "checkpoint")
    second.restore(tmp_path / "checkpoint")
    assert second.progress("1").step == 4
    found = TunedWeights.from_bytes(finish(second)).tensors
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_progress_tells_the_loss_and_shows_every_photograph_when_it_is_due(models: Models, tmp_path: Path) -> None:
    task = task_of(models, tmp_path, preview_every=2)
    assert (task.progress("1").step, task.progress("1").total, task.progress("1").loss) == (0, 6, None)
    shown = []
    while not task.done:
        task.step()
        told = task.progress("1")
        shown.append(len(told.previews))
        assert told.loss is not None
    assert shown == [0, 0, 0, 2, 0, 0]
