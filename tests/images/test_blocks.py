"""Volumes block by block: the same bits as in memory, bounded memory, whole files or none."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest

from faltung import images, kernels
from faltung.errors import ImageError, ShapeError
from faltung.images import blocks

BORDERS = ["reflect", "edge", "symmetric", "wrap", 0, 2.5, "mixed"]
MODES = [("same", 1, 1), ("full", 2, 1), ("valid", 1, 1), ("causal", 1, 2), ("same", 2, 1)]


def volume(shape, dtype):
    return (np.random.default_rng(5).random(shape) * 200).astype(dtype)


def check(folder, image, kernel, max_bytes, **options):
    np.save(folder / "in.npy", image)
    counted = []
    made = images.filter_file(folder / "in.npy", kernel, folder / "out.npy", max_bytes=max_bytes,
                              progress=lambda done, total: counted.append((done, total)), **options)
    native = image.astype(image.dtype.newbyteorder("="))
    wanted = images.filter(native, kernel, **options)
    assert isinstance(made, np.memmap)
    assert (made.dtype, made.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_array_equal(made, wanted)
    total = counted[-1][1]
    assert counted == [(done, total) for done in range(total + 1)]
    assert sorted(entry.name for entry in folder.iterdir()) == ["in.npy", "out.npy"]
    return total


@pytest.mark.parametrize(("border", "mode"), list(itertools.product(BORDERS, MODES)))
def test_the_same_bits_as_in_memory(tmp_path, border, mode):
    name, stride, dilation = mode
    border = [("wrap", 1.5), (3, "edge")] if border == "mixed" else border
    image = volume((40, 30), ["float32", "uint8", ">f8"][stride - 1 + (dilation - 1)])
    kernel = np.random.default_rng(1).random((5, 4))
    options = {"border": border, "mode": name, "stride": stride, "dilation": dilation}
    assert check(tmp_path, image, kernel, 900 * image.itemsize, **options) > 2


@pytest.mark.parametrize(("shape", "channel_axis"), [((13, 17, 19), None), ((12, 14, 3), -1), ((40, 14, 4), -1),
                                                     ((4, 30, 14), 0), ((9, 8, 7, 4), 3), ((3000,), None)])
@pytest.mark.parametrize("stride", [1, 2])
def test_channels_alpha_and_numbers_of_axes(tmp_path, shape, channel_axis, stride):
    ndim = len(shape) - (channel_axis is not None)
    kernel = kernels.gaussian(0.8, ndim, 5)
    total = check(tmp_path, volume(shape, np.uint8), kernel, 1200, channel_axis=channel_axis, stride=stride)
    assert total > 1


def test_an_alpha_of_nan_stays_where_it_is(tmp_path):
    image = volume((40, 14, 4), np.float32)
    image[20, 3, 3] = np.nan
    check(tmp_path, image, kernels.box(3), 3000, channel_axis=-1)


def test_nan_and_infinity_reach_what_they_reach_in_memory(tmp_path):
    image = volume((60, 20), np.float32)
    image[29, 5], image[31, 7] = np.nan, np.inf
    check(tmp_path, image, kernels.sobel(), 2000)


def test_an_array_is_a_source_and_the_target_may_be_the_source(tmp_path):
    image = volume((50, 20), np.float32)
    wanted = images.filter(image, kernels.box())
    np.testing.assert_array_equal(images.filter_file(image, kernels.box(), tmp_path / "a.npy", max_bytes=2000), wanted)
    np.save(tmp_path / "b.npy", image)
    mapped = np.load(tmp_path / "b.npy", mmap_mode="r")
    np.testing.assert_array_equal(images.filter_file(mapped, kernels.box(), tmp_path / "b.npy", max_bytes=2000), wanted)
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), wanted)


def test_large_kernels_within_the_bound_of_their_algorithm(tmp_path):
    image = volume((300, 300), np.float64)
    kernel = kernels.gaussian(6)
    made = images.filter_file(image, kernel, tmp_path / "a.npy", max_bytes=600_000)
    np.testing.assert_allclose(made, images.filter(image, kernel), rtol=1e-12)


def test_blocks_keep_to_their_memory():
    axes = [blocks.Axis(1000, 1000, -2, 1, 4, (0, 0))] * 3
    for most in (10**9, 10**7, 10**5, 10**4):
        extents = blocks._cut(axes, 4, 4, most)
        samples = np.prod([min(extent + 4, 1004) for extent in extents])
        assert 8 * samples + 8 * np.prod(extents) <= most
    assert blocks._cut(axes, 4, 4, 10**9)[1:] == [1000, 1000]


@pytest.mark.slow
def test_the_memory_of_a_process_stays_bounded(tmp_path):
    code = f"""
import resource
import numpy as np
from faltung import images, kernels
made = np.lib.format.open_memmap({str(tmp_path / "in.npy")!r}, "w+", np.float32, (512, 512, 512))
del made
images.filter(np.zeros((8, 8, 8), np.float32), kernels.box(3, 3))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
images.filter_file({str(tmp_path / "in.npy")!r}, kernels.box(3, 3), {str(tmp_path / "out.npy")!r}, max_bytes=2**25)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 64  # MiB, of a volume of 512


def text_of(call, kind=ImageError):
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def test_refusals(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", volume((20, 20), np.float32))
    box = kernels.box()
    assert text_of(lambda: images.filter_file("no.npy", box, "b.npy")) == (
        "filter_file: no.npy does not exist; check the path")
    assert text_of(lambda: images.filter_file("a.png", box, "b.npy")) == (
        "filter_file: a.png: suffix '.png' is not .npy; read and filter pictures whole")
    assert text_of(lambda: images.filter_file("a.npy", box, "b.tif")) == (
        "filter_file: b.tif: suffix '.tif' is not .npy; a result is mapped as such")
    assert text_of(lambda: images.filter_file("a.npy", box, "no/b.npy")) == (
        "write: no/b.npy: folder no does not exist; make it first (mkdir -p)")
    assert text_of(lambda: images.filter_file("a.npy", box, "b.npy", max_bytes=50), ShapeError) == (
        "filter_file: max_bytes=50 is too small; a block of one output needs 80")
    np.save("o.npy", np.array([None]), allow_pickle=True)
    assert text_of(lambda: images.filter_file("o.npy", box, "b.npy")).startswith("filter_file: o.npy ")
    data = (tmp_path / "a.npy").read_bytes()
    for length in (0, 5, 40, 127, 200, len(data) - 1):
        (tmp_path / "cut.npy").write_bytes(data[:length])
        text = text_of(lambda: images.filter_file("cut.npy", box, "b.npy"))
        assert text.startswith("filter_file: cut.npy is damaged, cut short or cannot be mapped (")
        assert text.endswith("); save it again with numpy.save")
    assert not (tmp_path / "b.npy").exists()


def test_a_disk_without_room_and_a_stop_leave_nothing_behind(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", volume((20, 20), np.float32))
    target = tmp_path / "b.npy"

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.posix_fallocate", full)
        assert text_of(lambda: images.filter_file(tmp_path / "a.npy", kernels.box(), target)) == (
            f"write: {target} cannot be written (No space left on device); check the folder's rights and the disk's "
            "space")

    def stop(done, total):
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        images.filter_file(tmp_path / "a.npy", kernels.box(), target, max_bytes=1500, progress=stop)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npy"]
