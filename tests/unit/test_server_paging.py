"""Page sizes, page tokens and the cursors within them."""

from __future__ import annotations

import grpc
import pytest

from pullback_server.errors import ApiError
from pullback_server.servicers.paging import decode_token, encode_token, page_size, read_cursor


@pytest.mark.parametrize(("requested", "size"), [(0, 100), (1, 1), (77, 77), (1000, 1000)])
def test_a_page_has_the_size_that_was_asked_for_or_a_hundred(requested: int, size: int) -> None:
    assert page_size(requested) == size


@pytest.mark.parametrize("requested", [-1, 1001, 2**31 - 1, -(2**31)])
def test_another_page_size_is_an_invalid_argument(requested: int) -> None:
    with pytest.raises(ApiError, match=rf"page_size: expected 1 to 1000 \(0 = 100\), but {requested} came") as caught:
        page_size(requested)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in caught.value.violations] == ["page_size"]


@pytest.mark.parametrize("cursor", ["0", "17", "faces", "ünïcode", "a" * 500])
def test_a_token_stands_for_its_place(cursor: str) -> None:
    assert decode_token(encode_token(cursor)) == cursor


def test_no_token_is_the_first_page() -> None:
    assert decode_token("") is None
    assert read_cursor(None) is None


@pytest.mark.parametrize("token", ["x", "MTc", "a b c d", "ünïcode=", "////", "\x00", "=", "MTc=\n"])
def test_a_token_that_nobody_made_is_an_invalid_argument(token: str) -> None:
    with pytest.raises(ApiError, match="page_token: not a token of this method") as caught:
        read_cursor(decode_token(token))
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT


def test_a_cursor_is_the_number_of_a_row() -> None:
    assert read_cursor("17") == 17


@pytest.mark.parametrize(
    "cursor", ["", "-1", "1.5", "seven", "٣", "²", " 1", "9" * 30, "9" * 5000], ids=lambda text: text[:31]
)
def test_a_cursor_that_is_no_number_of_a_row_is_an_invalid_argument(cursor: str) -> None:
    with pytest.raises(ApiError, match="page_token: not a token of this method") as caught:
        read_cursor(cursor)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
