"""What the client makes of arrays and images on the wire; the codec itself is tested in test_tensors.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pullback_api.v1 import values_pb2
from pullback_client import BadResponseError, InvalidArgumentError
from pullback_client.wire.codec import array_from_tensor, image_from_wire, tensor_from_array

shapes = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)


@given(npst.arrays(st.sampled_from([np.int8, np.uint8, np.int16, np.float16]), shapes))
def test_small_numbers_are_sent_as_float32_without_loss(array: np.ndarray) -> None:
    back = array_from_tensor(tensor_from_array(array))
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, array)


def test_a_broken_tensor_from_the_server_is_a_clear_error() -> None:
    tensor = tensor_from_array(np.zeros((2, 3), dtype=np.float32))
    tensor.data += b"x"
    with pytest.raises(
        BadResponseError, match=r"latents: 25 bytes of data came, but shape \[2, 3\] of float32 takes 24"
    ):
        array_from_tensor(tensor, "latents")


@pytest.mark.parametrize("value", ["text", [1 + 2j], [None], [True]])
def test_what_is_not_a_real_number_is_refused(value: object) -> None:
    with pytest.raises(InvalidArgumentError, match="expected an array of real numbers, got dtype"):
        tensor_from_array(value)  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_bytes_that_are_no_image_are_a_clear_error(data: bytes) -> None:
    with pytest.raises(BadResponseError, match=rf"preview: {len(data)} bytes that are not an image"):
        image_from_wire(values_pb2.Image(data=data), "preview")
