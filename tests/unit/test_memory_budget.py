"""The budget of memory: sizes as they are written, blocks that follow from it, and what is done when it is refused."""

from __future__ import annotations

import subprocess
import sys
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pullback.errors import InvalidInputError, MemoryExhaustedError
from pullback.memory import (
    Block,
    MemoryBudget,
    budget_of,
    bytes_of,
    in_blocks,
    is_context_lost,
    is_refusal,
    set_budget,
    size_text,
)
from pullback.memory import budget as budgets
from pullback.memory.budget import rounded
from pullback.pieces import finish

CPU = torch.device("cpu")
MIB = 2**20


@pytest.fixture(autouse=True)
def own_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "_budgets", {})
    monkeypatch.delenv("PULLBACK_MEMORY", raising=False)


@pytest.mark.parametrize(
    ("text", "size"),
    [("8GiB", 2**33), ("8g", 2**33), ("512 MB", 2**29), ("1.5k", 1536), ("17", 17), ("1T", 2**40), ("2kib", 2048)],
)
def test_sizes_are_read_as_they_are_written(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "0", "-3", "8 apples", "GiB", "1e9", "nan", "0.2"])
def test_what_is_no_size_is_said(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"8GiB or 512MiB, but .* came"):
        bytes_of(text)


def test_sizes_can_be_read() -> None:
    assert [size_text(size) for size in (3 * 2**29, 12 * MIB, 900)] == ["1.5 GiB", "12 MiB", "900 bytes"]


def test_a_default_is_the_same_where_a_little_more_or_less_is_free() -> None:
    assert [rounded(size) for size in (7, 8, 9, 100, 2**33, 2**33 + 12345, 3 * 2**32 - 1)] == [
        7, 8, 8, 96, 2**33, 2**33, 5 * 2**31
    ]  # fmt: skip


def test_the_budget_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_MEMORY", "64MiB")
    budget = budget_of("cpu")
    assert (budget.bytes, budget.given, budget.room()) == (64 * MIB, True, 48 * MIB)
    # Once for a process.
    monkeypatch.setenv("PULLBACK_MEMORY", "1")
    assert budget_of(CPU) is budget
    assert set_budget("cpu", 5) is budget_of("cpu")
    with pytest.raises(InvalidInputError, match="from 1 on, but 0 came"):
        set_budget("cpu", 0)


def test_a_default_is_below_what_the_process_may_take() -> None:
    code = """
import resource
from pathlib import Path
from pullback.memory import budget_of
now = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (now + 2**28,) * 2)
budget = budget_of("cpu")
print(budget.given, 2**20 <= budget.bytes <= 2**27)
"""
    if sys.platform != "linux":
        pytest.skip("limits of processes are Linux's here")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]


