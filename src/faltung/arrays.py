"""Arrays in, the same kind out: how operands of any make are read without a copy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import DTypeError, ShapeError
from .problem.extents import as_integer
from .problem.promotion import DTYPES, numpy_dtype

Restore = Callable[[np.ndarray], Any] | None
"""Turns the result into the caller's kind; None where that is an ndarray."""

_CHARACTERS = frozenset(np.dtype(name).char for name in DTYPES if name != "bfloat16") | {"l", "q", "L", "Q"}
_CPU = 1  # DLPack's number for main memory


@dataclass(frozen=True, slots=True)
class Like:
    """The shape and dtype of an array that is not there yet.

    >>> Like((512, 512)), Like(100, np.float64)
    (Like(shape=(512, 512), dtype='float32'), Like(shape=(100,), dtype='float64'))
    """

    shape: tuple[int, ...]
    dtype: str = "float32"

    def __post_init__(self) -> None:
        one = as_integer(self.shape)
        extents = [one] if one is not None else [as_integer(extent) for extent in self.shape]
        if any(extent is None or extent < 0 for extent in extents):
            raise ShapeError(f"Like: shape {self.shape!r} must be made of integers of at least 0")
        object.__setattr__(self, "shape", tuple(extents))
        object.__setattr__(self, "dtype", _like_dtype(self.dtype))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)


def _like_dtype(dtype: Any) -> str:
    try:
        name = "bfloat16" if dtype == "bfloat16" else np.dtype(dtype).name
    except TypeError:
        name = ""
    if name not in DTYPES:
        raise DTypeError(f"Like: dtype {dtype!r} is not supported; {_SUPPORTED}")
    return name


_SUPPORTED = ("use bool, an integer of 8 to 64 bits, float16, bfloat16, float32, float64, complex64 or complex128")


def adopt(value: Any, function: str, argument: str) -> tuple[np.ndarray, Restore]:
    """See ``value`` as an ndarray, without a copy where its memory allows.

    Parameters
    ----------
    value : array_like
        ndarray; list or scalar; torch CPU tensor; anything with ``__dlpack__`` or
        ``__array_interface__``.
    function, argument : str
        Names that an error carries.

    Returns
    -------
    ndarray
        In native byte order, of a supported dtype.
    callable or None
        Turns a result into the kind that ``value`` is; None where that is an ndarray.

    Raises
    ------
    DTypeError
        For dtypes that are not numbers, tensors that require a gradient or are not in main memory,
        and masked arrays.

    Examples
    --------
    >>> adopt([1.0, 2.0], "convolve", "x")
    (array([1., 2.]), None)
    """
    if type(value) is np.ndarray and value.dtype.char in _CHARACTERS and value.dtype.isnative:
        return value, None
    return _adopt_other(value, function, argument)


def _adopt_other(value: Any, function: str, argument: str) -> tuple[np.ndarray, Restore]:
    restore: Restore = None
    if isinstance(value, np.ma.MaskedArray):
        raise DTypeError(f"{function}: {argument} is a masked array, and its mask would be lost; pass "
                         f"{argument}.filled(number)")
    if isinstance(value, np.ndarray):
        array = np.asarray(value)
    elif _is_torch(value):
        array, restore = _adopt_torch(value, function, argument)
    elif hasattr(value, "__dlpack__"):
        array, restore = _adopt_dlpack(value, function, argument)
    else:
        array = _adopt_like(value, function, argument)
    if array.dtype.name not in DTYPES:
        raise DTypeError(f"{function}: {argument} has dtype {array.dtype}, which is not supported; {_SUPPORTED}")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array, restore


def _adopt_like(value: Any, function: str, argument: str) -> np.ndarray:
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DTypeError(f"{function}: {argument} cannot be read as an array of numbers ({error})") from None


def _is_torch(value: Any) -> bool:
    return "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor)


def _adopt_torch(tensor: Any, function: str, argument: str) -> tuple[np.ndarray, Restore]:
    torch = sys.modules["torch"]
    if tensor.requires_grad:
        raise DTypeError(
            f"{function}: {argument} is a tensor that requires a gradient, which {function} does not record; "
            f"pass {argument}.detach()")
    if tensor.device.type != "cpu":
        raise DTypeError(f"{function}: {argument} is a tensor on {tensor.device}, not in main memory; pass "
                         f"{argument}.cpu()")
    if tensor.layout != torch.strided:
        raise DTypeError(f"{function}: {argument} is a {tensor.layout} tensor; pass {argument}.to_dense()")
    tensor = tensor.resolve_conj().resolve_neg()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(numpy_dtype("bfloat16")), _to_torch
    return tensor.numpy(), _to_torch


def _to_torch(result: np.ndarray) -> Any:
    torch = sys.modules["torch"]
    if result.dtype.name == "bfloat16":
        return torch.from_numpy(result.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(result)


def _adopt_dlpack(value: Any, function: str, argument: str) -> tuple[np.ndarray, Restore]:
    device = value.__dlpack_device__()[0]
    if int(device) != _CPU:
        raise DTypeError(
            f"{function}: {argument} is on DLPack device {int(device)}, not in main memory ({_CPU}); copy it to the "
            "CPU first")
    try:
        array = np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise DTypeError(f"{function}: {argument} cannot be read through DLPack ({error})") from None
    if not hasattr(value, "__array_namespace__"):
        return array, None
    return array, value.__array_namespace__().from_dlpack
