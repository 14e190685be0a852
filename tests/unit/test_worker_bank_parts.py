"""Parts of a bank of starts: whoever computes them, and whatever becomes of that, the same file comes of it."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pullback.errors import PullbackError
from pullback.inversion import make_bank
from pullback.inversion.starts import bank_samples
from pullback_api.v1 import inversion_pb2, specs_pb2, values_pb2
from pullback_server.protocol.batching import MEASUREMENT
from pullback_server.protocol.messages import StartJob
from pullback_server.protocol.payload import write_payload
from pullback_server.specs import complete_inversion_settings
from pullback_server.stored_files import StoredFile
from pullback_server.worker import models as worker_models
from pullback_server.worker.models import Models
from pullback_server.worker.parts import Part, SharedShards, shared_shards
from pullback_server.worker.tasks import SharedTask, make_task
from pullback_server.worker.tasks.inversion import InversionTask
from storing import stored_meanwhile
from toys import Curved, Euclidean, Smooth

TOYS: dict[str, Callable[[], Any]] = {"lpips-vgg": Euclidean, "lpips-alex": Curved}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, models of a few numbers, and parts of a moment: toys' shards take no longer."""
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path))
    monkeypatch.setattr(worker_models.generators, "load", lambda name, device: Smooth())
    monkeypatch.setattr(worker_models.distances, "load", lambda name, device: TOYS[name]())
    monkeypatch.setattr(shared_shards, "PART_SECONDS", 1e-6)
    return tmp_path


def start_of(payload: StoredFile | None, part: bytes = b"") -> StartJob:
    """An inversion that starts from a bank; a part of it comes without photographs."""
    settings = specs_pb2.InversionSettings(
        generator="generators/faces", method=specs_pb2.INVERSION_METHOD_ADAM, start=specs_pb2.START_BANK
    )
    work = complete_inversion_settings(settings, targets=1).SerializeToString()
    return StartJob("1", "inversion", MEASUREMENT, False, work, payload, None, "", part)


def task_of(models: Models) -> InversionTask:
    picture = io.BytesIO()
    Image.effect_noise((4, 4), 64).convert("RGB").save(picture, "PNG")
    target = inversion_pb2.Target(image=values_pb2.Image(data=picture.getvalue(), width=4, height=4))
    with stored_meanwhile(write_payload([target])) as payload:
        task = make_task(start_of(payload), models, lambda phase: None)
    assert isinstance(task, InversionTask)
    assert isinstance(task, SharedTask)
    return task


def begun(models: Models) -> tuple[InversionTask, SharedShards]:
    """A task that makes its bank, of which some samples are there."""
    task = task_of(models)
    while task.progress("1").step < 8:
        task.step()
    assert task.shards is not None
    return task, task.shards


def computed(part: bytes) -> bytes:
    """What another worker makes of a part."""
    helping = make_task(start_of(None, part), Models("cpu"), lambda phase: None)
    while not helping.done:
        helping.step()
    assert helping.progress("1/1").step == helping.progress("1/1").total
    return helping.result()


def assert_made(cache: Path) -> None:
    """The bank in the cache is, byte for byte, the library's own."""
    (path,) = (cache / "banks").iterdir()
    assert path.read_bytes() == make_bank(Smooth(), Curved(), "z").to_bytes()


@pytest.mark.parametrize("seed", range(3))
def test_a_shared_bank_is_the_same_bytes(seed: int, cache: Path) -> None:
    rng, out, brought = random.Random(seed), list[bytes](), 0
    task, shards = begun(Models("cpu"))
    while not task.evaluates:
        task.step()
        chance = rng.random()
        if chance < 0.3 and (part := shards.lend()):
            out.append(part)
        elif chance < 0.6 and out:
            # In whatever order; of some nothing comes.
            part = out.pop(rng.randrange(len(out)))
            came = rng.random() < 0.8
            brought += came
            shards.take(part, computed(part) if came else b"")
    assert brought
    assert task.shards is None
    assert_made(cache)


def test_helpers_compute_most_of_it_in_any_order(cache: Path) -> None:
    task, shards = begun(Models("cpu"))
    parts = []
    while part := shards.lend():
        parts.append(part)
    for part in reversed(parts):
        shards.take(part, computed(part))
    assert sum(len(Part.from_bytes(part).numbers) for part in parts) > 50
    while not task.evaluates:
        task.step()
    assert_made(cache)


def test_a_bank_that_several_jobs_wait_for_is_lent_by_the_one_that_has_begun_it(cache: Path) -> None:
    models = Models("cpu")
    first, shards = begun(models)
    second = task_of(models)
    for _ in range(3):
        second.step()
    assert second.progress("2").step > 0
    assert second.shards is None
    assert shards.lend()
    # It is cancelled, what it has lent comes to nobody, and the other one goes on.
    del first, shards
    while not second.evaluates:
        second.step()
        assert second.shards is None
    assert_made(cache)


def test_a_bank_that_is_there_is_not_shared(cache: Path) -> None:
    for _ in range(2):
        task = task_of(Models("cpu"))
        while not task.evaluates:
            shared = task.shards is not None
            task.step()
    assert not shared
    assert_made(cache)


def test_another_worker_with_other_weights_or_less_memory_brings_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    _, shards = begun(Models("cpu"))
    part = shards.lend()
    other = Curved()
    other.weights_hash = "f" * 64
    with monkeypatch.context() as changed:
        changed.setitem(TOYS, "lpips-alex", lambda: other)
        with pytest.raises(PullbackError, match=r"with weights of the distance: ffff.* their shards are not the same"):
            computed(part)
    with monkeypatch.context() as changed:
        changed.setattr(bank_samples, "most_rows", lambda device: 2)
        with pytest.raises(PullbackError, match="with samples at once: 2, and the one that it helps with 4"):
            computed(part)
