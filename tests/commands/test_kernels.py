"""``faltung kernels``, patterns of files, and volumes block by block on the command line."""

from __future__ import annotations

import io
import re
import sys

import numpy as np
import pytest

from faltung import cli, images, kernels
from faltung.commands import volumes
from faltung.errors import ShapeError
from grid.command import run


def test_the_list_has_every_kernel(capsys):
    status, out, err = run("kernels", capsys)
    assert (status, err) == (0, "")
    names = [line.split(":")[0] for line in out.splitlines() if not line.startswith(" ")]
    assert names == list(kernels.KERNELS)
    assert run("kernels list", capsys)[1] == out
    assert run("kernels list motion", capsys)[1] == (
        "motion:length=9,angle=0\n    the blur of a straight movement: the mean over a line through the centre\n")


def test_what_the_list_shows_can_be_asked_for():
    for name, function in kernels.KERNELS.items():
        defaults = kernels.checking.parameters(function)
        told = ",".join(f"{key}={value}" for key, value in defaults.items() if value is not None)
        np.testing.assert_array_equal(kernels.named(f"{name}:{told}"), kernels.named(name))


def test_show_has_numbers_and_a_picture(capsys):
    assert run("kernels show sobel", capsys) == (
        0, "3x3 int16\n\n-1  0  1\n-2  0  2\n-1  0  1\n\n-▓  ▓▓\n-█  ██\n-▓  ▓▓\n", "")


def test_show_where_there_are_letters_only(monkeypatch):
    plain = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", plain)
    assert cli.main(["kernels", "show", "laplacian:ndim=1"]) == 0
    plain.flush()
    assert plain.buffer.getvalue().decode() == "3 int16\n\n 1 -2  1\n\n**-#**\n"


def test_describe(capsys):
    assert run("kernels describe laplacian", capsys)[1] == str(kernels.describe(kernels.laplacian())) + "\n"


@pytest.mark.parametrize(("line", "message"), [
    ("shw", "kernels: action 'shw' is unknown; did you mean show?"),
    ("show", "kernels: show needs a kernel, as in: faltung kernels show gaussian:sigma=2"),
    ("describe gausian", "kernel 'gausian' is unknown; did you mean gaussian?"),
    ("list gausian", "kernel 'gausian' is unknown; did you mean gaussian?"),
    ("show gabor:wavelenth=3", "kernel 'gabor': parameter 'wavelenth' is unknown; did you mean wavelength?"),
    ("show gaussian:sigma=0", "gaussian: sigma=0 must be positive and finite; use identity() for no blur"),
])
def test_refusals(capsys, line, message):
    assert run(f"kernels {line}", capsys) == (2, "", f"faltung: {message}\n")


# ---------------------------------------------------------------- fit

