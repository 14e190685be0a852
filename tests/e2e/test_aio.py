"""The asynchronous client against a live server: the README's example as it stands, and a lost connection."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from live_server import LiveServer
from pullback_client.aio import AsyncClient


def test_many_tasks_share_a_client_and_a_session_outlives_the_server(live: LiveServer) -> None:

    async def main() -> None:
        async with AsyncClient(live.target) as client:
            latents = await asyncio.gather(*(client.sample("tiny", 2, seed=seed % 5) for seed in range(50)))
            for seed, drawn in enumerate(latents):
                np.testing.assert_array_equal(drawn, latents[seed % 5])
            session = await client.evolve("tiny", optimizer="cma", population=4)
            batch = await session.next_batch(images=True)
            assert batch is not None
            live.kill()
            telling = asyncio.create_task(session.tell(batch, [1.0] * len(batch)))
            await asyncio.to_thread(live.start)
            # Another port: nobody answers at the old one any more, and the task can be cancelled.
            telling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await telling
        async with AsyncClient(live.target) as client:
            again = await client.get_session(session.name)
            assert (await again.tell(batch, [1.0] * len(batch))).recorded == len(batch)

    asyncio.run(main())
