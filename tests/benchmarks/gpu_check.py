"""The library on a GPU, in one run of under 6 minutes and without a network.

    gpu_check.py [--device cuda] [--small] [--only EXPRESSION]

Runs the tests that are marked `cuda`, and prints the seconds of a step of an inversion, of a probe of a sketch and of a
position of `gram` for StyleGAN2 config-f at 1024 px and for a generator of 4,096 dimensions, under LPIPS over AlexNet
whose backbone is drawn. Beside them stands which share they reach of the speed of a large matrix product in float32 on
the same device, without TensorFloat-32; operations are those that `torch.utils.flop_counter` counts. `--small` takes
small networks: with `--device cpu` all of it runs on any machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from full_size import WIDEST, FullyConnected, stylegan2
from reporting import Figure, Report
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from pullback.distances import DistanceEntry, EmbeddingDistance, PublishedLpips
from pullback.generators import Generator
from pullback.geometry import metric_estimator, metric_tensor
from pullback.geometry.precision import full_precision
from pullback.inversion import Problem, TargetSearches, evaluate_together, make_solver

TESTS = Path(__file__).resolve().parents[1] / "unit" / "test_on_accelerator.py"
TEST_SECONDS, MOST_REPEATS = 150, 20
PROBES = 16
# Directions of a position: as many go through the generator at once as have room.
ROOM = 2**33


@dataclass(frozen=True)
class Sizes:
    """How large the networks are.

    Attributes:
        side: Of StyleGAN2's images, px.
        widest: Its channels, at most, and dimensions of w.
        dim: Of the other generator's latents.
        matrix: Side of the matrices whose product tells how fast the device is.
        seconds: After which nothing is repeated.
    """

    side: int
    widest: int
    dim: int
    matrix: int
    seconds: float


FULL, SMALL = Sizes(1024, WIDEST, 4096, 8192, 3.0), Sizes(32, 8, 32, 128, 0.0)


def drawn_lpips(device: torch.device) -> EmbeddingDistance:
    """LPIPS over an AlexNet whose weights are drawn: as much work as the published one, and nothing to be fetched."""
    torch.manual_seed(0)
    backbone = {f"features.{name}": it for name, it in torchvision.models.alexnet().features.state_dict().items()}
    entry = DistanceEntry("lpips-drawn", "Seeded AlexNet", "lpips", backbone="alex")
    return PublishedLpips(entry, backbone).requires_grad_(False).eval().to(device)


def synchronize(device: torch.device) -> None:
    """Waits until everything is computed."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(run: Callable[[], object], device: torch.device, most: float) -> float:
    """The least seconds of several runs, after one that does not count."""
    run()
    least, spent = float("inf"), 0.0
    for _ in range(MOST_REPEATS):
        synchronize(device)
        began = time.perf_counter()
        run()
        synchronize(device)
        took = time.perf_counter() - began
        least, spent = min(least, took), spent + took
        if spent > most:
            break
    return least


class Operations(TorchDispatchMode):
    """Counts floating-point operations of matrix products and convolutions by torch's formulas.

    Torch's own counter follows modules besides, which a module whose input is differentiated does not survive.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        if (formula := flop_registry.get(func.overloadpacket)) is not None:
            self.total += int(formula(*args, **kwargs, out_val=found))
        return found


def operations_of(run: Callable[[], object]) -> int:
    """Floating-point operations of its matrix products and convolutions."""
    with Operations() as counter:
        run()
    return counter.total


def speed_of(device: torch.device, sizes: Sizes) -> float:
    """Operations a second of the product of two square float32 matrices."""
    left, right = (torch.randn(sizes.matrix, sizes.matrix, device=device) for _ in range(2))
    with full_precision():
        return 2 * sizes.matrix**3 / seconds_of(lambda: left @ right, device, sizes.seconds)


def work_of(generator: Generator, distance: EmbeddingDistance, space: str) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    target = torch.full((1, *generator.image_shape), 0.5, device=generator.device)
    problem = Problem(generator, distance, space, target)
    latent = generator.space(space).sample(1, 0)[0]
    start = latent.to(generator.device)[None, None]
    searches = TargetSearches.begin(make_solver("adam", steps=100), problem, start)
    estimator = metric_estimator(generator, distance, space, samples=PROBES)

    def step() -> object:
        problems, queries = zip(*searches.ask(), strict=True)
        return searches.tell(evaluate_together(problems, queries))

    return {
        "inversion step": step,
        f"shard of {PROBES} probes": lambda: estimator.step(estimator.init()),
        "position of gram": lambda: metric_tensor(generator, distance, latent, space, "gram", max_memory=ROOM),
    }


def run_tests(report: Report, device: torch.device, only: str) -> None:
    """The tests that are marked `cuda`, in a process of their own."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "-k", only, str(TESTS)]
    environment = {**os.environ, "PULLBACK_CHECK_DEVICE": str(device)}
    began = time.perf_counter()
    run = subprocess.run(
        command,
        check=False,
        env=environment,
        cwd=TESTS.parents[2],
        timeout=TEST_SECONDS,
        capture_output=True,
        text=True,
    )
    *_, last = run.stdout.strip().splitlines() or [run.stderr[-500:]]
    if run.returncode:
        sys.stderr.write(run.stdout + run.stderr)
    seconds = time.perf_counter() - began
    report.add(Figure("tests marked cuda: exit status", run.returncode, "0", run.returncode == 0, last))
    report.note(part="tests", seconds=round(seconds, 1))


def run_work(report: Report, device: torch.device, sizes: Sizes) -> None:
    """Seconds, and shares of the device's speed, of both generators."""
    speed = speed_of(device, sizes)
    report.add(Figure("float32 matrix product, TFLOP/s", speed / 1e12, detail=f"{sizes.matrix} × {sizes.matrix}"))
    distance = drawn_lpips(device)
    style = stylegan2(sizes.side, widest=sizes.widest)
    connected = FullyConnected(sizes.dim, min(sizes.side, 256))
    for generator, space in ((style, "w"), (connected, "z")):
        generator.to(device)
        for name, run in work_of(generator, distance, space).items():
            operations, seconds = operations_of(run), seconds_of(run, device, sizes.seconds)
            share = operations / seconds / speed
            detail = f"{operations / 1e9:.4g} GFLOP; {share:.0%} of a matrix product's speed"
            report.add(Figure(f"{generator.name}: {name}, s", seconds, detail=detail))


def main() -> int:
    """Runs everything and prints the table; 1 where a test failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda", help="where to compute")
    parser.add_argument("--small", action="store_true", help="small networks")
    parser.add_argument("--only", default="", help="which tests, as `pytest -k` takes it")
    asked = parser.parse_args()
    device = torch.device(asked.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("no CUDA device here; try --small --device cpu")
    report = Report("gpu check")
    report.note(device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu", small=asked.small)
    run_tests(report, device, asked.only)
    run_work(report, device, SMALL if asked.small else FULL)
    report.print_table()
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
