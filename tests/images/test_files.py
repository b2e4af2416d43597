"""Image files: round trips, damage, atomic writing; and the filter."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from faltung import images, kernels
from faltung.errors import DTypeError, ImageError, ShapeError
from faltung.image_files import png, tiff

SHAPES = [(13, 17), (1, 1), (5, 4, 2), (13, 17, 3), (6, 5, 4)]


def noise(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def smooth(shape):
    return np.add.outer(np.arange(shape[0]), np.arange(shape[1])).astype(np.uint8) * 3


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(".png", "uint8"), (".png", "uint16"), *((".tif", dtype) for dtype in tiff.DTYPES),
     (".npy", "float32"), (".npy", "complex64"), (".NPY", "uint8"), (".TIFF", "uint8")],
)
def test_round_trip_keeps_every_bit(tmp_path, shape, suffix, dtype):
    pixels = noise(shape, dtype) if dtype != "complex64" else noise(shape, "float32") * np.complex64(1j)
    images.write(tmp_path / f"a{suffix}", pixels)
    back = images.read(tmp_path / f"a{suffix}")
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)


@pytest.mark.parametrize("shape", [(16, 16), (16, 16, 3)])
def test_jpeg_comes_back_nearly_the_same(tmp_path, shape):
    pixels = np.broadcast_to(smooth(shape)[..., None], (16, 16, 3)) if len(shape) == 3 else smooth(shape)
    images.write(tmp_path / "a.jpg", pixels)
    assert np.abs(images.read(tmp_path / "a.jpg").astype(int) - pixels).max() <= 6


def test_one_channel_is_written_as_grey(tmp_path):
    images.write(tmp_path / "a.png", noise((4, 5, 1), np.uint8))
    assert images.read(tmp_path / "a.png").shape == (4, 5)


def test_strided_and_big_endian_pixels(tmp_path):
    pixels = noise((9, 11, 3), np.uint16)[::-2, ::3].astype(">u2")
    for suffix in (".png", ".tif"):
        images.write(tmp_path / f"a{suffix}", pixels)
        np.testing.assert_array_equal(images.read(tmp_path / f"a{suffix}"), pixels)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("channels", [3, 4])
def test_packed_16bit_colour_tiff_keeps_both_bytes(tmp_path, order, channels):
    """PackBits is left to Pillow, which alone would drop the lower half of every sample."""
    pixels = noise((5, 7, channels), np.uint16)
    (tmp_path / "a.tif").write_bytes(packed_tiff(pixels, order))
    np.testing.assert_array_equal(images.read(tmp_path / "a.tif"), pixels)


def packed_tiff(pixels, order):
    height, width, channels = pixels.shape
    rows = [row.astype(order + "u2").tobytes() for row in pixels]
    body = b"".join(bytes([len(row) - 1]) + row for row in rows)
    bits = struct.pack(f"{order}{channels}H", *[16] * channels)
    fields = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, channels, 8), (259, 3, 1, 32773), (262, 3, 1, 2),
              (273, 4, 1, 16), (277, 3, 1, channels), (278, 3, 1, height), (279, 4, 1, len(body))]
    if channels == 4:
        fields.append((338, 3, 1, 2))
    table = struct.pack(order + "H", len(fields))
    for tag, kind, count, value in fields:
        packed = struct.pack(order + ("I" if kind == 4 or count > 2 else "HH"),
                             *((value,) if kind == 4 or count > 2 else (value, 0)))
        table += struct.pack(order + "HHI", tag, kind, count) + packed
    start = 16 + len(body) + len(body) % 2
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, start)
    return head + bits.ljust(8, b"\0") + body + b"\0" * (len(body) % 2) + table + struct.pack(order + "I", 0)


def test_deflated_tiff_with_differences(tmp_path):
    pixels = noise((9, 8, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression="tiff_adobe_deflate", tiffinfo={317: 2})
    np.testing.assert_array_equal(images.read(tmp_path / "a.tif"), pixels)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "packbits", "tiff_deflate"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "F"])
def test_tiff_of_another_writer(tmp_path, compression, mode):
    dtype = {"I;16": np.uint16, "F": np.float32}.get(mode, np.uint8)
    channels = {"RGB": (3,), "RGBA": (4,)}.get(mode, ())
    pixels = noise((40, 30, *channels), dtype)
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(images.read(tmp_path / "a.tif"), pixels)


def test_ours_is_read_by_pillow():
    pixels = noise((6, 5, 3), np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(tiff.encode(pixels)))), pixels)
    deep = noise((6, 5, 4), np.uint16)
    high = np.asarray(Image.open(io.BytesIO(png.encode_16bit(deep))))
    np.testing.assert_array_equal(high, deep >> 8)


def test_palette_bilevel_and_transparency(tmp_path):
    colour = np.zeros((4, 4, 3), np.uint8)
    colour[:2] = 200, 100, 50
    Image.fromarray(colour).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.png")
    np.testing.assert_array_equal(images.read(tmp_path / "p.png"), colour)
    Image.fromarray(colour[:, :, 0] > 0).save(tmp_path / "b.png")
    np.testing.assert_array_equal(images.read(tmp_path / "b.png"), (colour[:, :, 0] > 0) * np.uint8(255))
    Image.fromarray(colour).save(tmp_path / "t.png", transparency=(0, 0, 0))
    assert images.read(tmp_path / "t.png")[:, 0, 3].tolist() == [255, 255, 0, 0]


def test_a_cameras_orientation_is_followed(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(smooth((8, 16))).save(tmp_path / "a.jpg", exif=exif)
    assert images.read(tmp_path / "a.jpg").shape == (16, 8)


@pytest.mark.parametrize("orientation", range(1, 10))
@pytest.mark.parametrize("kind", ["ours.tif", "packed.tif", "deep.png", "deep-alpha.png", "plain.png"])
def test_every_orientation_is_followed_in_every_format(tmp_path, orientation, kind):
    """Pillow's own way of turning 8-bit pixels decides what is right."""
    channels = {"deep.png": (3,), "deep-alpha.png": (2,), "plain.png": (3,)}.get(kind, ())
    pixels = noise((5, 7, *channels), np.uint8 if "deep" not in kind else np.uint16)
    path = tmp_path / kind
    exif = Image.Exif()
    exif[274] = orientation
    if kind.endswith("tif"):
        compression = {"ours.tif": "raw", "packed.tif": "packbits"}[kind]
        if orientation == 9 and compression == "packbits":
            pytest.skip("libtiff refuses to write a number that does not exist")
        Image.fromarray(pixels).save(path, compression=compression, tiffinfo={274: orientation})
    else:
        images.write(path, pixels)
        data = path.read_bytes()
        chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
        chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        path.write_bytes(data[:33] + chunk + data[33:])
    turned = [np.asarray(ImageOps.exif_transpose(with_exif(plane, exif)))
              for plane in np.moveaxis(pixels.view(np.uint8).reshape(5, 7, -1), -1, 0)]
    wanted = np.ascontiguousarray(np.stack(turned, axis=-1)).view(pixels.dtype)
    np.testing.assert_array_equal(images.read(path), wanted if channels else wanted[..., 0])


