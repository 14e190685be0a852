"""Bounded memory, as the operating system sees it, and precision."""

from __future__ import annotations

import multiprocessing
import re
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from memory_probe import growth_of_the_process
from pullback.errors import InvalidInputError, MemoryExhaustedError
from pullback.geometry import global_metric, metric_tensor
from pullback.geometry.precision import full_precision
from pullback.memory import budget, largest_block, measured_peak, set_budget
from toys import Convolutional, Curved, Euclidean, Smooth

MIB = 2**20
METHODS = ["gram", "gram_iteration", "gauss_newton", "full_backprop", "backward_iteration", "forward_iteration"]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def counted(run: Callable[[], object]) -> float:
    """Bytes of the tensors of a computation at their peak, without the room for scratch memory."""
    device = torch.device("cpu")
    return measured_peak(run, device) / measured_peak(lambda: torch.ones(MIB, dtype=torch.int8), device) * MIB


@on_linux
@pytest.mark.parametrize(
    ("method", "bound"),
    [
        ("gram", 20),
        ("gram", 72),
        ("gauss_newton", 24),
        ("gauss_newton", 80),
        ("full_backprop", 40),
        ("gram_iteration", 32),
        ("sketch", 40),
    ],
)
def test_a_bound_is_kept_by_a_512_dimensional_generator_of_128_pixels(method: str, bound: int) -> None:
    # In a process of its own: what other tests left on the heap of this one would be counted or used unseen.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        growth = pool.submit(growth_of_the_process, method, bound * MIB).result()
    assert 0 < growth <= bound * MIB


@pytest.mark.parametrize("method", ["gram", "gauss_newton"])
@pytest.mark.parametrize("bound", [20_000, 24_000, 48_000, 10**9])
def test_a_bound_changes_the_blocks_and_not_the_metric(bound: int, method: str) -> None:
    generator, distance = Smooth(dim=24), Curved()
    latent = torch.ones(24)
    whole = metric_tensor(generator, distance, latent, "z", method)
    bounded = metric_tensor(generator, distance, latent, "z", method, max_memory=bound + 4 * 24**2 * 8)
    assert (bounded - whole).norm() <= 1e-5 * whole.norm()