@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A colour picture with alpha, and what emboss makes of its mean colour; they lie in the current folder."""
    monkeypatch.chdir(tmp_path)
    before = np.random.default_rng(4).integers(0, 256, (40, 50, 4), np.uint8)
    images.write("before.png", before)
    images.write("flat.png", np.full((40, 50), 7, np.uint8))
    images.write("after.npy", images.filter(before[..., :3].mean(axis=2), kernels.emboss()))
    return tmp_path


def test_fit_finds_the_kernel_and_writes_it(pictures, capsys):
    status, out, err = run("kernels fit before.png after.npy --size 3x5 -o taps.npy", capsys)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "3x5 float64"
    assert lines[6].startswith("residual  ")
    assert float(lines[6].split()[1]) < 1e-10
    assert lines[7].startswith("condition ")
    assert lines[8] == "nearest   emboss (likeness 1.0000 of 1)"
    np.testing.assert_allclose(np.load("taps.npy"), np.pad(kernels.emboss(), ((0, 0), (1, 1))), atol=1e-12)
    assert run("apply flat.png -k taps.npy -o out.png", capsys)[0] == 0


def test_fit_says_when_it_is_not_sure(pictures, capsys):
    advice = "; the picture before tells the taps apart badly: add --ridge 1e-4"
    assert f"condition inf{advice}\n" in run("kernels fit flat.png flat.png --size 3", capsys)[1]
    assert advice not in run("kernels fit flat.png flat.png --size 3 --ridge 1e-4", capsys)[1]


@pytest.mark.parametrize(("line", "message"), [
    ("fit before.png",
     "kernels: fit needs two pictures, as in: faltung kernels fit before.png after.png --size 5"),
    ("fit before.png none.png", "read: none.png does not exist; check the path"),
    ("fit before.png flat.png --size 9by9", "--size 9by9: not whole numbers; write them with x between, as 512x512"),
    ("fit before.png flat.png --ridge -1", "fit: ridge=-1.0 must be at least 0 and finite"),
    ("fit before.png flat.png -o taps.txt",
     "kernels: taps.txt: the taps are written as .npy, which --kernel reads; name such a file"),
    ("show box --size 3", "kernels: --size is for fit, not for show; leave it out"),
    ("describe box box", "kernels: describe takes one kernel, not 2; ask for one after the other"),
])
def test_fit_refuses_in_one_line(pictures, capsys, line, message):
    assert run(f"kernels {line}", capsys) == (2, "", f"faltung: {message}\n")


# ---------------------------------------------------------------- volumes

@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("v.npy", np.random.default_rng(3).integers(0, 256, (40, 20, 30), np.uint8))
    return tmp_path


@pytest.mark.parametrize("options", ["-k gaussian:ndim=3", "-k box:ndim=3 --repeat 3", "-k sobel:ndim=3 --absolute",
                                     "-k box:size=3x3x4 --mode valid --stride 2 --repeat 2 --dtype float32",
                                     "-k sobel:ndim=3 --absolute --repeat 2 --dtype uint16"])
def test_a_large_volume_is_filtered_as_a_small_one(folder, capsys, options):
    status, out, err = run(f"apply v.npy {options} -o a.npy --memory 20K", capsys)
    assert (status, err) == (0, "")
    assert re.match("v.npy -> a.npy: 40x20x30 uint8; (direct|fourier|separable) in ", out)
    assert run(f"apply v.npy {options} -o b.npy", capsys)[0] == 0
    made, wanted = np.load("a.npy"), np.load("b.npy")
    assert made.dtype == wanted.dtype
    np.testing.assert_array_equal(made, wanted)
    assert sorted(entry.name for entry in folder.iterdir()) == ["a.npy", "b.npy", "v.npy"]


def test_a_volume_that_is_cut_short(folder, capsys):
    data = (folder / "v.npy").read_bytes()
    (folder / "v.npy").write_bytes(data[:20_000])
    status, out, err = run("apply v.npy -k box:ndim=3 -o a.npy --memory 10K", capsys)
    assert (status, out) == (2, "")
    assert err.startswith("faltung: filter_file: v.npy is damaged, cut short or cannot be mapped (")
    assert err.count("\n") == 1


def test_memory_is_read(capsys):
    assert [volumes.memory(text) for text in ("1", "3k", "2M", "1G", "1T")] == [1, 3072, 2**21, 2**30, 2**40]
    for text in ("", "M", "-1", "0", "1.5G", "12Q"):
        with pytest.raises(ShapeError) as caught:
            volumes.memory(text)
        assert str(caught.value) == f"--memory {text}: not a size; write bytes, or as 512M or 2G"


def test_blocks_are_counted_on_a_terminal(folder, capsys, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert cli.main(["apply", "v.npy", "-k", "box:ndim=3", "-o", "a.npy", "--memory", "20K"]) == 0
    assert "] 1/" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


# ---------------------------------------------------------------- patterns

def test_patterns_that_the_shell_left(folder, capsys):
    rng = np.random.default_rng(1)
    for name in ("b.png", "a.png", "c.tif"):
        images.write(name, rng.integers(0, 256, (9, 9), np.uint8))
    (folder / "out").mkdir()
    status, out, err = run("apply *.png -k box -o out", capsys)
    assert (status, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["a.png", "b.png"]
    assert run(f"apply {folder}/?.tif -k box -o out", capsys)[0] == 0
    assert run("apply *.jpg -k box -o out", capsys) == (
        2, "", "faltung: apply: no file matches *.jpg; check the pattern\n")
    images.write("[1].png", images.read("a.png"))
    assert run("apply [1].png -k box -o out", capsys)[0] == 0
