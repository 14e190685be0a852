"""What sessions keep in memory: nothing of those that are closed for long, and images within their bound."""

from __future__ import annotations

import pytest

from in_process import InProcessServer
from pullback_api.v1 import values_pb2
from pullback_client import Client
from pullback_server.sessions import registry
from pullback_server.sessions.pictures import ImageCache


def image(size: int) -> values_pb2.Image:
    return values_pb2.Image(data=bytes(size))


def test_images_are_kept_within_their_bound_whatever_their_size() -> None:
    for size in (0, 100, 10_000):
        cache = ImageCache(1_000_000)
        for number in range(2_000):
            cache.put(f"session{number % 2}", f"image{number}", image(size))
        kept = [number for number in range(2_000) if cache.get(f"session{number % 2}", f"image{number}")]
        # The latest, and as many as there is room for, what an image takes beside its bytes included.
        assert kept == list(range(2_000 - len(kept), 2_000))
        assert 1_000_000 / (size + 1_500) < len(kept) <= 1_000_000 / (size + 1_000)


def test_images_of_a_session_are_forgotten_and_those_of_others_kept() -> None:
    cache = ImageCache(100_000)
    for session in ("a", "b"):
        for number in range(20):
            cache.put(session, f"image{number}", image(10))
    cache.put("a", "image0", image(20))
    cache.forget("a")
    cache.forget("none")
    assert not any(cache.get("a", f"image{number}") for number in range(20))
    assert all(cache.get("b", f"image{number}") for number in range(20))
    # Its room is free again: all of it, and no more.
    for number in range(60):
        cache.put("c", f"image{number}", image(10))
    assert all(cache.get("b", f"image{number}") for number in range(20))


def test_a_session_that_is_closed_is_in_memory_no_longer_and_is_there_when_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "LOOK_SECONDS", 0.0)
    with InProcessServer() as server, Client(server.target, timeout=60) as client:
        closed, open_one, last = (client.evolve("faces", optimizer="cma", population=4) for _ in range(3))
        batch = closed.ask()
        shown = [image.tobytes() for image in batch.images]
        closed.tell(batch, [1.0, 2.0, 3.0, 4.0])
        closed.close()
        open_one.ask()
        last.ask()
        sessions = server.server._sessions
        # It is kept for a while, for whoever closed it.
        assert closed.name.removeprefix("sessions/") in sessions._live
        monkeypatch.setattr(registry, "CLOSED_SECONDS", 0.0)
        server.wait_for_optimizers(last.name)
        last.ask()
        assert {open_one.name, last.name} == {f"sessions/{name}" for name in sessions._live}
        assert sessions.in_memory == 2
        again = client.get_session(closed.name)
        assert again.status().trials == 4
        assert [each.tobytes() for each in (closed.image(trial.image_id) for trial in batch)] == shown