class Widening(nn.Module):
    """Makes a MiB of each row."""

    def forward(self, rows: Tensor) -> Tensor:
        return rows.expand(-1, MIB // 4) + 1


def test_rows_are_those_that_fit_by_what_one_was_measured_to_take() -> None:
    network = Widening()
    measured = []

    def row() -> Tensor:
        measured.append(1)
        return network(torch.zeros(1, 1))

    block = MemoryBudget(CPU, 68 * MIB).block("widened", network)
    # 51 MiB are for it, three quarters of which for several; on a CPU a row counts 2.25 times.
    assert [block.rows(wanted, row) for wanted in (1, 3, 16, 100)] == [1, 3, 16, 16]
    assert block.rows(100, row, lanes=2) == 8
    assert len(measured) == 1
    assert block.peak == pytest.approx(2.25 * MIB, rel=1e-3)


class Mapping(nn.Module):
    """Makes maps of 5 MiB of each row, and one of 64 MiB that is not of a row."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 5, 1)

    def forward(self, rows: Tensor) -> Tensor:
        maps: Tensor = self.layer(rows.expand(-1, 1, 512, 512))
        return maps * torch.ones(2**24, device=rows.device)[0]


def test_on_a_cpu_rows_at_once_have_maps_that_the_allocator_keeps() -> None:
    network = Mapping()
    block = MemoryBudget(CPU, 2**40).block("mapped", network)
    rows = [block.rows(wanted, lambda: network(torch.zeros(1, 1, 1, 1))) for wanted in (1, 6, 7, 100)]
    assert (rows, block.worth) == ([1, 6, 4, 4], 6)
    # As many as fit where nothing is had from the system.
    network.to("meta")
    elsewhere = MemoryBudget(torch.device("meta"), 2**40).block("mapped", network)
    assert elsewhere.rows(100, lambda: network(torch.zeros(1, 1, 1, 1, device="meta"))) == 100


def test_a_kind_of_work_has_one_block_for_its_networks() -> None:
    one, other = Widening(), Widening()
    budget = MemoryBudget(CPU, MIB)
    block = budget.block("widened", one, other)
    assert budget.block("widened", one, other) is block
    assert budget.block("narrowed", one, other) is not block
    assert budget.block("widened", one) is not block
    assert budget.block("widened", other, one) is not block


def test_where_not_one_row_fits_only_a_budget_that_was_given_forbids_it() -> None:
    network = Widening()

    def row() -> Tensor:
        return network(torch.zeros(1, 1))

    with pytest.raises(
        MemoryExhaustedError,
        match=r"widened: one row takes about 2\.25 MiB, and 786,432 bytes of the budget.*PULLBACK_MEMORY",
    ):
        MemoryBudget(CPU, MIB).block("widened", network).rows(1, row)
    guessed = MemoryBudget(CPU, MIB, given=False).block("widened", network)
    assert [guessed.rows(wanted, row) for wanted in (1, 50)] == [1, 1]


REFUSALS = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("std::bad_alloc"),
]
LOSSES = [
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("CUDA error: device-side assert triggered\nCompile with `TORCH_USE_CUDA_DSA`"),
    RuntimeError("CUDA error: unspecified launch failure"),
    torch.AcceleratorError("CUDA error: misaligned address"),
]
OTHERS = [
    RuntimeError("CUDA error: invalid device ordinal"),
    RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
    ValueError("out of memory of what was said"),
    RuntimeError("an illegal instruction came to the parser"),
]


def test_refusals_of_memory_and_losses_of_a_device_are_told_from_other_errors() -> None:
    assert [is_refusal(error) for error in (*REFUSALS, *LOSSES, *OTHERS)] == [True] * 8 + [False] * 8
    assert [is_context_lost(error) for error in (*REFUSALS, *LOSSES, *OTHERS)] == [False] * 8 + [True] * 4 + [False] * 4


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: type(error).__name__)
def test_a_block_that_is_refused_is_halved_and_that_is_remembered(error: Exception) -> None:
    block = Block(CPU, "rows", 10**9)
    sizes = []

    def compute(part: slice) -> Tensor:
        sizes.append(part.stop - part.start)
        if sizes[-1] > 3:
            raise error
        return torch.arange(part.start, part.stop)

    assert torch.cat(finish(in_blocks(20, 16, block, compute))).tolist() == list(range(20))
    # Those of the first block go on with what was found to fit, and so does all that follows.
    assert sizes == [16, 8, 4, *[2] * 10]
    assert block.cap == 2
    sizes.clear()
    assert len(finish(in_blocks(5, 16, block, compute))) == 3
    assert sizes == [2, 2, 1]
    assert block.rows(16, lambda: torch.zeros(1)) == 2


def test_a_single_row_that_is_refused_fails_with_what_would_do() -> None:
    block = Block(CPU, "loss and gradient", 10**9)

    def refuse(part: slice) -> None:
        raise MemoryError

    with pytest.raises(
        MemoryExhaustedError, match=r"loss and gradient: memory was refused for a single row.*smaller"
    ) as told:
        finish(in_blocks(4, 4, block, refuse))
    assert isinstance(told.value.__cause__, MemoryError)


def test_what_was_computed_before_a_refusal_is_freed_before_it_is_tried_again() -> None:
    alive: list[Callable[[], object]] = []

    def compute(part: slice) -> None:
        assert not any(known() for known in alive)
        large = torch.zeros(4)
        alive.append(weakref.ref(large))
        if part.stop - part.start > 1:
            raise MemoryError

    finish(in_blocks(2, 2, Block(CPU, "rows", 1), compute))
    assert len(alive) == 3


def test_other_errors_are_raised_as_they_are() -> None:
    def fail(part: slice) -> None:
        raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="multiplied"):
        finish(in_blocks(4, 4, Block(CPU, "rows", 1), fail))


def test_other_work_may_be_done_before_each_block() -> None:
    pieces = in_blocks(10, 4, Block(CPU, "rows", 1), lambda part: part)
    assert sum(1 for _ in pieces) == 3