@pytest.mark.parametrize(("method", "features"), [("gram", 2), ("gauss_newton", 1)])
def test_the_jacobian_is_not_held_where_it_does_not_fit(method: str, features: int) -> None:
    """Of `Curved` an image has two features a pixel."""
    generator, distance, latent = Smooth(dim=120, image_shape=(3, 64, 64)), Curved(), torch.ones(120)
    jacobian = 120 * features * 3 * 64 * 64 * latent.element_size()
    assert counted(lambda: metric_tensor(generator, distance, latent, "z", method)) > jacobian
    assert counted(lambda: metric_tensor(generator, distance, latent, "z", method, max_memory=jacobian)) < jacobian


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Budgets that are said here end with the test."""
    monkeypatch.setattr(budget, "_budgets", {})


@pytest.mark.usefixtures("budgets")
@pytest.mark.parametrize(("method", "features"), [("gram", 2), ("gauss_newton", 1)])
def test_without_a_bound_the_budget_says_whether_the_jacobian_is_held(method: str, features: int) -> None:
    distance, latent = Curved(), torch.ones(120)
    jacobian = 120 * features * 3 * 64 * 64 * latent.element_size()
    whole = metric_tensor(Smooth(dim=120, image_shape=(3, 64, 64)), distance, latent, "z", method)
    for room, fewer in ((100 * jacobian, False), (jacobian, True)):
        set_budget("cpu", room)
        generator, found = Smooth(dim=120, image_shape=(3, 64, 64)), []
        peak = counted(lambda: found.append(metric_tensor(generator, distance, latent, "z", method)))  # noqa: B023
        assert (peak < jacobian) == fewer
        assert (found[0] - whole).norm() <= 1e-5 * whole.norm()


@pytest.mark.usefixtures("budgets")
@pytest.mark.parametrize("method", ["gram", "gauss_newton", "gram_iteration", "sketch"])
def test_a_budget_that_has_no_room_for_a_single_row_is_an_error(method: str) -> None:
    set_budget("cpu", 1000)
    with pytest.raises(MemoryExhaustedError, match=r"one row takes about .* give it more"):
        global_metric(Convolutional(16, 16), Euclidean(), "z", method=method, samples=2)


@pytest.mark.usefixtures("budgets")
def test_a_budget_makes_blocks_smaller_and_not_another_sketch() -> None:
    whole = global_metric(Convolutional(16, 16), Euclidean(), "z", samples=20)
    peak = measured_peak(lambda: global_metric(Convolutional(16, 16), Euclidean(), "z", samples=1), torch.device("cpu"))
    set_budget("cpu", 4 * peak)
    found = global_metric(Convolutional(16, 16), Euclidean(), "z", samples=20)
    np.testing.assert_allclose(found.metric, whole.metric, rtol=1e-4, atol=1e-6 * np.abs(whole.metric).max())


@pytest.mark.parametrize("method", [*METHODS, "sketch"])
def test_too_small_a_bound_says_the_least_that_works(method: str) -> None:
    generator, distance = Convolutional(16, 16), Euclidean()

    def run(max_memory: int) -> None:
        if method == "sketch":
            global_metric(generator, distance, "z", samples=2, max_memory=max_memory)
        else:
            metric_tensor(generator, distance, torch.ones(16), "z", method, max_memory=max_memory)

    with pytest.raises(InvalidInputError, match=f"method '{method}' needs at least max_memory") as raised:
        run(1000)
    found = re.search(r"max_memory = ([\d,]+) bytes \([\d,]+ MiB\) here, but 1,000 came", str(raised.value))
    assert found is not None
    least = int(found[1].replace(",", ""))
    run(least)
    with pytest.raises(InvalidInputError, match="needs at least"):
        run(least // 2)


def test_the_least_of_a_mean_over_positions_counts_the_sums() -> None:
    generator, distance = Convolutional(16, 16), Euclidean()
    options: dict[str, Any] = {"method": "gram", "samples": 2}
    with pytest.raises(InvalidInputError) as raised:
        global_metric(generator, distance, "z", max_memory=1000, **options)
    least = int(re.search(r"max_memory = ([\d,]+)", str(raised.value))[1].replace(",", ""))  # type: ignore[index]
    global_metric(generator, distance, "z", max_memory=least, **options)


def test_the_peak_counts_what_is_alive_at_once() -> None:
    outside = torch.ones(MIB // 4)

    def run() -> None:
        one = outside * 2
        two = one.view(2, -1) + 1
        del one
        (two * 3).sum()

    # Two of 1 MiB at a time, though three are made; neither views nor what was there before count.
    assert 2 <= counted(run) / MIB < 2.01


def test_the_largest_block_grows_from_what_was_measured_and_never_past_the_room() -> None:
    asked: list[int] = []

    def peak_of(block: int) -> int:
        asked.append(block)
        return 100 + 10 * block

    block, peak = largest_block(peak_of, 64, 500)
    assert all(100 + 10 * size <= 500 for size in asked)
    assert (peak, asked[0]) == (100 + 10 * block, 1)
    # A quarter of the room stays free.
    assert 20 <= block <= 27
    assert largest_block(peak_of, 8, 500) == (8, 180)
    assert largest_block(peak_of, 8, 109) == (0, 110)


def test_precision_is_full_within_and_what_it_was_after() -> None:
    matmul, convolution = torch.backends.cuda.matmul, torch.backends.cudnn
    before = (matmul.allow_tf32, convolution.allow_tf32)
    matmul.allow_tf32 = convolution.allow_tf32 = True
    try:
        with full_precision():
            assert not _allows_tf32()
        with pytest.raises(RuntimeError, match="inside"), full_precision():
            raise RuntimeError("inside")
        assert (matmul.allow_tf32, convolution.allow_tf32) == (True, True)
        seen: list[bool] = []

        class Watching(Curved):
            def embed(self, images: torch.Tensor) -> torch.Tensor:
                seen.append(_allows_tf32())
                return super().embed(images)

        for method in METHODS:
            metric_tensor(Smooth(), Watching(), torch.ones(6), "z", method)
        global_metric(Smooth(), Watching(), "z", samples=2)
        assert seen
        assert not any(seen)
    finally:
        matmul.allow_tf32, convolution.allow_tf32 = before


def _allows_tf32() -> bool:
    cudnn: Any = torch.backends.cudnn
    if hasattr(cudnn, "conv"):
        matmul: Any = torch.backends.cuda.matmul
        return bool(matmul.fp32_precision == "tf32" or cudnn.conv.fp32_precision == "tf32")
    return torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32
