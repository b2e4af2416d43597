"""Weights in files: safetensors, under the names that torch.nn would give.

A file is eight bytes that tell the length of a header, the header (JSON: name, type, shape and place of each
array), and the numbers.  The package ``safetensors`` reads and writes it, and refuses places that overlap, leave holes
or lie outside the file; what it lacks is done here: a file takes its name when it is complete, the header has a
sensible length, and what does not fit a network is found before the first array is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .base import Layer

Array = npt.NDArray[Any]
MAX_HEADER_BYTES = 1 << 24
"""A hundred thousand arrays have room in this; a longer header is no honest one."""
_FLOATS, _INTEGERS = ("F16", "F32", "F64"), ("I8", "I16", "I32", "I64", "U8", "U16", "U32")
_AGAIN = "save or fetch it again"


class Entry(NamedTuple):
    """Type (as safetensors writes it) and shape of an array in a file."""

    kind: str
    shape: tuple[int, ...]


def save(network: Layer, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
    """Write the parameters and buffers of a network as safetensors: whole, or not at all.

    Parameters
    ----------
    network
        Any layer.  The names are those that torch.nn gives: ``torch_module.load_state_dict`` takes them.
    path
        The file; it is written beside, and takes its name when it is complete.
    metadata
        Texts to be written with them.

    Raises
    ------
    DataError
        The file cannot be written, or the package safetensors is not installed.
    """
    write_entries(path, state(network), metadata)


def load(network: Layer, path: str | os.PathLike[str]) -> dict[str, str]:
    """Read weights from a safetensors file into a network, all of them or none.

    Parameters
    ----------
    network
        Its parameters and buffers are changed in place; floats are rounded to their dtype.
    path
        A file as `save` writes it, or as torch's state_dict gives with ``safetensors.torch.save_file``.

    Returns
    -------
    dict
        The texts that were written with the weights.

    Raises
    ------
    DataError
        A damaged file; or one that does not fit: all missing, extra and misshapen entries are listed, and nothing
        is changed.
    """
    with opened(path, "load") as file:
        fit(entries(file), state(network), "load", path)
        values, metadata = _values(file), file.metadata() or {}
    assign(network, values)
    return metadata


def state(network: Layer) -> dict[str, Array]:
    """Parameters and buffers by their names: the arrays themselves, not copies."""
    found = {name: parameter.value for name, parameter in network.parameters.items()}
    found.update(network.buffers)
    return found


def assign(network: Layer, values: Mapping[str, Array]) -> None:
    """Put values into the parameters and buffers of a network, in place."""
    for name, array in state(network).items():
        array[...] = values[name]


def fit(found: Mapping[str, Entry], wanted: Mapping[str, Array], function: str, path: str | os.PathLike[str],
        way_out: str = "build the network that was saved") -> None:
    """Raise an error that lists all that is missing, extra, misshapen or of another type."""
    missing = [f"{quote(name)} {array.shape}" for name, array in wanted.items() if name not in found]
    extra = [f"{quote(name)} {entry.shape}" for name, entry in found.items() if name not in wanted]
    both = [(quote(name), found[name], array) for name, array in wanted.items() if name in found]
    misshapen = [f"{name} {entry.shape}, expected {array.shape}" for name, entry, array in both
                 if entry.shape != array.shape]
    mistyped = [f"{name} {entry.kind}, expected {' or '.join(_kinds(array))}" for name, entry, array in both
                if entry.kind not in _kinds(array)]
    lists = {"missing": missing, "extra": extra, "misshapen": misshapen, "of another type": mistyped}
    told = "; ".join(f"{what}: {', '.join(names)}" for what, names in lists.items() if names)
    if told:
        raise DataError(f"{function}: {path} does not fit, and nothing was changed; {told}; {way_out}")


def _kinds(array: Array) -> tuple[str, ...]:
    return _FLOATS if array.dtype.kind == "f" else _INTEGERS


def quote(name: str) -> str:
    """Show a name from a file: what would act on a terminal is escaped."""
    return f'"{name}"' if name.isprintable() else ascii(name)


# ---------------------------------------------------------------- files

def write_entries(path: str | os.PathLike[str], arrays: Mapping[str, Array],
                  metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays and texts as safetensors: whole, or not at all."""
    target = Path(path)
    if not target.parent.is_dir():
        raise DataError(f"save: {target}: folder {target.parent} does not exist; make it first (mkdir -p)")
    _package("save", target)
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    real = target.resolve()
    part = real.with_name(f".{real.name}.{os.urandom(4).hex()}.part")
    try:
        save_file({name: np.asarray(array, order="C") for name, array in arrays.items()}, str(part),
                  metadata=dict(metadata) if metadata else None)
        # The numbers must be on the disk before the name is: else a power cut could leave an empty file.
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(real)
    except (OSError, SafetensorError) as error:
        raise DataError(f"save: {target} cannot be written ({_reason(error)}); check the folder's rights and the "
                        "disk's space") from error
    finally:
        part.unlink(missing_ok=True)


def read_entries(path: str | os.PathLike[str], function: str = "load") -> tuple[dict[str, Array], dict[str, str]]:
    """Read all arrays and texts of a safetensors file."""
    with opened(path, function) as file:
        return _values(file), file.metadata() or {}


def read_metadata(path: str | os.PathLike[str], function: str = "load") -> dict[str, str]:
    """Read the texts of a safetensors file."""
    with opened(path, function) as file:
        return file.metadata() or {}


@contextmanager
def opened(path: str | os.PathLike[str], function: str) -> Iterator[Any]:
    """Open a safetensors file, of which only the header is read; what is wrong with it becomes a DataError."""
    source = Path(path)
    _package(function, source)
    from safetensors import SafetensorError, safe_open

    try:
        _check_header(source, function)
        with safe_open(str(source), framework="np") as file:
            yield file
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{function}: {source} does not exist; check the path") from None
    except OSError as error:
        raise DataError(f"{function}: {source} cannot be read ({_reason(error)}); check the path and its rights"
                        ) from error
    except (SafetensorError, ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{function}: {source} is damaged or no safetensors file ({_reason(error)}); {_AGAIN}"
                        ) from error


def entries(file: Any) -> dict[str, Entry]:
    """Types and shapes of an open file's arrays, from its header alone."""
    slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 it is no dict
    return {name: Entry(part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}


def _values(file: Any) -> dict[str, Array]:
    return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 it is no dict


def _check_header(source: Path, function: str) -> None:
    size = source.stat().st_size
    with source.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
        raise DataError(f"{function}: {source} is damaged or no safetensors file (of {size} bytes, the header claims "
                        f"{length}, and {MAX_HEADER_BYTES} is the most); {_AGAIN}")


def _package(function: str, path: Path) -> None:
    try:
        import safetensors  # noqa: F401  (asked whether it is there)
    except ImportError:
        raise DataError(f'{function}: {path}: weights need the package safetensors, which is not installed; '
                        'pip install "faltung[layers]"') from None


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__
