"""Arrays of every make: read without a copy, and the same kind comes back."""

import re

import numpy as np
import pytest

import faltung as ft
from faltung.arrays import Like, adopt
from faltung.errors import DTypeError, ShapeError


class Foreign:
    """Speaks DLPack, with a namespace of its own."""

    def __init__(self, array, device=1):
        self.array, self.device = array, device

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device, 0

    def __array_namespace__(self):
        return Namespace


class Namespace:
    from_dlpack = staticmethod(lambda array: Foreign(np.from_dlpack(array)))


class Interface:
    """Speaks the array interface."""

    def __init__(self, array):
        self.array = array
        self.__array_interface__ = array.__array_interface__


def fails(error, text):
    return pytest.raises(error, match=f"^{re.escape(text)}$")


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
                                   "float16", "float32", "float64", "complex64", "complex128"])
def test_an_ndarray_is_taken_as_it_is(dtype):
    array = np.zeros((3, 4), dtype)[::2, ::-1]
    array.flags.writeable = False
    adopted, restore = adopt(array, "convolve", "x")
    assert adopted is array
    assert restore is None


def test_long_long_is_int64_by_another_name():
    assert adopt(np.zeros(3, np.longlong), "convolve", "x")[0].dtype.name == "int64"


def test_byte_order_becomes_native():
    adopted, _ = adopt(np.arange(3, dtype=">f4"), "convolve", "x")
    assert adopted.dtype == np.float32
    assert adopted.dtype.isnative
    assert adopted.tolist() == [0, 1, 2]


def test_lists_scalars_and_the_array_interface():
    assert adopt([1, 2], "convolve", "x")[0].dtype == np.int64
    assert adopt(1.5, "convolve", "x")[0].shape == ()
    array = np.arange(4.0)
    adopted, restore = adopt(Interface(array), "convolve", "x")
    assert np.shares_memory(adopted, array)
    assert restore is None


def test_matrices_are_arrays():
    matrix = np.arange(4.0).reshape(2, 2).view(type("Sub", (np.ndarray,), {}))
    assert type(adopt(matrix, "convolve", "x")[0]) is np.ndarray


def test_dlpack_in_and_out():
    array = np.arange(4.0)
    adopted, restore = adopt(Foreign(array), "convolve", "x")
    assert np.shares_memory(adopted, array)
    assert isinstance(restore(adopted), Foreign)
    result = ft.convolve(Foreign(array), np.ones(2))
    assert isinstance(result, Foreign)
    assert result.array.tolist() == [0, 1, 3, 5, 3]
    assert isinstance(ft.convolve(array, Foreign(np.ones(2))), np.ndarray)


@pytest.mark.parametrize(("value", "text"), [
    (np.array(["a", "b"]), "convolve: x has dtype <U1, which is not supported; "),
    (np.array([None, 1]), "convolve: x has dtype object, which is not supported; "),
    (np.array(["2020-01-01"], "M8[D]"), "convolve: x has dtype datetime64[D], which is not supported; "),
    (np.zeros(2, np.longdouble), "convolve: x has dtype float128, which is not supported; "),
    (np.zeros(2, "f4,i4"), "convolve: x has dtype [('f0', '<f4'), ('f1', '<i4')], which is not supported; "),
    (["1", "2"], "convolve: x has dtype <U1, which is not supported; "),
    (None, "convolve: x has dtype object, which is not supported; "),
])
def test_dtypes_that_are_no_numbers(value, text):
    rest = "use bool, an integer of 8 to 64 bits, float16, bfloat16, float32, float64, complex64 or complex128"
    with fails(DTypeError, text + rest):
        adopt(value, "convolve", "x")


def test_ragged_lists():
    with pytest.raises(DTypeError, match=r"^convolve: x cannot be read as an array of numbers \(.*inhomogeneous.*\)$"):
        adopt([[1, 2], [3]], "convolve", "x")


def test_a_mask_would_be_lost():
    with fails(DTypeError, "convolve: x is a masked array, and its mask would be lost; pass x.filled(number)"):
        adopt(np.ma.array([1, 2], mask=[0, 1]), "convolve", "x")


def test_other_devices():
    with fails(DTypeError, "conv: w is on DLPack device 2, not in main memory (1); copy it to the CPU first"):
        adopt(Foreign(np.ones(2), device=2), "conv", "w")


def test_like():
    assert Like((2, 3)) == Like([2, np.int64(3)], np.float32)
    assert Like(5, "uint8").shape == (5,)
    assert (Like((2, 3)).ndim, hash(Like(1)) == hash(Like(1))) == (2, True)
    with fails(ShapeError, "Like: shape (2, -1) must be made of integers of at least 0"):
        Like((2, -1))
    rest = "use bool, an integer of 8 to 64 bits, float16, bfloat16, float32, float64, complex64 or complex128"
    with fails(DTypeError, f"Like: dtype 'float33' is not supported; {rest}"):
        Like((2,), "float33")


def test_bfloat16_of_ml_dtypes():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    result = ft.convolve(np.ones(3, bfloat16), np.ones(2, bfloat16))
    assert result.dtype == bfloat16
    assert result.astype(float).tolist() == [1, 2, 2, 1]


# ---------------------------------------------------------------- torch

@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def test_tensors_in_and_out(torch):
    x, k = torch.arange(6.0).reshape(2, 3), torch.ones(1, 2)
    result = ft.convolve(x, k)
    assert isinstance(result, torch.Tensor)
    assert result.tolist() == ft.convolve(x.numpy(), k.numpy()).tolist()
    out = torch.zeros(2, 4)
    assert ft.convolve(x, k, out=out) is out
    assert out.tolist() == result.tolist()
    assert np.shares_memory(adopt(x.T, "convolve", "x")[0], x.numpy())


def test_bfloat16_tensors(torch):
    pytest.importorskip("ml_dtypes")
    x = torch.ones(3, dtype=torch.bfloat16)
    result = ft.convolve(x, x[:2])
    assert result.dtype == torch.bfloat16
    assert result.tolist() == [1, 2, 2, 1]


def test_conjugated_tensors(torch):
    x = torch.tensor([1j, 2j]).conj()
    assert ft.convolve(x, torch.ones(1)).tolist() == [-1j, -2j]


def test_tensors_that_want_gradients(torch):
    with fails(DTypeError, "convolve: x is a tensor that requires a gradient, which convolve does not record; pass "
                           "x.detach()"):
        ft.convolve(torch.ones(3, requires_grad=True), torch.ones(2))


def test_tensors_elsewhere(torch):
    with fails(DTypeError, "convolve: x is a tensor on meta, not in main memory; pass x.cpu()"):
        ft.convolve(torch.ones(3, device="meta"), torch.ones(2))
    with fails(DTypeError, "convolve: x is a torch.sparse_coo tensor; pass x.to_dense()"):
        ft.convolve(torch.ones(3).to_sparse(), torch.ones(2))
