"""Eigenbases on the wire: their rows in answers and in pieces, and what is asked of them."""

from __future__ import annotations

import asyncio
import gc
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pullback.geometry import Provenance
from pullback.geometry.eigenbasis_file import Parts, write_parts
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import geometry_pb2, specs_pb2
from pullback_client import Eigenbasis
from pullback_server.damage import DataLossError
from pullback_server.eigenbases import ANSWER_BYTES, PIECE_BYTES, Eigenbases, check_rows, pieces, put_rows
from pullback_server.errors import ApiError
from pullback_server.specs import complete_eigenbasis_spec
from pullback_server.store import ResultRecord, Store
from pullback_server.transactions import Transactions

PROVENANCE = Provenance("faces", "ab" * 32, "z", "mse", "", "sketch", 2000, 7, "0.1.0")
# What gRPC takes unless told otherwise.
LARGEST_MESSAGE = 4 * 2**20


def parts_of(n: int, k: int, *, metric: bool = False) -> Parts:
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((n, n)) if metric else None
    return Parts(np.arange(k, 0.0, -1), rng.standard_normal((n, k)), whole, 0.0 if k == n else 0.5, PROVENANCE)


def header_of(parts: Parts) -> geometry_pb2.Eigenbasis:
    header = geometry_pb2.Eigenbasis(
        name="generators/faces/eigenbases/a",
        spec=specs_pb2.EigenbasisSpec(generator="generators/faces", space="z", distance="mse"),
        dim=parts.dim,
        k=parts.k,
        floor=parts.floor,
    )
    header.eigenvalues.CopyFrom(pack(parts.eigenvalues))
    return header


@pytest.mark.parametrize(
    ("n", "k", "asked", "with_metric"),
    [(4096, 500, 0, False), (4096, 500, 20, False), (1024, 1024, 0, True), (700, 3, 0, False), (3, 3, 2, True)],
)
def test_pieces_are_small_and_the_client_puts_them_together(n: int, k: int, asked: int, with_metric: bool) -> None:
    parts = parts_of(n, k, metric=k == n)
    sent = list(pieces(header_of(parts), parts, k=asked, with_metric=with_metric))
    assert max(piece.ByteSize() for piece in sent) < PIECE_BYTES + 64 * 1024
    basis = Eigenbasis.from_pieces(sent)
    np.testing.assert_array_equal(basis.eigenvectors, parts.eigenvectors[:, : asked or k])
    np.testing.assert_array_equal(basis.eigenvalues, parts.eigenvalues)
    assert (basis.k, basis.floor) == (k, parts.floor)
    if with_metric:
        assert parts.metric is not None
        np.testing.assert_array_equal(basis.metric, parts.metric)
    else:
        assert basis.metric is None


def test_answers_hold_as_many_rows_as_grpc_takes_and_say_where_to_go_on() -> None:
    parts = parts_of(1100, 1100, metric=True)
    first, rows = 0, []
    while True:
        answer = header_of(parts)
        answer.next_row = put_rows(answer, parts, k=0, with_metric=True, first=first, most_bytes=ANSWER_BYTES)
        assert answer.ByteSize() < LARGEST_MESSAGE
        assert answer.first_row == first
        rows.append(np.concatenate([unpack(answer.eigenvectors), unpack(answer.metric)], axis=1))
        first = answer.next_row
        if not first:
            break
    assert len(rows) == 10
    np.testing.assert_array_equal(np.concatenate(rows), np.concatenate([parts.eigenvectors, parts.metric], axis=1))


def test_the_whole_of_512_dimensions_is_one_answer() -> None:
    parts = parts_of(512, 512)
    answer = geometry_pb2.Eigenbasis()
    assert put_rows(answer, parts, k=0, with_metric=False, first=0, most_bytes=ANSWER_BYTES) == 0


def test_what_it_does_not_hold_is_refused() -> None:
    parts = parts_of(8, 3)
    request = geometry_pb2.GetEigenbasisRequest
    check_rows(parts, request(k=3, first_row=7))
    for wrong, message in (
        (request(k=4), r"expected 1 to 3 \(0 = all\), but 4 came"),
        (request(first_row=8), "expected 0 to 7, but 8 came"),
        (request(first_row=-1), "expected 0 to 7, but -1 came"),
        (geometry_pb2.StreamEigenbasisRequest(with_metric=True), "has 3 eigenpairs of 8 dimensions and no metric"),
    ):
        with pytest.raises(ApiError, match=message):
            check_rows(parts, wrong)


def spec_of(**fields: object) -> specs_pb2.EigenbasisSpec:
    return specs_pb2.EigenbasisSpec(generator="generators/faces", **fields)  # type: ignore[arg-type]


def test_small_spaces_are_complete_and_large_ones_say_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ApiError, match="computes the whole metric; leave k out in a space of up to 1,024 dimensions"):
        complete_eigenbasis_spec(spec_of(k=3), "spec")
    monkeypatch.setattr("pullback_server.specs.eigenbasis.LARGEST_COMPLETE", 50)
    monkeypatch.setattr("pullback.geometry.eigenbasis.MAX_ROW_BYTES", 4 * 100 * 3000)
    assert complete_eigenbasis_spec(spec_of(k=3), "spec").k == 3
    with pytest.raises(ApiError, match="expected 1 to 100, but 101 came"):
        complete_eigenbasis_spec(spec_of(k=101), "spec")
    assert complete_eigenbasis_spec(spec_of(automatic=True), "spec").samples == 3000
    with pytest.raises(ApiError, match="of a space of 100 dimensions 3,000 probes are stored at most, but 3,001 came"):
        complete_eigenbasis_spec(spec_of(samples=3001), "spec")
    iteration = specs_pb2.METRIC_METHOD_GRAM_ITERATION
    with pytest.raises(ApiError, match=r"60 positions with 50 eigenpairs each are stored at most, but 100 came"):
        complete_eigenbasis_spec(spec_of(method=iteration), "spec")


def test_a_file_is_read_once_for_all_who_want_it_at_a_time_and_damage_is_found_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, name = Store(tmp_path / "data"), "generators/faces/eigenbases/a"
    made, reads = parts_of(40, 7), []
    content = store.blobs.write(write_parts(made))
    record = ResultRecord(name, "eigenbasis", "faces", "", datetime.now(timezone.utc), b"", content)
    read = store.results.content

    def counting(asked: ResultRecord) -> bytes:
        reads.append(asked.name)
        return read(asked)

    counting.reads = True  # type: ignore[attr-defined]
    monkeypatch.setattr(store.results, "content", counting)

    async def run() -> None:
        transactions = Transactions()
        scheduler: Any = SimpleNamespace(in_store=transactions.call)
        eigenbases = Eigenbases(store, scheduler)
        opened = await asyncio.gather(*(eigenbases.open(record) for _ in range(20)))
        assert reads == [name]
        assert all(each is opened[0] for each in opened)
        np.testing.assert_array_equal(opened[0].eigenvectors, made.eigenvectors)
        (path,) = (tmp_path / "data" / "blobs").glob("??/*")
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        # Nobody has it any more.
        del opened
        await asyncio.sleep(0)
        gc.collect()
        for _ in range(2):
            with pytest.raises(DataLossError, match=f"{name} cannot be read: its file was changed or damaged"):
                await eigenbases.open(record)
        assert len(reads) == 3
        await transactions.close()

    asyncio.run(asyncio.wait_for(run(), 60))
    store.close()
