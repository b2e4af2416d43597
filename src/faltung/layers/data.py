"""Images with labels: from scikit-learn, IDX files and folders; split, normalised, and given out in batches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .idx import read_idx

Pixels = npt.NDArray[Any]
Labels = npt.NDArray[np.int64]
PARTS = {"train": "train", "test": "t10k"}
"""How the files of MNIST name its two parts."""


@dataclass(frozen=True)
class Data:
    """Images and what is on them.

    Attributes
    ----------
    images : ndarray, shape (count, channels, height, width)
        As they were read: mostly uint8.  `Normalisation` makes floats of them, batch by batch.
    labels : ndarray of int64, shape (count,)
        Numbers of classes.
    classes : tuple of str
        Names of the classes, by number.
    name : str
        Where the images come from, for messages.
    """

    images: Pixels
    labels: Labels
    classes: tuple[str, ...]
    name: str = "data"

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.ndim < 3 or not images.size:
            raise DataError(f"{self.name}: images {images.shape} must be (count, channels, *space), with one at least")
        if labels.shape != images.shape[:1]:
            raise DataError(f"{self.name}: {len(images)} images, but labels {labels.shape}; give one label for "
                            "each image")
        wrong = np.flatnonzero((labels < 0) | (labels >= len(self.classes)))
        if wrong.size:
            raise DataError(f"{self.name}: label {labels[wrong[0]]} of image {wrong[0]} is out of range; with "
                            f"{len(self.classes)} classes, labels go from 0 to {len(self.classes) - 1}: mend it, or "
                            "name more classes")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, which: Any) -> Data:
        return replace(self, images=self.images[which], labels=self.labels[which])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image: (channels, *space)."""
        return tuple(self.images.shape[1:])

    def __repr__(self) -> str:
        return (f"Data({self.name}: {len(self)} images {'x'.join(map(str, self.shape))} {self.images.dtype}, "
                f"{len(self.classes)} classes)")


def labelled(images: Any, labels: Any, classes: Sequence[str] | int, name: str = "data") -> Data:
    """Make `Data` of arrays.

    Parameters
    ----------
    images : array_like, shape (count, channels, *space)
    labels : array_like of whole numbers, shape (count,)
    classes
        Names of the classes, or how many there are.
    name
        For messages.

    Examples
    --------
    >>> labelled(np.zeros((3, 1, 8, 8), np.uint8), [0, 1, 1], 2)
    Data(data: 3 images 1x8x8 uint8, 2 classes)
    """
    numbers = np.asarray(labels)
    if numbers.dtype.kind not in "iu":
        raise DataError(f"{name}: labels are {numbers.dtype}, but must be whole numbers; give the numbers of classes")
    names = tuple(map(str, range(classes))) if isinstance(classes, int) else tuple(classes)
    return Data(np.asarray(images), numbers.astype(np.int64), names, name)


