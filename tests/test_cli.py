"""The command line: what it makes, what it prints, and the full text of every refusal."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest

from faltung import cli, images, kernels
from faltung.commands import apply as apply_command
from faltung.commands import words
from faltung.commands.progress import Progress
from grid.command import run
from grid.pairs import pairs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a grey picture, a colour one with alpha, and a float array; it is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FALTUNG_CACHE_DIR", str(tmp_path / "cache"))
    rng = np.random.default_rng(1)
    images.write("grey.png", rng.integers(0, 256, (20, 30), np.uint8))
    images.write("colour.png", rng.integers(0, 256, (20, 30, 4), np.uint8))
    images.write("deep.tif", rng.integers(0, 65536, (20, 30, 3), np.uint16))
    images.write("array.npy", rng.normal(size=(20, 30)).astype(np.float32))
    return tmp_path


@pytest.mark.parametrize(("source", "name"), pairs(
    ["grey.png", "colour.png", "deep.tif", "array.npy"],
    ["identity:size=3", *(name if kernels.named(name).ndim == 2 else f"{name}:ndim=2" for name in kernels.KERNELS
                          if name != "identity")], together=1))
def test_apply_is_filter(folder, capsys, source, name):
    target = f"out{source[-4:]}"
    status, out, err = run(f"apply {source} --kernel {name} -o {target}", capsys)
    assert (status, err) == (0, "")
    assert out.startswith(f"{source} -> {target}: ")
    assert " ms, ran in " in out
    assert out.count("\n") == 1
    pixels = images.read(source)
    wanted = images.filter(pixels, kernels.named(name), channel_axis=-1 if pixels.ndim == 3 else None)
    np.testing.assert_array_equal(images.read(target), wanted)


def test_options_reach_the_operation(folder, capsys):
    status, _, err = run("apply grey.png -k box:size=3x5 -o out.npy --mode valid --stride 2x1 --dilation 1x2 "
                         "--border 7 --dtype float32 --threads 1", capsys)
    assert (status, err) == (0, "")
    wanted = images.filter(images.read("grey.png"), kernels.box((3, 5)), mode="valid", stride=(2, 1), dilation=(1, 2),
                           border=7, dtype="float32")
    np.testing.assert_array_equal(images.read("out.npy"), wanted)


def test_repeat(folder, capsys):
    status, out, _ = run("apply colour.png -k box -o out.png --repeat 3", capsys)
    assert status == 0
    assert "ran 3 times in" in out
    wanted = images.read("colour.png")
    for _ in range(3):
        wanted = images.filter(wanted, kernels.box(), channel_axis=-1)
    np.testing.assert_array_equal(images.read("out.png"), wanted)


def test_repeat_with_a_shape_that_shrinks(folder, capsys):
    assert run("apply grey.png -k box -o out.png --repeat 4 --mode valid", capsys)[0] == 0
    assert images.read("out.png").shape == (12, 22)


def test_absolute(folder, capsys):
    assert run("apply grey.png -k sobel -o out.png --absolute", capsys)[0] == 0
    signed = images.filter(images.read("grey.png"), kernels.sobel(), dtype="int32")
    np.testing.assert_array_equal(images.read("out.png"), np.minimum(np.abs(signed), 255))


@pytest.mark.parametrize("name", ["taps.npy", "taps.txt", "taps.csv"])
def test_kernel_files(folder, capsys, name):
    if name.endswith("npy"):
        np.save(name, np.array([[1, 2], [3, 4]], np.int16))
    else:
        (folder / name).write_text("1,2\n3,4  # the second row\n" if name.endswith("csv") else "1 2\n\n3 4\n")
    assert run(f"apply grey.png -k {name} -o out.npy --dtype int32", capsys)[0] == 0
    wanted = images.filter(images.read("grey.png"), np.array([[1, 2], [3, 4]]), dtype="int32")
    np.testing.assert_array_equal(images.read("out.npy"), wanted)


def test_several_images_into_a_folder(folder, capsys):
    (folder / "out").mkdir()
    status, out, err = run("apply grey.png colour.png deep.tif -k box -o out", capsys)
    assert (status, err) == (0, "")
    assert out.count("\n") == 3
    assert sorted(entry.name for entry in (folder / "out").iterdir()) == ["colour.png", "deep.tif", "grey.png"]


def test_one_that_fails_does_not_stop_the_others(folder, capsys):
    (folder / "out").mkdir()
    status, out, err = run("apply no.png grey.png -k box -o out/", capsys)
    assert (status, err) == (2, "faltung: read: no.png does not exist; check the path\n")
    assert out.startswith("grey.png -> out/grey.png: ")


APPLY_ERRORS = {
    "no.png -k box -o out.png": "read: no.png does not exist; check the path",
    "damaged.png -k box -o out.png":
        "read: damaged.png is damaged or not PNG (cannot identify image file its bytes); "
        "save it again, or convert it to PNG",
    "grey.gif -k box -o out.png":
        "read: grey.gif: suffix '.gif' is unknown; use one of .png, .jpg, .jpeg, .tif, .tiff, .npy",
    "grey.png -k box -o out.bmp":
        "write: out.bmp: suffix '.bmp' is unknown; use one of .png, .jpg, .jpeg, .tif, .tiff, .npy",
    "grey.png -k box -o no/out.png": "write: no/out.png: folder no does not exist; make it first (mkdir -p)",
    "grey.png -k box -o no/": "apply: output folder no does not exist; make it first (mkdir -p no)",
    "grey.png colour.png -k box -o no": "apply: output folder no does not exist; make it first (mkdir -p no)",
    "grey.png -k box -o .": "apply: grey.png would be written over itself; give another file or folder to -o",
    "grey.png sub/grey.png -k box -o sub2":
        "apply: grey.png and sub/grey.png would both be written to sub2/grey.png; "
        "give them to two calls with two folders",
    "colour.png -k box -o out.jpg":
        "write: out.jpg: JPEG holds no alpha, and the image has 4 channels; write .png",
    "array.npy -k box -o out.png":
        "write: out.png: PNG holds uint8, uint16, not float32; write .tif or .npy, or convert it (dtype=)",
    "grey.png -k bax -o out.png": "kernel 'bax' is unknown; did you mean box?",
    "grey.png -k gaussian:sgma=2 -o out.png": "kernel 'gaussian': parameter 'sgma' is unknown; did you mean sigma?",
    "grey.png -k no.npy -o out.png": "kernel file no.npy does not exist; check the path",
    "grey.png -k words.txt -o out.png":
        "kernel file words.txt is damaged or not numbers (could not convert string to float: 'one'); write .npy with "
        "numpy.save, or one line of numbers for each row",
    "grey.png -k empty.txt -o out.png":
        "kernel file empty.txt holds no taps (shape (0,)); a kernel needs one at least",
    "grey.png -k grey.png -o out.png": "kernel file grey.png: suffix '.png' is unknown; use .npy, .txt or .csv",
    "grey.png -k box:ndim=3 -o out.png":
        "filter: kernel (3, 3, 3) has 3 axes, and 2 axes of the image (20, 30) are filtered; give it as many axes",
    "colour.png -k box:ndim=3 -o out.png":
        "filter: kernel (3, 3, 3) has 3 axes, and 2 axes of the image (20, 30, 4) are filtered; give it as many axes",
    "grey.png -k box -o out.png --stride two":
        "--stride two: not whole numbers; write them with x between, as 512x512",
    "grey.png -k box -o out.png --repeat 0": "--repeat 0: must be at least 1",
    "grey.png -k box -o out.png --threads 0": "--threads 0: must be at least 1",
    "grey.png -k box -o out.png --dtype float31":
        "--dtype float31: unknown; use a name of NumPy's, as uint8 or float32",
    "grey.png -k box -o out.png --dtype str":
        "--dtype str: not a number; use a name of NumPy's, as uint8 or float32",
    "grey.png -k box -o out.png --repeat x":
        "argument --repeat: invalid int value: 'x' (see faltung apply --help)",
    "-k box": "the following arguments are required: IMAGE, --output/-o (see faltung apply --help)",
}


@pytest.mark.parametrize(("line", "message"), APPLY_ERRORS.items())
def test_apply_refuses_in_one_line(folder, capsys, line, message):
    (folder / "damaged.png").write_bytes(b"no picture")
    (folder / "words.txt").write_text("one two\n")
    (folder / "empty.txt").write_text("\n")
    (folder / "sub2").mkdir()
    (folder / "sub").mkdir()
    images.write("sub/grey.png", images.read("grey.png"))
    assert run(f"apply {line}", capsys) == (2, "", f"faltung: {message}\n")
    assert not list(folder.glob("out.*"))


# The words of these come from the operation itself; the command passes them on, in one line.
@pytest.mark.parametrize(
    "options",
    ["--border foo", "--mode sane", "--stride 0", "--stride -1", "--dilation 0", "--method fast", "--stride 1x2x3",
     "--mode valid -k box:size=31"],
)
def test_apply_passes_on_what_the_operation_refuses(folder, capsys, options):
    status, out, err = run(f"apply grey.png -k box -o out.png {options}", capsys)
    assert (status, out) == (2, "")
    assert err.startswith("faltung: correlate: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")


PLAN_ERRORS = {
    "deconvolve --image 8x8 --kernel 3x3":
        "plan: operation 'deconvolve' is unknown; use one of convolve, correlate, conv, conv_transpose",
    "correlate --image 8by8 --kernel 3x3":
        "--image 8by8: not whole numbers; write them with x between, as 512x512",
    "correlate --image 8x8 --kernel 3x3 --padding 1":
        "plan: correlate has no --padding; it has --mode, --overflow, --border, --stride, --dilation",
    "correlate --image 8x8 --kernel 3x3 --dtype quarter":
        "--dtype quarter: unknown; use a name of NumPy's, as uint8 or float32",
    "correlate --image 8x8": "the following arguments are required: --kernel (see faltung plan --help)",
}


@pytest.mark.parametrize(("line", "message"), PLAN_ERRORS.items())
def test_plan_refuses_in_one_line(capsys, line, message):
    assert run(f"plan {line}", capsys) == (2, "", f"faltung: {message}\n")


@pytest.mark.parametrize(
    "line",
    [
        "correlate --image 64x64 --kernel 7x7 --mode same --border reflect",
        "convolve --image 1000 --kernel 31 --dtype float64",
        "correlate --image 64x64 --kernel gaussian:sigma=2 --dtype uint8 --overflow saturate --stride 2x1 --mode valid",
        "conv --image 1x8x14x14 --kernel 8x8x3x3 --padding 1 --activation relu",
        "conv --image 1x8x14x14 --kernel 8x1x3x3 --padding same --groups 8",
        "conv_transpose --image 1x8x7x7 --kernel 8x4x3x3 --stride 2 --padding 1 --output-padding 1",
    ],
)
def test_plan_prints_problem_and_recipe(capsys, line):
    status, out, err = run(f"plan {line}", capsys)
    assert (status, err) == (0, "")
    assert line.split()[0] in out
    assert "direct" in out


def test_plan_prints_code_on_request(capsys):
    status, out, _ = run("plan correlate --image 64x64 --kernel 3x3 --ir --assembly", capsys)
    assert status == 0
    assert "define " in out
    assert "ret" in out


def test_doctor(capsys):
    status, out, err = run("doctor", capsys)
    assert (status, err) == (0, "")
    for word in ("processor", "instruction set", "cores", "cache folder"):
        assert word in out


def test_cache(folder, capsys):
    run("apply grey.png -k box -o out.png", capsys)
    assert run("cache", capsys)[1].startswith(f"{folder / 'cache'}: ")
    assert run("cache --clear", capsys)[1].startswith(f"{folder / 'cache'}: cleared ")
    assert run("cache", capsys)[1] == f"{folder / 'cache'}: 0.0 MiB\n"


def test_version_and_help(capsys):
    assert run("--version", capsys) == (0, "faltung 0.1.0\n", "")
    for command in ("", "apply ", "plan ", "doctor ", "cache "):
        status, out, err = run(f"{command}--help", capsys)
        assert (status, err) == (0, "")
        assert out.startswith(f"usage: faltung {command}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "the following arguments are required: COMMAND (see faltung --help)"),
        ("aply", "argument COMMAND: invalid choice: 'aply' (choose from"),
        ("cache --cleat", "unrecognized arguments: --cleat (see faltung --help)"),
    ],
)
def test_unknown_commands_and_options(capsys, line, message):
    status, out, err = run(line, capsys)
    assert (status, out) == (2, "")
    assert err.startswith(f"faltung: {message}")
    assert err.count("\n") == 1


def test_a_bug_is_shown_whole(folder, capsys, monkeypatch):
    monkeypatch.setattr(apply_command, "run", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["apply", "grey.png", "-k", "box", "-o", "out.png"])


def test_progress_is_drawn_on_a_terminal_only():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    with Progress(4, Terminal()) as progress:
        progress.step()
    drawn = progress.stream.getvalue()
    assert "0/4" in drawn
    assert "\r[#######.......................] 1/4" in drawn
    assert drawn.endswith("\r\x1b[K")
    with Progress(4, io.StringIO()) as silent:
        silent.step()
    assert silent.stream.getvalue() == ""


def test_kernel_text_keeps_fractions(tmp_path):
    (tmp_path / "a.txt").write_text("0.5 1")
    taps = words.kernel(str(tmp_path / "a.txt"))
    assert taps.dtype == np.float64
    np.testing.assert_array_equal(taps, [[0.5, 1]])


def process(*line, **options):
    line = [sys.executable, "-m", "faltung.cli", *line]
    return subprocess.run(line, capture_output=True, text=True, check=False, **options)


def test_a_real_process(folder):
    done = process("apply", "grey.png", "--kernel", "gaussian:sigma=2", "-o", "out.png")
    assert (done.returncode, done.stderr) == (0, "")
    np.testing.assert_array_equal(images.read("out.png"), images.filter(images.read("grey.png"), kernels.gaussian(2)))


def test_a_real_process_refuses(folder):
    done = process("apply", "no.png", "--kernel", "box", "-o", "out.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "faltung: read: no.png does not exist; check the path\n"


def test_a_reader_that_has_enough(folder):
    (folder / "out").mkdir()
    line = [sys.executable, "-m", "faltung.cli", "apply", "grey.png", "colour.png", "-k", "box", "-o", "out"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.close()
        assert running.stderr.read() == ""
    assert running.returncode == 0


def test_a_terminal_sees_a_bar(folder):
    """A pseudo-terminal as error stream: the bar is drawn, and gone at the end."""
    pty = pytest.importorskip("pty")
    import os

    (folder / "out").mkdir()
    ours, theirs = pty.openpty()
    line = [sys.executable, "-m", "faltung.cli", "apply", "grey.png", "colour.png", "-k", "box", "-o", "out"]
    done = subprocess.run(line, stdout=subprocess.PIPE, stderr=theirs, text=True, check=False)
    os.close(theirs)
    drawn = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "1/2" in drawn
    assert drawn.endswith("\x1b[K")


def test_a_volume_and_a_signal(folder, capsys):
    rng = np.random.default_rng(2)
    for shape, ndim in (((6, 7, 8), 3), ((50,), 1), ((50, 2), 1)):
        values = rng.normal(size=shape).astype(np.float32)
        images.write("v.npy", values)
        assert run(f"apply v.npy -k box:ndim={ndim} -o out.npy", capsys)[0] == 0
        channel_axis = -1 if len(shape) > ndim else None
        wanted = images.filter(values, kernels.box(ndim=ndim), channel_axis=channel_axis)
        np.testing.assert_array_equal(images.read("out.npy"), wanted)
