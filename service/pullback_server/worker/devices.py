"""Devices of this machine, as torch sees them (those that `CUDA_VISIBLE_DEVICES` leaves visible), and their memory."""

from __future__ import annotations

from dataclasses import replace

import torch

from pullback.memory import budget_of, default_bytes, set_budget
from pullback_server.protocol.messages import DeviceMemory, Ready


def resolved(device: str) -> str:
    """The device that is meant: by `auto` the first GPU, or the CPU where there is none; by `cuda` the first GPU."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return "cuda:0" if device == "cuda" else device


def take(device: str) -> Ready:
    """Has this process compute on a device that was resolved.

    Returns:
        What the server is told: the device, all of its kind, its model, and a GPU's size.
    """
    if torch.device(device).type != "cuda":
        return Ready(device, (device,), device)
    # What names no device means this one.
    torch.cuda.set_device(device)
    alike = tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    total = torch.cuda.get_device_properties(device).total_memory
    return Ready(device, alike, torch.cuda.get_device_name(device), total=total)


def take_memory(ready: Ready, limit: int | None, given: bool, sharing: int) -> Ready:
    """Sets this process's budget of memory on the device that it has taken.

    Args:
        ready: What `take` gave.
        limit: Bytes; None for what `PULLBACK_MEMORY` says, or a share of what is free.
        given: Whether somebody has said so.
        sharing: How many workers share what is free.

    Returns:
        What the server is told, with the memory.
    """
    budget = budget_of(ready.device)
    if limit is not None:
        budget = set_budget(ready.device, limit, given=given)
    elif not budget.given:
        budget = set_budget(ready.device, default_bytes(budget.device, sharing), given=False)
    return replace(ready, memory=budget.bytes, given=budget.given)


def used_memory(device: str) -> DeviceMemory | None:
    """What this process uses on its device; None of the CPU, whose memory is that of the process."""
    if torch.device(device).type != "cuda":
        return None
    return DeviceMemory(torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device))
