"""Resource names, whatever comes."""

from __future__ import annotations

import contextlib

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback_server import names
from pullback_server.errors import ApiError

IDS = st.from_regex(r"[a-z0-9](?:[a-z0-9._-]{0,120}[a-z0-9])?", fullmatch=True)
JUNK = st.text() | st.lists(st.sampled_from(["generators", "eigenbases", "jobs", "-", "", "a", "A", "\n", "/"])).map(
    "/".join
)


@given(IDS, IDS)
def test_parsing_undoes_formatting(first: str, second: str) -> None:
    assert names.parse_generator(names.generator_name(first), "f") == first
    assert names.parse_eigenbasis(names.eigenbasis_name(first, second), "f") == (first, second)
    assert names.parse_inversion(names.inversion_name(first), "f") == first
    assert names.parse_job(names.job_name(first), "f") == first


@given(JUNK)
def test_formatting_undoes_parsing_and_anything_else_is_an_invalid_argument(name: str) -> None:
    forms = (
        (names.parse_generator, names.generator_name),
        (names.parse_inversion, names.inversion_name),
        (names.parse_job, names.job_name),
    )
    for parse, form in forms:
        try:
            identifier = parse(name, "f")
        except ApiError as error:
            if error.code != grpc.StatusCode.INVALID_ARGUMENT:
                raise
        else:
            assert form(identifier) == name


@given(JUNK)
def test_no_junk_is_an_eigenbasis_of_another_name(name: str) -> None:
    with contextlib.suppress(ApiError):
        assert names.eigenbasis_name(*names.parse_eigenbasis(name, "f")) == name


@given(IDS, IDS)
def test_a_name_of_one_kind_is_none_of_another(first: str, second: str) -> None:
    for name in (names.generator_name(first), names.eigenbasis_name(first, second), names.inversion_name(first)):
        with pytest.raises(ApiError):
            names.parse_job(name, "f")
