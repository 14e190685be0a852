"""Lanes: chunks are computed side by side, those of small networks by one thread each."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pullback.inversion import Problem, Query, draw_starts, evaluate, evaluate_together
from pullback.inversion.batching import lanes
from pullback.inversion.batching.chunks import chunks_of
from pullback.inversion.batching.operations import operations_of
from pullback.pieces import finish
from toys import Curved, Euclidean, Smooth

TARGETS = torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(1))
# Nobody waits for so long; who would wait for ever fails.
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Watched(Smooth):
    """Notes who renders with how many threads; two at the same time wait for each other where they are to meet."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []
        self.meeting: threading.Barrier | None = None

    def synthesize(self, inputs: Tensor) -> Tensor:
        if self.meeting is not None:
            self.meeting.wait(PATIENCE)
        self.seen.append((threading.get_ident(), torch.get_num_threads()))
        return super().synthesize(inputs)


def questions(generator: Smooth, images: int, restarts: int = 2) -> tuple[list[Problem], list[Query]]:
    problems = Problem(generator, Curved(), "z", TARGETS[:images]).each()
    return problems, [Query(draw_starts(problem, restarts, 3)) for problem in problems]


def test_targets_are_computed_at_the_same_time_by_one_thread_each() -> None:
    generator = Watched()
    problems, queries = questions(generator, 4)
    evaluate_together(problems, queries)
    generator.seen.clear()
    # Nobody passes who is alone.
    generator.meeting = threading.Barrier(2)
    evaluate_together(problems, queries)
    assert [threads for _, threads in generator.seen] == [1] * 4
    assert threading.get_ident() not in {thread for thread, _ in generator.seen}


def test_a_target_alone_is_computed_by_one_thread_too() -> None:
    generator = Watched()
    problems, queries = questions(generator, 1)
    evaluate(problems[0], queries[0])
    assert generator.seen[-1][1] == 1


def test_large_networks_have_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "PER_THREAD", 1)
    generator = Watched()
    problems, queries = questions(generator, 3)
    generator.seen.clear()
    evaluate_together(problems, queries)
    # One of them counts what a row takes.
    assert set(generator.seen) == {(threading.get_ident(), 2)}


def test_a_lane_has_as_many_threads_as_its_operations_keep_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, distance = Smooth(), Euclidean()
    # Two products of a row, each a multiplication and an addition.
    counted = lanes._count(generator, distance)
    assert counted == 2 * (generator.inner.numel() + generator.outer.numel())
    torch.set_num_threads(7)
    for per_thread, expected in {counted: (7, 1), counted - 1: (3, 2), counted / 3: (2, 3), 1: (1, 7)}.items():
        monkeypatch.setattr(lanes, "PER_THREAD", per_thread)
        assert lanes.lanes_of(generator, distance) == lanes.Lanes(*expected)
    # One lane with fewer threads than there are is none of the calling thread either.
    seen = finish(lanes.in_lanes([torch.get_num_threads] * 3, lanes.Lanes(1, 5)))
    assert seen == [5, 5, 5]


def sizes_of(counts: list[int], device: str, rows: int, lanes: int = 1) -> list[int]:
    return [chunk.stop - chunk.start for chunk in chunks_of(counts, torch.device(device), rows, lanes)]


def test_the_rows_of_a_target_alone_keep_all_lanes_busy() -> None:
    for count, sizes in {1: [1], 2: [2], 3: [2, 1], 4: [2, 2], 6: [3, 3], 9: [4, 4, 1]}.items():
        for counts in ([count], [1, count]):
            assert sizes_of(counts, "cpu", 4, 2)[len(counts) - 1 :] == sizes


def test_rows_of_several_targets_meet_on_a_gpu_alone_and_none_is_added() -> None:
    assert sizes_of([1], "cuda", 64) == [1]
    assert sizes_of([1] * 40, "cuda", 64) == [40]
    assert sizes_of([1] * 40, "cuda", 16) == [16, 16, 8]
    assert sizes_of([3, 5], "cuda", 4) == [4, 4]
    assert sizes_of([1] * 40, "cpu", 4) == [1] * 40
    assert sizes_of([3, 5], "cpu", 4) == [3, 4, 1]


def test_one_that_fails_leaves_none_under_way() -> None:
    ended = threading.Event()
    other = threading.Event()

    def fail() -> None:
        other.set()
        raise RuntimeError("lost")

    def go_on() -> None:
        assert other.wait(PATIENCE)
        ended.set()

    with pytest.raises(RuntimeError, match="lost"):
        finish(lanes.in_lanes([fail, go_on], lanes.Lanes(2, 1)))
    assert ended.is_set()


def test_other_work_may_be_done_before_each_round() -> None:
    problems, queries = questions(Smooth(), 5)
    pieces = evaluate_together.in_pieces(problems, queries)
    assert sum(1 for _ in pieces) == 3


def test_the_calling_thread_and_those_to_come_keep_their_threads() -> None:
    lanes._executor.cache_clear()
    problems, queries = questions(Smooth(), 2)
    evaluate_together(problems, queries)
    assert torch.get_num_threads() == 2
    found = []
    later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert found == [2]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked there")
def test_a_forked_process_has_lanes_of_its_own() -> None:
    code = """
import os, warnings
import torch
from test_inversion_lanes import Smooth, evaluate_together, questions
warnings.simplefilter("ignore")
torch.set_num_threads(2)
asked = questions(Smooth(), 4)
found = evaluate_together(*asked)
child = os.fork()
again = evaluate_together(*asked)
assert all(torch.equal(one.loss, other.loss) for one, other in zip(found, again, strict=True))
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    here = Path(__file__).parent
    # What pytest's configuration lets tests import.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(here), str(here.parent), *sys.path]))}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=300)


@pytest.mark.parametrize("images", [1, 3])
def test_operations_are_those_that_torch_counts(images: int) -> None:
    with torch.random.fork_rng(devices=[]):
        network = nn.Sequential(
            nn.Linear(6, 4 * 4 * 4),
            nn.Unflatten(1, (4, 4, 4)),
            nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2),
            nn.Conv2d(6, 8, 3, dilation=2, bias=False),
            nn.Flatten(2),
        )

    def run() -> Tensor:
        features: Tensor = network(torch.ones(images, 6))
        attention = torch.baddbmm(torch.ones(images, 8, 8), features, features.transpose(1, 2))
        return attention @ features

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    assert operations_of(run) == counter.get_total_flops() > 0


def test_counting_does_not_load_the_compiler() -> None:
    code = (
        "import sys, torch\n"
        "from pullback.inversion.batching.operations import operations_of\n"
        "from pullback.memory.measurement import measured_peak\n"
        "assert operations_of(lambda: torch.ones(2, 3) @ torch.ones(3, 4)) == 2 * 2 * 3 * 4\n"
        "assert measured_peak(lambda: torch.ones(8), torch.device('cpu')) >= 32\n"
        "assert 'torch._dynamo' not in sys.modules\n"
        "import pullback.distances\n"
        "pullback.distances.load('mse')\n"
        "assert not {'timm', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
