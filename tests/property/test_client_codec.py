"""Packed tensors and images go there and back unchanged; broken ones are clear errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pullback_api.v1 import values_pb2
from pullback_client import BadResponseError, InvalidArgumentError
from pullback_client.codec import array_from_tensor, image_from_wire, tensor_from_array

shapes = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
floats = st.sampled_from(["<f4", ">f4", "<f8", ">f8"])


@given(floats.flatmap(lambda dtype: npst.arrays(dtype, shapes)))
def test_floats_go_there_and_back_bit_for_bit(array: np.ndarray) -> None:
    wire = values_pb2.Tensor.FromString(tensor_from_array(array).SerializeToString())
    back = array_from_tensor(wire)
    native = array.astype(array.dtype.newbyteorder("="))
    assert (back.dtype, back.shape) == (native.dtype, native.shape)
    assert back.tobytes() == native.tobytes()
    assert back.flags.writeable


@given(npst.arrays(st.sampled_from([np.int8, np.uint8, np.int16, np.float16]), shapes))
def test_small_numbers_are_sent_as_float32_without_loss(array: np.ndarray) -> None:
    back = array_from_tensor(tensor_from_array(array))
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, array)


@given(npst.arrays(np.float64, npst.array_shapes(min_dims=2, max_dims=2)))
def test_the_order_in_memory_does_not_matter(array: np.ndarray) -> None:
    assert tensor_from_array(np.asfortranarray(array)) == tensor_from_array(np.ascontiguousarray(array))


@given(npst.arrays(np.float32, shapes), st.binary(min_size=1, max_size=9))
def test_bytes_too_many_are_a_clear_error(array: np.ndarray, extra: bytes) -> None:
    tensor = tensor_from_array(array)
    tensor.data += extra
    with pytest.raises(BadResponseError, match=r"latents: shape \(.*\) of float32 takes \d+ bytes, got \d+"):
        array_from_tensor(tensor, "latents")


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=6))
def test_a_shape_from_nowhere_is_a_clear_error_without_allocating(shape: list[int]) -> None:
    tensor = values_pb2.Tensor(dtype="DATA_TYPE_FLOAT64", shape=shape, data=b"1")
    with pytest.raises(BadResponseError, match=r"negative size|bytes, got 1"):
        array_from_tensor(tensor)


@given(st.integers(3, 2**31 - 1) | st.just(0))
def test_an_unknown_element_type_is_a_clear_error(number: int) -> None:
    tensor = values_pb2.Tensor.FromString(values_pb2.Tensor(dtype=number).SerializeToString())  # type: ignore[arg-type]
    with pytest.raises(BadResponseError, match=f"unknown element type {number}"):
        array_from_tensor(tensor)


@pytest.mark.parametrize("value", ["text", [1 + 2j], [None], [True]])
def test_what_is_not_a_real_number_is_refused(value: object) -> None:
    with pytest.raises(InvalidArgumentError, match="expected an array of real numbers, got dtype"):
        tensor_from_array(value)  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_bytes_that_are_no_image_are_a_clear_error(data: bytes) -> None:
    with pytest.raises(BadResponseError, match=rf"preview: {len(data)} bytes that are not an image"):
        image_from_wire(values_pb2.Image(data=data), "preview")