def with_exif(plane, exif):
    image = Image.fromarray(np.ascontiguousarray(plane))
    image.getexif()[274] = exif[274]
    return image


def text_of(call):
    with pytest.raises(ImageError) as caught:
        call()
    return str(caught.value)


def test_missing_file_and_folder(tmp_path):
    missing = tmp_path / "no.png"
    assert text_of(lambda: images.read(missing)) == f"read: {missing} does not exist; check the path"
    folder = tmp_path / "d.png"
    folder.mkdir()
    assert text_of(lambda: images.read(folder)) == (
        f"read: {folder} cannot be read (Is a directory); check the path and its rights")
    assert text_of(lambda: images.write(folder, smooth((3, 3)))) == (
        f"write: {folder} is a folder; name a file in it")
    nowhere = tmp_path / "no" / "a.png"
    assert text_of(lambda: images.write(nowhere, smooth((3, 3)))) == (
        f"write: {nowhere}: folder {tmp_path / 'no'} does not exist; make it first (mkdir -p)")


def test_unknown_suffix():
    rule = "suffix '.gif' is unknown; use one of .png, .jpg, .jpeg, .tif, .tiff, .npy"
    assert text_of(lambda: images.read("a.gif")) == f"read: a.gif: {rule}"
    assert text_of(lambda: images.write("a.gif", smooth((3, 3)))) == f"write: a.gif: {rule}"


