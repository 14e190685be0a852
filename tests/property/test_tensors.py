"""The codec of packed tensors, which client and server share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from pullback_api.tensors import pack, unpack
from pullback_api.v1 import values_pb2

FLOATS = st.sampled_from(["<f4", ">f4", "<f8", ">f8"]).map(np.dtype)
ARRAYS = hnp.arrays(FLOATS, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
TYPES = {values_pb2.DATA_TYPE_FLOAT32: 4, values_pb2.DATA_TYPE_FLOAT64: 8}


@given(ARRAYS)
def test_unpacking_undoes_packing_bit_by_bit(array: NDArray[np.floating[Any]]) -> None:
    message = values_pb2.Tensor.FromString(pack(array).SerializeToString())
    found = unpack(message)
    assert found.shape == array.shape
    assert found.dtype.itemsize == array.dtype.itemsize
    assert found.dtype.isnative
    # NaN, its payload and the sign of zero included.
    assert found.tobytes() == np.ascontiguousarray(array, found.dtype).tobytes()


@given(hnp.arrays(np.float32, (3, 4)))
def test_elements_travel_little_endian_and_last_axis_fastest(array: NDArray[np.float32]) -> None:
    message = pack(np.asfortranarray(array))
    assert list(message.shape) == [3, 4]
    assert message.data == b"".join(np.float32(value).astype("<f4").tobytes() for row in array for value in row)


def test_an_unpacked_tensor_can_be_written_to() -> None:
    found = unpack(pack(np.zeros(3)))
    found[0] = 1
    assert found.tolist() == [1, 0, 0]


@pytest.mark.parametrize("dtype", [np.int64, np.float16, np.complex64, np.bool_, np.object_])
def test_other_element_types_do_not_travel(dtype: type) -> None:
    with pytest.raises(ValueError, match=r"tensors travel as float32 or float64, but .* came"):
        pack(np.zeros(2, dtype))


@pytest.mark.parametrize("dtype", [0, 3, 99, -1])
def test_an_unknown_type_is_refused(dtype: int) -> None:
    tensor = values_pb2.Tensor(dtype=dtype, shape=[1], data=bytes(4))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected DATA_TYPE_FLOAT32 or DATA_TYPE_FLOAT64"):
        unpack(tensor)


@given(st.sampled_from(sorted(TYPES)), st.lists(st.integers(0, 6), max_size=4), st.integers(0, 5000))
def test_data_of_another_length_is_refused_with_both_lengths(dtype: int, shape: list[int], length: int) -> None:
    tensor = values_pb2.Tensor(dtype=dtype, shape=shape, data=bytes(length))  # type: ignore[arg-type]
    expected = math.prod(shape) * TYPES[dtype]  # type: ignore[index]
    if length == expected:
        assert unpack(tensor).shape == tuple(shape)
        return
    with pytest.raises(ValueError, match=rf"^{length} bytes of data came, but shape .* takes {expected}$"):
        unpack(tensor)


@given(
    st.sampled_from([*TYPES, 0, 7]),
    st.lists(st.integers(-(2**31), 2**31 - 1) | st.integers(-1, 3), max_size=80),
    st.binary(max_size=64),
)
def test_a_malformed_tensor_is_a_value_error_and_nothing_else(dtype: int, shape: list[int], data: bytes) -> None:
    tensor = values_pb2.Tensor(dtype=dtype, shape=shape, data=data)  # type: ignore[arg-type]
    try:
        found = unpack(tensor)
    except ValueError:
        return
    assert found.shape == tuple(shape)
    assert found.nbytes == len(data)


def test_a_negative_axis_is_refused() -> None:
    tensor = values_pb2.Tensor(dtype=values_pb2.DATA_TYPE_FLOAT32, shape=[-1, -1], data=bytes(4))
    with pytest.raises(ValueError, match=r"shape \[-1, -1\] has a negative axis"):
        unpack(tensor)