def digits() -> Data:
    """Give scikit-learn's handwritten digits: 1797 images of 8 by 8 pixels, values 0 to 16.

    They are scaled to 0 ... 255, so that an image file means the same to a trained network.

    Raises
    ------
    DataError
        If scikit-learn is not installed.

    References
    ----------
    E. Alpaydin, C. Kaynak, "Optical recognition of handwritten digits", UCI repository (1998).
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError('digits: needs scikit-learn, which is not installed; pip install "faltung[layers]"') from None
    images, labels = load_digits(return_X_y=True)
    pixels = np.rint(images.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    return labelled(pixels, labels, 10, "digits")


def mnist(folder: str | os.PathLike[str], classes: Sequence[str] | int = 10) -> tuple[Data, Data]:
    """Read MNIST, or a set of the same form (as Fashion-MNIST), from its four IDX files.

    Parameters
    ----------
    folder
        Where ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the same with ``t10k`` are, plain or with
        ``.gz``; or the folder above ``data``.
    classes
        Names of the classes, or how many there are.

    Returns
    -------
    train, test : Data

    Raises
    ------
    DataError
        Files that are missing, damaged or do not fit each other; a label out of range.
    """
    train, test = (_mnist_part(Path(folder), part, classes) for part in PARTS)
    if train.shape != test.shape:
        raise DataError(f"mnist: images to learn from are {train.shape}, those of the test {test.shape}; both must be "
                        "alike: take the files of one set")
    return train, test


def _mnist_part(folder: Path, part: str, classes: Sequence[str] | int) -> Data:
    name = f"{folder} ({part})"
    images = read_idx(_mnist_file(folder, f"{PARTS[part]}-images", "idx3-ubyte"))
    labels = read_idx(_mnist_file(folder, f"{PARTS[part]}-labels", "idx1-ubyte"))
    if images.ndim not in (3, 4) or labels.ndim != 1:
        raise DataError(f"mnist: {name}: images {images.shape} and labels {labels.shape} must have 3 (or with channels "
                        "4) and 1 axes; check which file is which")
    return labelled(images[:, None] if images.ndim == 3 else images, labels, classes, name)


def _mnist_file(folder: Path, stem: str, kind: str) -> Path:
    names = [f"{stem}{dot}{kind}{packed}" for dot in "-." for packed in ("", ".gz")]
    for place in (folder, folder / "data"):
        for name in names:
            if (place / name).is_file():
                return place / name
    raise DataError(f"mnist: {folder} has no {names[0]}, plain or with .gz, nor has {folder / 'data'}; give the folder "
                    "with the four files of MNIST")


def split(data: Data, test: float = 0.2, seed: int = 0) -> tuple[Data, Data]:
    """Split into a part to learn from and a part to test with, each class in the same proportion.

    Parameters
    ----------
    data
        What is split.
    test
        Portion of the test, between 0 and 1; each class with two images or more has one at least in both parts.
    seed
        The same seed gives the same parts.

    Examples
    --------
    >>> some = labelled(np.zeros((10, 1, 2, 2)), [0, 1] * 5, 2)
    >>> [len(part) for part in split(some, 0.2)]
    [8, 2]
    """
    if not 0 < test < 1:
        raise DataError(f"split: test={test} must lie between 0 and 1; 0.2 keeps a fifth for the test")
    generator = np.random.default_rng(seed)
    chosen = np.zeros(len(data), bool)
    for number in range(len(data.classes)):
        members = generator.permutation(np.flatnonzero(data.labels == number))
        count = round(test * len(members))
        if len(members) > 1:
            count = min(max(count, 1), len(members) - 1)
        chosen[members[:count]] = True
    if not chosen.any() or chosen.all():
        raise DataError(f"split: {len(data)} images of {data.name} leave nothing for one of the parts with "
                        f"test={test}; give more images")
    return data[~chosen], data[chosen]


def order(count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Shuffle for one epoch.

    Seed and epoch alone decide, so that an epoch after an interruption is the one that would have been.
    """
    return np.random.default_rng((seed, epoch)).permutation(count)


def batches(data: Data, batch: int, order: npt.NDArray[np.int64] | None = None) -> Iterator[tuple[Pixels, Labels]]:
    """Give images and labels, `batch` at a time, in the given order; the last batch may be smaller.

    Raises
    ------
    DataError
        A batch below 1, or larger than the data.
    """
    check_batch(data, batch)
    for start in range(0, len(data), batch):
        which: Any = slice(start, start + batch) if order is None else order[start : start + batch]
        yield data.images[which], data.labels[which]


def check_batch(data: Data, batch: int) -> None:
    """Raise unless `batch` images can be taken from the data at a time."""
    if not 1 <= batch <= len(data):
        raise DataError(f"batches: batch={batch} must be from 1 to the number of images ({len(data)} in {data.name}); "
                        "take a smaller batch, or more images")


class Normalisation(NamedTuple):
    """What is subtracted from each channel, and by what it is divided: ``(x - mean) / deviation``."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def of(cls, data: Data) -> Normalisation:
        """Measure mean and standard deviation of each channel; one that is constant is not divided.

        Examples
        --------
        >>> Normalisation.of(labelled([[[[0, 2]]], [[[4, 6]]]], [0, 0], 1))
        Normalisation(mean=(3.0,), deviation=(2.23606797749979,))
        """
        images = data.images
        axes = (0, *range(2, images.ndim))
        mean = images.mean(axes, dtype=np.float64)
        # In parts: the squares of all images at once would be eight times as large as the images.
        squares = np.zeros_like(mean)
        expanded = mean.reshape(-1, *[1] * (images.ndim - 2))
        for start in range(0, len(images), 1024):
            squares += np.square(images[start : start + 1024] - expanded).sum(axes)
        deviation = np.sqrt(squares * images.shape[1] / images.size)
        deviation[deviation == 0] = 1
        return cls(tuple(mean.tolist()), tuple(deviation.tolist()))

    def __call__(self, images: Pixels, dtype: str = "float32") -> Pixels:
        """Make floats of a batch."""
        shape = (-1, *[1] * (images.ndim - 2))
        scale = 1 / np.asarray(self.deviation)
        shift = -np.asarray(self.mean) * scale
        made: Pixels = np.multiply(images, scale.astype(dtype).reshape(shape), dtype=dtype)
        made += shift.astype(dtype).reshape(shape)
        return made