def test_what_a_format_cannot_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert text_of(lambda: images.write("a.png", np.zeros((3, 3)))) == (
        "write: a.png: PNG holds uint8, uint16, not float64; write .tif or .npy, or convert it (dtype=)")
    assert text_of(lambda: images.write("a.jpg", np.zeros((3, 3), np.uint16))) == (
        "write: a.jpg: JPEG holds uint8, not uint16; write .tif or .npy, or convert it (dtype=)")
    assert text_of(lambda: images.write("a.jpg", np.zeros((3, 3, 4), np.uint8))) == (
        "write: a.jpg: JPEG holds no alpha, and the image has 4 channels; write .png")
    assert text_of(lambda: images.write("a.tif", np.zeros((3, 3), np.complex64))) == (
        "write: a.tif: TIFF holds uint8, uint16, int16, uint32, int32, float16, float32, float64, not complex64; "
        "write .npy, or convert it (dtype=)")
    assert text_of(lambda: images.write("a.png", np.zeros((3, 3, 5), np.uint8))) == (
        "write: a.png: PNG holds (height, width) or (height, width, 1 to 4 channels), not shape (3, 3, 5); write .npy")
    assert text_of(lambda: images.write("a.npy", np.array([None]))) == (
        "write: a.npy: an array of Python objects is not written; convert it to numbers first")
    assert not list(tmp_path.iterdir())


FILES = {
    "grey.png": lambda: noise((40, 40), np.uint8),
    "deep.png": lambda: noise((40, 40, 3), np.uint16),
    "a.jpg": lambda: noise((40, 40, 3), np.uint8),
    "a.tif": lambda: noise((40, 40, 3), np.uint8),
    "a.npy": lambda: noise((40, 40), np.float32),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("part", [0, 0.005, 0.3, 0.7])
def test_truncated_files(tmp_path, name, part):
    path = tmp_path / name
    images.write(path, FILES[name]())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    text = text_of(lambda: images.read(path))
    kind = {"png": "PNG", "jpg": "JPEG", "tif": "TIFF", "npy": "NumPy"}[name[-3:]]
    assert text.startswith(f"read: {path} is damaged or not {kind} (")
    assert text.endswith("); save it again" + (" with numpy.save" if kind == "NumPy" else ", or convert it to PNG"))
    assert "\n" not in text
    assert "0x" not in text


@pytest.mark.parametrize("name", FILES)
def test_noise_in_a_file_is_an_error_or_an_image(tmp_path, name):
    """Never another exception than ours, whatever the bytes."""
    path = tmp_path / name
    images.write(path, FILES[name]())
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(7)
    for _ in range(60):
        broken = bytearray(data)
        for position in rng.integers(0, min(len(data), 400), 3):
            broken[position] = rng.integers(256)
        path.write_bytes(broken)
        try:
            assert isinstance(images.read(path), np.ndarray)
        except ImageError as error:
            text = str(error)
        else:
            continue
        assert text.startswith(f"read: {path} is damaged")


def test_full_text_for_a_damaged_file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"not an image")
    assert text_of(lambda: images.read(path)) == (
        f"read: {path} is damaged or not PNG (cannot identify image file its bytes); "
        "save it again, or convert it to PNG")


def test_several_pages(tmp_path):
    first, *others = (Image.fromarray(noise((8, 8), np.uint8, seed)) for seed in range(3))
    first.save(tmp_path / "a.tif", save_all=True, append_images=others)
    text = text_of(lambda: images.read(tmp_path / "a.tif"))
    assert "(the file has several pages; split it into one file for each)" in text


def test_a_pickle_is_not_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}]), allow_pickle=True)
    assert "Object arrays cannot be loaded" in text_of(lambda: images.read(tmp_path / "a.npy"))


def test_without_pillow(tmp_path, monkeypatch):
    images.write(tmp_path / "a.png", smooth((3, 3)))
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    way_out = 'PNG files need Pillow, which is not installed; pip install "faltung[images]"'
    path = tmp_path / "a.png"
    assert text_of(lambda: images.read(path)) == f"read: {path}: {way_out}"
    assert text_of(lambda: images.write(path, smooth((3, 3)))) == f"write: {path}: {way_out}"
    images.write(tmp_path / "a.npy", smooth((3, 3)))
    assert images.read(tmp_path / "a.npy").shape == (3, 3)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.npy"
    images.write(path, smooth((3, 3)))

    def full(self, data):
        with open(self, "wb") as stream:  # noqa: PTH123  (Path.open is what is replaced around it)
            stream.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert text_of(lambda: images.write(path, smooth((9, 9)))) == (
        f"write: {path} cannot be written (No space left on device); check the folder's rights and the disk's space")
    monkeypatch.undo()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npy"]
    assert images.read(path).shape == (3, 3)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link.npy").symlink_to(tmp_path / "real.npy")
    images.write(tmp_path / "link.npy", smooth((3, 3)))
    assert (tmp_path / "link.npy").is_symlink()
    assert images.read(tmp_path / "real.npy").shape == (3, 3)


