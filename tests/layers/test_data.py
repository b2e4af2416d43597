"""Images with labels: IDX files, folders, splits, batches; and what is wrong with them, in full."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from faltung import images
from faltung.errors import DataError, ImageError
from faltung.layers import data
from faltung.layers.folders import class_folders, class_folders_split, picture, planes
from faltung.layers.idx import read_idx


def idx(array, kind=8, extents=None):
    shape = array.shape if extents is None else extents
    head = bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def packed(content):
    # Without the time of day: the workers must agree on the cases.
    return gzip.compress(content, mtime=0)


@pytest.fixture
def mnist_folder(tmp_path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 30), ("t10k", 12)):
        pictures, labels = rng.integers(0, 256, (count, 6, 6), np.uint8), (np.arange(count) % 10).astype(np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(pictures))
        (tmp_path / f"{part}-labels.idx1-ubyte.gz").write_bytes(packed(idx(labels)))
    return tmp_path


# ---------------------------------------------------------------- IDX

@pytest.mark.parametrize(("dtype", "kind"), [("u1", 8), ("i1", 9), ("i2", 11), ("i4", 12), ("f4", 13), ("f8", 14)])
@pytest.mark.parametrize("wrap", [bytes, packed])
def test_every_type_of_idx(tmp_path, rng, dtype, kind, wrap):
    array = (100 * rng.normal(size=(3, 4, 2))).astype(dtype)
    path = tmp_path / "a"
    path.write_bytes(wrap(idx(array, kind)))
    found = read_idx(path)
    assert found.dtype == np.dtype(dtype)
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, array)


BYTES = np.arange(12, dtype=np.uint8).reshape(3, 4)
GOOD = idx(BYTES)
LARGE = idx(BYTES, extents=(60_000, 1_000_000))
BOMB = packed(idx(np.zeros((64, 1 << 20), np.uint8)))


@pytest.mark.parametrize(("content", "text"), [
    (b"", "does not begin as an IDX file (0 0 type axes, but nothing); give an IDX file, plain or gzipped"),
    (b"\x89PNG", "does not begin as an IDX file (0 0 type axes, but 137 80 78 71); give an IDX file, plain or gzipped"),
    (GOOD[:9], "ends inside its header of 12 bytes; fetch it again"),
    (GOOD[:-1], "promises 3x4 numbers, 12 bytes, but has 11 behind its header; fetch it again"),
    (GOOD + b"x", "promises 3x4 numbers, 12 bytes, but has 13 behind its header; fetch it again"),
    (LARGE, "promises 60000x1000000 numbers, 60000000000 bytes, but has 12 behind its header; fetch it again"),
    (packed(GOOD[:-1]), "promises 3x4 numbers, 12 bytes, but holds 11; fetch it again"),
    (packed(GOOD + b"x"), "promises 3x4 numbers, 12 bytes, but holds more; fetch it again"),
    (packed(LARGE), f"promises 60000x1000000 numbers, 60000000000 bytes, but unpacks to "
                                    f"{1032 * len(packed(LARGE))} at most; fetch it again"),
    (BOMB, "promises 64x1048576 numbers, 67108864 bytes, more than max_bytes=1048576; allow more if it is meant to be "
           "so large"),
    (packed(GOOD)[:-9], "is damaged or cut short (Compressed file ended before the end-of-stream marker was "
                               "reached); fetch it again"),
    (packed(GOOD)[:-8] + b"abcdefgh", "is damaged or cut short (CRC check failed 0x64636261 != 0x"
                                             f"{struct.unpack('<I', packed(GOOD)[-8:-4])[0]:x}); fetch it "
                                             "again"),
])
def test_hostile_idx_files_are_refused_before_memory_is_taken(tmp_path, content, text):
    path = tmp_path / "a"
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(DataError) as caught:
        read_idx(path, max_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(caught.value) == f"read_idx: {path} {text}"
    assert peak < 1 << 20


def test_a_bomb_behind_a_modest_header_is_not_unpacked(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(packed(GOOD + bytes(1 << 26)))
    tracemalloc.start()
    with pytest.raises(DataError, match="holds more"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_idx_files_that_are_not_there(tmp_path):
    with pytest.raises(DataError) as caught:
        read_idx(tmp_path / "none")
    assert str(caught.value) == f"read_idx: {tmp_path / 'none'} does not exist; check the path"
    with pytest.raises(DataError) as caught:
        read_idx(tmp_path)
    assert str(caught.value) == f"read_idx: {tmp_path} cannot be read (Is a directory); check the path and its rights"


# ---------------------------------------------------------------- MNIST and digits

def test_mnist_is_found_plain_and_packed(mnist_folder):
    train, test = data.mnist(mnist_folder)
    assert (len(train), len(test), train.shape) == (30, 12, (1, 6, 6))
    assert train.classes == tuple("0123456789")
    np.testing.assert_array_equal(test.labels, np.arange(12) % 10)
    assert repr(train) == f"Data({mnist_folder} (train): 30 images 1x6x6 uint8, 10 classes)"


def test_mnist_in_a_folder_named_data(mnist_folder):
    (mnist_folder / "data").mkdir()
    for path in list(mnist_folder.glob("*ubyte*")):
        path.rename(mnist_folder / "data" / path.name)
    assert len(data.mnist(mnist_folder)[0]) == 30


def test_mnist_files_that_do_not_fit(mnist_folder):
    labels = mnist_folder / "t10k-labels.idx1-ubyte.gz"
    labels.write_bytes(idx(np.array([0, 1, 2, 10, 4, 5, 6, 7, 8, 9, 0, 1], np.uint8)))
    with pytest.raises(DataError) as caught:
        data.mnist(mnist_folder)
    assert str(caught.value) == (f"{mnist_folder} (test): label 10 of image 3 is out of range; with 10 classes, "
                                 "labels go from 0 to 9: mend it, or name more classes")
    labels.write_bytes(idx(np.zeros(5, np.uint8)))
    with pytest.raises(DataError) as caught:
        data.mnist(mnist_folder)
    assert str(caught.value) == f"{mnist_folder} (test): 12 images, but labels (5,); give one label for each image"
    labels.write_bytes(idx(np.zeros((5, 2), np.uint8)))
    with pytest.raises(DataError) as caught:
        data.mnist(mnist_folder)
    assert str(caught.value) == (f"mnist: {mnist_folder} (test): images (12, 6, 6) and labels (5, 2) must have 3 (or "
                                 "with channels 4) and 1 axes; check which file is which")
    labels.unlink()
    with pytest.raises(DataError) as caught:
        data.mnist(mnist_folder)
    assert str(caught.value) == (f"mnist: {mnist_folder} has no t10k-labels-idx1-ubyte, plain or with .gz, nor has "
                                 f"{mnist_folder / 'data'}; give the folder with the four files of MNIST")


def test_digits():
    digits = data.digits()
    assert repr(digits) == "Data(digits: 1797 images 1x8x8 uint8, 10 classes)"
    assert (digits.images.min(), digits.images.max()) == (0, 255)


# ---------------------------------------------------------------- labels, parts, batches

def some(count=20, classes=2):
    pixels = np.arange(count * 4, dtype=np.uint8).reshape(count, 1, 2, 2)
    return data.labelled(pixels, np.arange(count) % classes, classes)


@pytest.mark.parametrize(("call", "text"), [
    (lambda: data.labelled(np.zeros((2, 1, 2, 2)), [0, -1], 2),
     "data: label -1 of image 1 is out of range; with 2 classes, labels go from 0 to 1: mend it, or name more classes"),
    (lambda: data.labelled(np.zeros((2, 1, 2, 2)), [0.5, 1], 2),
     "data: labels are float64, but must be whole numbers; give the numbers of classes"),
    (lambda: data.labelled(np.zeros((0, 1, 2, 2)), np.zeros(0, int), 2),
     "data: images (0, 1, 2, 2) must be (count, channels, *space), with one at least"),
    (lambda: next(data.batches(some(), 21)),
     "batches: batch=21 must be from 1 to the number of images (20 in data); take a smaller batch, or more images"),
    (lambda: next(data.batches(some(), 0)),
     "batches: batch=0 must be from 1 to the number of images (20 in data); take a smaller batch, or more images"),
    (lambda: data.split(some(), 1.0), "split: test=1.0 must lie between 0 and 1; 0.2 keeps a fifth for the test"),
    (lambda: data.split(some(2)),
     "split: 2 images of data leave nothing for one of the parts with test=0.2; give more images"),
])
def test_errors_of_data(call, text):
    with pytest.raises(DataError) as caught:
        call()
    assert str(caught.value) == text


def test_a_split_keeps_proportions_and_loses_nothing():
    whole = data.labelled(np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1), [0] * 80 + [1] * 18 + [2] * 2, 3)
    train, test = data.split(whole, 0.25, seed=1)
    assert np.bincount(test.labels).tolist() == [20, 4, 1]
    assert sorted([*train.images.ravel(), *test.images.ravel()]) == list(range(100))
    again = data.split(whole, 0.25, seed=1)[1]
    np.testing.assert_array_equal(again.images, test.images)
    assert not np.array_equal(data.split(whole, 0.25, seed=2)[1].images, test.images)


def test_batches_see_each_image_once_in_an_order_of_seed_and_epoch():
    order = data.order(20, seed=3, epoch=1)
    seen = [images for images, _ in data.batches(some(), 8, order)]
    assert [len(part) for part in seen] == [8, 8, 4]
    np.testing.assert_array_equal(np.concatenate(seen), some().images[order])
    assert not np.array_equal(order, data.order(20, seed=3, epoch=2))
    np.testing.assert_array_equal(order, data.order(20, seed=3, epoch=1))


def test_normalisation(rng):
    pixels = rng.integers(0, 256, (1500, 2, 3, 4), np.uint8)
    pixels[:, 1] = 7
    normalisation = data.Normalisation.of(data.labelled(pixels, np.zeros(1500, int), 1))
    made = normalisation(pixels)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[:, 0].mean(), 0, atol=1e-5)
    np.testing.assert_allclose(made[:, 0].std(), 1, atol=1e-5)
    assert np.abs(made[:, 1]).max() < 1e-5
    assert normalisation(pixels, "float64").dtype == np.float64


# ---------------------------------------------------------------- folders

@pytest.fixture
def pets(tmp_path, rng):
    for name in ("cat", "dog", ".hidden"):
        (tmp_path / name).mkdir()
        for number in range(5):
            images.write(tmp_path / name / f"{number}.png", rng.integers(0, 256, (6, 8, 3), np.uint8))
    (tmp_path / "dog" / "notes.txt").write_text("no picture")
    return tmp_path


def test_folders_are_classes(pets):
    found = class_folders(pets)
    assert (found.shape, found.classes, found.labels.tolist()) == ((3, 6, 8), ("cat", "dog"), [0] * 5 + [1] * 5)
    np.testing.assert_array_equal(found.images[0].transpose(1, 2, 0), images.read(pets / "cat" / "0.png"))
    assert class_folders(pets, size=(4, 5), channels=1).shape == (1, 4, 5)


def test_grey_and_colour_become_alike(pets):
    images.write(pets / "cat" / "grey.png", np.full((6, 8), 9, np.uint8))
    found = class_folders(pets)
    assert (found.images[5] == 9).all()
    assert found.shape == (3, 6, 8)


def test_pictures_of_every_kind(tmp_path):
    images.write(tmp_path / "a.png", np.full((2, 2, 4), 8, np.uint8))
    images.write(tmp_path / "b.png", np.full((2, 2), 257 * 8, np.uint16))
    images.write(tmp_path / "c.tif", np.zeros((2, 2), np.float32))
    assert picture(tmp_path / "a.png").shape == (2, 2, 3)
    assert picture(tmp_path / "b.png").tolist() == [[8, 8], [8, 8]]
    assert planes(picture(tmp_path / "a.png"), 1).tolist() == [[[8, 8], [8, 8]]]
    with pytest.raises(DataError) as caught:
        picture(tmp_path / "c.tif")
    assert str(caught.value) == (f"class_folders: {tmp_path / 'c.tif'} has float32 pixels, but 8 or 16 bits are read; "
                                 "save it so")


def test_parts_that_lie_in_folders(tmp_path, rng):
    pets = tmp_path
    for part in ("train", "test"):
        for name in ("a", "b"):
            (pets / "parts" / part / name).mkdir(parents=True)
            images.write(pets / "parts" / part / name / "1.png", rng.integers(0, 256, (4, 4), np.uint8))
    train, test = class_folders_split(pets / "parts")
    assert (len(train), len(test)) == (2, 2)
    (pets / "parts" / "test" / "c").mkdir()
    images.write(pets / "parts" / "test" / "c" / "1.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(DataError) as caught:
        class_folders_split(pets / "parts")
    assert str(caught.value) == (f"class_folders: {pets / 'parts'}: train and test must have the same classes, but "
                                 "only one of them has c; add or remove these folders")


def test_folders_are_split(pets):
    assert [len(part) for part in class_folders_split(pets)] == [8, 2]


def test_folders_that_do_not_do(pets):
    (pets / "empty").mkdir()
    with pytest.raises(DataError) as caught:
        class_folders(pets)
    assert str(caught.value) == (f"class_folders: {pets / 'empty'} holds no pictures (.png, .jpg, .jpeg, .tif, "
                                 ".tiff); each class needs one at least: add some, or remove the folder")
    (pets / "empty").rmdir()
    images.write(pets / "dog" / "9.png", np.zeros((5, 8), np.uint8))
    with pytest.raises(DataError) as caught:
        class_folders(pets)
    assert str(caught.value) == (f"class_folders: {pets / 'dog' / '9.png'} has 5x8 pixels, but "
                                 f"{pets / 'cat' / '0.png'} has 6x8; give a size to scale all to (--size 6x8)")
    (pets / "dog" / "9.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"9\.png is damaged or not PNG"):
        class_folders(pets)
    with pytest.raises(DataError) as caught:
        class_folders(pets / "dog")
    assert str(caught.value) == (f"class_folders: {pets / 'dog'} holds 0 folders, but there must be two classes at "
                                 "least; sort the pictures into one folder for each class")
    with pytest.raises(DataError) as caught:
        class_folders(pets / "none")
    assert str(caught.value) == (f"class_folders: {pets / 'none'} is not a folder; give one that holds a folder for "
                                 "each class")
