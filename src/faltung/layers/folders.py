"""Pictures in folders, one for each class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from ..image_files.pillow import FORMATS
from ..images.files import read
from .data import Data, labelled, split

Pixels = npt.NDArray[Any]
_GREY = np.array([0.299, 0.587, 0.114])
"""Luminance by the weights of ITU-R BT.601."""


def class_folders(folder: str | os.PathLike[str], size: tuple[int, int] | None = None,
                  channels: int | None = None) -> Data:
    """Read pictures that are sorted into one folder for each class: ``folder/cat/1.png``.

    Parameters
    ----------
    folder
        Its folders are the classes, in the order of their names; hidden ones are left out.
    size
        (height, width) to which each picture is scaled; by default all must have the same.
    channels
        1 for grey, 3 for colour; by default colour if any picture has it.

    Returns
    -------
    Data
        Images of uint8 (deeper ones are rounded to it; alpha is left out).

    Raises
    ------
    DataError
        A folder that does not exist or has fewer than two classes, a class without pictures, pictures of
        different sizes.
    ImageError
        A damaged picture.
    """
    root = Path(folder)
    places = _classes(root)
    pictures: list[Pixels] = []
    labels: list[int] = []
    first: tuple[Path, tuple[int, ...]] | None = None
    for number, place in enumerate(places):
        for path in _files(place):
            pixels = picture(path, size)
            first = first or (path, pixels.shape[:2])
            if pixels.shape[:2] != first[1]:
                raise DataError(f"class_folders: {path} has {_by(pixels.shape)} pixels, but {first[0]} has "
                                f"{_by(first[1])}; give a size to scale all to (--size {_by(first[1])})")
            pictures.append(pixels)
            labels.append(number)
    wanted = channels or max(1 if pixels.ndim == 2 else 3 for pixels in pictures)
    return labelled(np.stack([planes(pixels, wanted) for pixels in pictures]), labels, [place.name for place in places],
                    str(root))


def class_folders_split(folder: str | os.PathLike[str], size: tuple[int, int] | None = None, test: float = 0.2,
                        seed: int = 0) -> tuple[Data, Data]:
    """Read class folders, and split them; if they lie in ``train`` and ``test``, these are the parts."""
    root = Path(folder)
    if root.is_dir() and {place.name for place in _folders(root)} == {"train", "test"}:
        train = class_folders(root / "train", size)
        tested = class_folders(root / "test", size or train.shape[1:], train.shape[0])  # type: ignore[arg-type]
        if train.classes != tested.classes:
            odd = sorted(set(train.classes) ^ set(tested.classes))
            raise DataError(f"class_folders: {root}: train and test must have the same classes, but only one of them "
                            f"has {', '.join(odd)}; add or remove these folders")
        return train, tested
    return split(class_folders(root, size), test, seed)


def picture(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> Pixels:
    """Read a picture as uint8, (height, width) or (height, width, 3), scaled to `size` if that is given."""
    pixels = read(path)
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels = pixels[:, :, :-1]
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.dtype == np.uint16:
        pixels = np.rint(pixels / np.float32(257)).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise DataError(f"class_folders: {path} has {pixels.dtype} pixels, but 8 or 16 bits are read; save it so")
    if size is None or pixels.shape[:2] == tuple(size):
        return pixels
    from PIL import Image

    # Pillow widens the triangle when it makes a picture smaller, so that nothing aliases.
    scaled = Image.fromarray(np.ascontiguousarray(pixels)).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(scaled)


def planes(pixels: Pixels, channels: int) -> Pixels:
    """Put the channels first, as many as are wanted: colour becomes grey by luminance, grey is repeated."""
    if pixels.ndim == 2:
        return np.broadcast_to(pixels, (channels, *pixels.shape))
    if channels == 1:
        return np.asarray(np.rint(pixels @ _GREY).astype(np.uint8)[None])
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _classes(root: Path) -> list[Path]:
    if not root.is_dir():
        raise DataError(f"class_folders: {root} is not a folder; give one that holds a folder for each class")
    places = _folders(root)
    if len(places) < 2:
        raise DataError(f"class_folders: {root} holds {len(places)} folders, but there must be two classes at least; "
                        "sort the pictures into one folder for each class")
    for place in places:
        if next(_files(place), None) is None:
            raise DataError(f"class_folders: {place} holds no pictures ({', '.join(FORMATS)}); each class needs one at "
                            "least: add some, or remove the folder")
    return places


def _folders(root: Path) -> list[Path]:
    return sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _files(place: Path) -> Iterator[Path]:
    yield from sorted(entry for entry in place.iterdir()
                      if entry.suffix.lower() in FORMATS and not entry.name.startswith(".") and entry.is_file())


def _by(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}x{shape[1]}"
