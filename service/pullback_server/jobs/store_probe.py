"""Probe of the store: whether it still answers, and can be written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from pullback_server.deadlines import within
from pullback_server.error_texts import unforeseen
from pullback_server.errors import ApiError
from pullback_server.store import Store
from pullback_server.supervision import Part
from pullback_server.transactions import Transactions

# How often the store is asked whether it is there, and how long its answer may take.
PROBE_SECONDS, ANSWER_SECONDS = 1.0, 3.0

_log = logging.getLogger(__name__)


async def probe_store(store: Store, transactions: Transactions, part: Part) -> None:
    """Asks the store again and again, for ever.

    Args:
        store: The store.
        transactions: What calls it.
        part: Where health sees how it is.
    """
    while True:
        await asyncio.sleep(PROBE_SECONDS)
        try:
            await _answered(ANSWER_SECONDS, transactions, store.jobs.queue_length)
            await _answered(2 * ANSWER_SECONDS, transactions, store.probe, write=bool(transactions.trouble))
        except asyncio.TimeoutError:
            part.unwell(transactions.trouble or f"it has not answered for {ANSWER_SECONDS:.0f} s")
        except ApiError as error:
            part.unwell(error.message)
        except Exception as error:
            trouble = unforeseen()
            _log.error("the store cannot be asked: %s", trouble, exc_info=error)
            part.unwell(trouble)
        else:
            part.well()


async def _answered(seconds: float, transactions: Transactions, method: Callable[..., Any], **options: Any) -> None:
    """Waits for the answer to a question, at most so long; others' answers meanwhile do, where there is a queue.

    Raises:
        asyncio.TimeoutError: Nobody has been answered.
    """
    before = transactions.answers(method)
    try:
        await within(seconds, transactions.call(method, **options))
    except asyncio.TimeoutError:
        if transactions.answers(method) == before:
            raise
