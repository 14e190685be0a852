"""The asynchronous client against a live server: the README's example as it stands, and a lost connection."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from live_server import LiveServer
from pullback_client import BestImage, Inversion
from pullback_client.aio import AsyncClient

README = Path(__file__).parents[2] / "README.md"


def brightness(image: Image.Image) -> float:
    """A score: the mean of the image's pixels."""
    return float(np.asarray(image.convert("L"), np.float64).mean())


def test_the_readmes_example_runs(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = README.read_text("utf-8").partition("## From asyncio")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    monkeypatch.setenv("PULLBACK_TARGET", server.target)
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (16, 16), "teal").save("portrait.png")
    values: dict[str, Any] = {"brightness": brightness}
    # With a generator, a distance and an optimizer that need nothing from elsewhere.
    code = found[1]
    for call, small in (
        ('invert("portrait.png", "faces"', 'invert("portrait.png", "tiny", distance="mse", steps=5'),
        ('evolve("faces"', 'evolve("tiny", optimizer="cma", population=4'),
    ):
        assert call in code
        code = code.replace(call, small)
    values: dict[str, Any] = {"brightness": brightness}
    exec(code, values)
    inversion, best = values["inversion"], values["best"]
    assert isinstance(inversion, Inversion)
    assert inversion.label == "portrait.png"
    assert isinstance(best, BestImage)
    assert best.score == pytest.approx(brightness(best.image))


def test_many_tasks_share_a_client_and_a_session_outlives_the_server(start_server: Callable[..., LiveServer]) -> None:
    server = start_server()

    async def main() -> None:
        async with AsyncClient(server.target) as client:
            latents = await asyncio.gather(*(client.sample("tiny", 2, seed=seed % 5) for seed in range(50)))
            for seed, drawn in enumerate(latents):
                np.testing.assert_array_equal(drawn, latents[seed % 5])
            session = await client.evolve("tiny", optimizer="cma", population=4)
            batch = await session.next_batch(images=True)
            assert batch is not None
            server.kill()
            telling = asyncio.create_task(session.tell(batch, [1.0] * len(batch)))
            await asyncio.to_thread(server.start)
            # Another port: nobody answers at the old one any more, and the task can be cancelled.
            telling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await telling
        async with AsyncClient(server.target) as client:
            again = await client.session(session.name)
            assert (await again.tell(batch, [1.0] * len(batch))).recorded == len(batch)

    asyncio.run(main())