def reflect_filter(plane, kernel):
    """The definition, in float64."""
    pad = [(extent // 2, (extent - 1) // 2) for extent in kernel.shape]
    padded = np.pad(plane.astype(np.float64), pad, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("ijkl,kl->ij", windows, kernel.astype(np.float64))


@pytest.mark.parametrize("name", ["box:size=5", "gaussian", "sharpen:amount=3", "sobel", "emboss", "box:size=2x3"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_filter_rounds_and_saturates_each_channel(name, dtype):
    pixels, kernel = noise((20, 23, 3), dtype), kernels.named(name)
    result = images.filter(pixels, kernel, channel_axis=-1)
    assert result.dtype == pixels.dtype
    limits = np.iinfo(dtype)
    for channel in range(3):
        exact = reflect_filter(pixels[:, :, channel], kernel)
        # Where the exact value lies within float32's rounding of a half, either neighbour is right.
        wanted = np.clip(exact, limits.min, limits.max)
        assert np.abs(result[:, :, channel] - wanted).max() <= 0.5 + 0.05 * (kernel.dtype.kind == "f")


def test_filter_of_floats_keeps_negative_values():
    pixels = noise((12, 9), np.float32)
    result = images.filter(pixels, kernels.sobel(0))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, reflect_filter(pixels, kernels.sobel(0)), atol=1e-5)
    wide = images.filter(noise((12, 9), np.uint8), kernels.sobel(0), dtype="int16")
    np.testing.assert_array_equal(wide, reflect_filter(noise((12, 9), np.uint8), kernels.sobel(0)))


def test_alpha_is_kept():
    pixels = noise((12, 9, 4), np.uint8)
    result = images.filter(pixels, kernels.box(3), channel_axis=-1)
    np.testing.assert_array_equal(result[..., 3], pixels[..., 3])
    np.testing.assert_array_equal(result[..., :3], images.filter(pixels[..., :3], kernels.box(3), channel_axis=2))
    first = np.moveaxis(pixels, -1, 0)
    np.testing.assert_array_equal(images.filter(first, kernels.box(3), channel_axis=0), np.moveaxis(result, -1, 0))
    filtered = images.filter(pixels, kernels.box(3), channel_axis=-1, alpha=False)
    assert (filtered[..., 3] != pixels[..., 3]).any()


def test_alpha_is_taken_from_the_places_of_the_outputs():
    pixels = noise((12, 9, 4), np.uint8)
    valid = images.filter(pixels, kernels.box(5), channel_axis=-1, mode="valid")
    np.testing.assert_array_equal(valid[..., 3], pixels[2:-2, 2:-2, 3])
    fewer = images.filter(pixels, kernels.box(3), channel_axis=-1, stride=2)
    np.testing.assert_array_equal(fewer[..., 3], pixels[::2, ::2, 3])


FILTERED = "filter: kernel {} has {} axes, and {} axes of the image {} are filtered; {}"
NAME_IT, MORE_AXES = "name the colour axis (channel_axis=-1)", "give it as many axes"
NO_AXIS = "filter: channel_axis=2 is out of range for an image of 2 axes; use None for a grey image"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((5, 5, 3), (3, 3), None), FILTERED.format((3, 3), 2, 3, (5, 5, 3), NAME_IT)),
        (((5, 5), (3,), None), FILTERED.format((3,), 1, 2, (5, 5), NAME_IT)),
        (((5, 5), (3, 3, 3), None), FILTERED.format((3, 3, 3), 3, 2, (5, 5), MORE_AXES)),
        (((5, 5), (3, 3), 2), NO_AXIS),
    ],
)
def test_filter_shape_errors(arguments, message):
    image, kernel, channel_axis = arguments
    with pytest.raises(ShapeError) as caught:
        images.filter(np.zeros(image), np.ones(kernel), channel_axis=channel_axis)
    assert str(caught.value) == message


def test_filter_of_words():
    with pytest.raises(DTypeError) as caught:
        images.filter(np.array([["a"]]), np.ones((1, 1)))
    assert str(caught.value) == "filter: image has dtype <U1, which is not a number; convert it first"


def test_two_channels_of_a_signal_are_no_alpha():
    stereo = noise((50, 2), np.float32)
    result = images.filter(stereo, kernels.box(3, ndim=1), channel_axis=-1)
    for channel in range(2):
        np.testing.assert_array_equal(result[:, channel], images.filter(stereo[:, channel], kernels.box(3, ndim=1)))


def test_big_endian_npy(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6, dtype=">f4"))
    back = images.read(tmp_path / "a.npy")
    assert back.dtype.isnative
    np.testing.assert_array_equal(back, np.arange(6))
