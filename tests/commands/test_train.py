"""``faltung train`` and ``faltung classify``."""

import io
import json
import re
import struct
import sys

import numpy as np
import pytest

import faltung as ft
from faltung import cli, images, kernels
from faltung.commands import models, pictures
from faltung.errors import DataError
from faltung.layers import weights
from faltung.layers.training import Epoch
from grid.command import run


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Pictures of bars and of dots in two folders, and the same as IDX files; trained on once."""
    root = tmp_path_factory.mktemp("shapes")
    rng = np.random.default_rng(1)
    stacks = {}
    for name in ("bar", "dot"):
        (root / "sorted" / name).mkdir(parents=True)
        stack = rng.integers(0, 30, (20, 12, 12), np.uint8)
        for number, pixels in enumerate(stack):
            row, column = rng.integers(2, 10, 2)
            pixels[row, :] = 220 if name == "bar" else pixels[row, :]
            pixels[row - 1 : row + 2, column - 1 : column + 2] = 220
            images.write(root / "sorted" / name / f"{number}.png", pixels)
        stacks[name] = stack
    both, labels = np.concatenate([*stacks.values()]), np.arange(40, dtype=np.uint8) // 20
    (root / "idx").mkdir()
    for part in ("train", "t10k"):
        for stem, array, kind in (("images", both, "idx3"), ("labels", labels, "idx1")):
            head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (root / "idx" / f"{part}-{stem}-{kind}-ubyte").write_bytes(head + array.tobytes())
    return root


@pytest.fixture
def place(shapes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sorted").symlink_to(shapes / "sorted")
    (tmp_path / "idx").symlink_to(shapes / "idx")
    threads = ft.get_threads()
    yield tmp_path
    ft.set_threads(threads)


QUICK = "train --data sorted --network small --epochs 4 --batch 8 --rate 0.01"


def test_training_on_folders_and_all_that_it_leaves(place, capsys):
    status, out, err = run(QUICK, capsys)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == ("small: 7,106 parameters; 32 images 1x12x12 to learn from, 8 for the test, 2 classes")
    pattern = (r"epoch \d/4  loss \d+\.\d{4}  recognised \d+\.\d\d %  test loss \d+\.\d{4}  recognised \d+\.\d\d %  "
               r"\d+\.\d s")
    assert all(re.fullmatch(pattern, line) for line in lines[1:5])
    assert lines[6] == "loss (* learning, o test)"
    assert lines[-6:-3] == ["taken for   bar  dot", "      bar     4    .", "      dot     .    4"]
    assert lines[-2:] == ["recognised 8 of 8 test images: 100.00 %", "written to sorted-training: weights.safetensors, "
                          "curve.png, confusion.png, kernels.png"]
    folder = place / "sorted-training"
    assert sorted(entry.name for entry in folder.iterdir()) == [
        "checkpoint.safetensors", "confusion.png", "curve.png", "kernels.png", "weights.safetensors"]
    drawn = [images.read(folder / name).shape for name in ("confusion.png", "curve.png", "kernels.png")]
    assert all(min(shape[:2]) > 100 for shape in drawn)

    status, out, err = run("classify sorted-training/weights.safetensors sorted/bar/3.png sorted/dot/3.png --top "
                           "1", capsys)
    assert (status, err) == (0, "")
    assert re.fullmatch(r"sorted/bar/3\.png: bar \(\d+\.\d %\)\nsorted/dot/3\.png: dot \(\d+\.\d %\)\n", out)
    status, out, err = run("classify sorted-training/weights.safetensors sorted/bar/3.png none.png --json", capsys)
    assert (status, err) == (2, "faltung: read: none.png does not exist; check the path\n")
    told = json.loads(out)
    assert [one["image"] for one in told] == ["sorted/bar/3.png"]
    assert list(told[0]["classes"]) == ["bar", "dot"]
    assert sum(told[0]["classes"].values()) == pytest.approx(1)
    status, out, _ = run("train --data sorted --evaluate sorted-training/weights.safetensors", capsys)
    assert status == 0
    assert out.splitlines()[-1].startswith("recognised 8 of 8 test images: 100.00 %, loss 0.")


def test_an_inverted_picture_and_one_of_another_size(place, capsys):
    assert run(f"{QUICK} -o t", capsys)[0] == 0
    pixels = images.read("sorted/bar/1.png")
    images.write("dark.png", 255 - pixels)
    images.write("large.png", np.repeat(pixels.repeat(2, 0).repeat(2, 1)[..., None], 3, axis=2))
    plain = run("classify t/weights.safetensors sorted/bar/1.png", capsys)[1].partition(": ")[2]
    assert run("classify t/weights.safetensors dark.png --invert", capsys)[1] == f"dark.png: {plain}"
    assert run("classify t/weights.safetensors large.png", capsys)[1].startswith("large.png: bar ")


def test_resuming_gives_the_same_weights(place, capsys, monkeypatch):
    assert run(f"{QUICK} -o whole", capsys)[0] == 0
    original = ft.layers.training.Trainer._step
    steps = []

    def interrupted(self, *arguments):
        steps.append(1)
        if len(steps) == 10:
            raise KeyboardInterrupt
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ft.layers.training.Trainer, "_step", interrupted)
        assert run(f"{QUICK} -o broken", capsys)[0] == 130
    status, out, err = run("train --data sorted -o broken --resume", capsys)
    assert (status, err) == (0, "")
    assert out.splitlines()[1] == "resumed after epoch 2"
    first, second = (weights.read_entries(f"{name}/weights.safetensors")[0] for name in ("whole", "broken"))
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)
    assert run("train --data sorted -o broken --resume --batch 4", capsys) == (
        2, "", "faltung: train: --batch 4 differs from that of broken/checkpoint.safetensors (8); leave it out, or "
        "begin a new training in another folder\n")


def test_idx_files(place, capsys):
    status, out, err = run("train mnist --data idx --epochs 1 --batch 20 --seed 2 --threads 1 -o m", capsys)
    assert (status, err) == (0, "")
    assert out.startswith("lenet5: ")
    assert run("train mnist --data idx --evaluate m/weights.safetensors", capsys)[0] == 0


def test_digits(place, capsys):
    status, out, err = run("train digits --epochs 3", capsys)
    assert (status, err) == (0, "")
    assert float(re.search(r"test images: (\d+\.\d\d) %", out)[1]) > 90


@pytest.mark.parametrize(("line", "message"), [
    ("train", "train: there is nothing to train on; write digits, mnist --data DIR, --data FOLDER, or kernel BEFORE "
              "AFTER"),
    ("train cats", "train: 'cats' is not known; write digits, mnist --data DIR, --data FOLDER, or kernel BEFORE AFTER"),
    ("train folder", "train: 'folder' is not known; write digits, mnist --data DIR, --data FOLDER, or kernel BEFORE "
                     "AFTER"),
    ("train mnist", "train: mnist needs the folder with its files; add --data DIR"),
    ("train digits --data sorted", "train: --data is not for digits, which come with scikit-learn; leave it out"),
    ("train digits --size 9", "train: --size is not for digits; leave it out"),
    ("train digits --threads 0", "--threads 0: must be at least 1"),
    ("train digits --rate 0", "train: --rate 0.0 must be above 0; 0.003 is usual"),
    ("train digits --epochs 0", "train: --epochs 0 must be at least 1"),
    ("train digits --network alexnet", "train: --network alexnet is unknown; use small, lenet5, resnet, mobilenet_v2"),
    ("train digits --network lenet5",
     "lenet5: size=8 must be at least 12, so that something is left behind both poolings; use small, or larger images"),
    ("train digits --batch 2000", "batches: batch=2000 must be from 1 to the number of images (1438 in digits); take a "
                                  "smaller batch, or more images"),
    ("train digits --test 2", "split: test=2.0 must lie between 0 and 1; 0.2 keeps a fifth for the test"),
    ("train --data none", "class_folders: none is not a folder; give one that holds a folder for each class"),
    ("train --data sorted --size 8x8x8", "--size 8x8x8: must be height and width of at least 1, as 32x32"),
    ("train --data sorted --size 8x9 --network small",
     "train: network small takes square images, but these are 8x9; scale them (--size 8x8), or take --network resnet"),
    ("train digits --resume", "train: digits-training/checkpoint.safetensors does not exist; check the path"),
    ("train kernel a.png", "train: kernel needs two pictures, as in: faltung train kernel before.png after.png --size "
                           "5"),
    ("train kernel a.png b.png --rate 1", "train: --rate is not for kernel; leave it out"),
    ("train kernel a.png b.png --resume", "train: --resume is not for kernel; leave it out"),
    ("train kernel a.png b.png", "read: a.png does not exist; check the path"),
    ("classify none.safetensors a.png", "classify: none.safetensors does not exist; check the path"),
    ("classify none.safetensors a.png --top 0", "classify: --top 0 must be at least 1"),
])
def test_refusals_in_one_line(place, capsys, line, message):
    assert run(line, capsys) == (2, "", f"faltung: {message}\n")
    assert sorted(entry.name for entry in place.iterdir()) == ["idx", "sorted"]


def test_a_folder_that_holds_a_training(place, capsys):
    (place / "t").mkdir()
    (place / "t" / "checkpoint.safetensors").write_bytes(b"")
    assert run(f"{QUICK} -o t", capsys) == (
        2, "", "faltung: train: t holds a training already; add --resume to go on with it, or name another folder "
               "with -o\n")
    assert run(f"{QUICK} -o t --resume", capsys)[2].startswith(
        "faltung: train: t/checkpoint.safetensors is damaged or no safetensors file (of 0 bytes")
    weights.write_entries(place / "t" / "checkpoint.safetensors", {"a": np.zeros(1)})
    assert run(f"{QUICK} -o t --resume", capsys)[2] == (
        "faltung: train: t/checkpoint.safetensors is no checkpoint of faltung train; begin a new training in another "
        "folder\n")


def test_an_empty_class(place, capsys):
    (place / "more" / "a").mkdir(parents=True)
    (place / "more" / "b").mkdir()
    images.write("more/a/1.png", np.zeros((8, 8), np.uint8))
    assert run("train --data more", capsys)[2] == (
        "faltung: class_folders: more/b holds no pictures (.png, .jpg, .jpeg, .tif, .tiff); each class needs one at "
        "least: add some, or remove the folder\n")


# ---------------------------------------------------------------- weights with their model

NOTE = {"network": "small", "classes": ["a", "b"], "shape": [1, 8, 8], "normalisation": [[0.0], [1.0]]}


@pytest.mark.parametrize(("change", "text"), [
    ({"classes": ["x"] * 200_000},
     "is damaged (a network for 200000 classes and images 1x8x8 is larger than the file); save or fetch it again"),
    ({"shape": [1, 1_000_000, 1_000_000]},
     "is damaged (a network for 2 classes and images 1x1000000x1000000 is larger than the file); save or fetch it "
     "again"),
    ({"shape": [10**9, 8, 8], "network": "mobilenet_v2"},
     "is damaged (its note of the network does not fit itself); save or fetch it again"),
    ({"network": "unknown"}, "is damaged (its note of the network does not fit itself); save or fetch it again"),
    ({"normalisation": 3}, "is damaged (its note of the network cannot be read); save or fetch it again"),
    ({"shape": "square"}, "is damaged (its note of the network cannot be read); save or fetch it again"),
])
def test_a_note_that_promises_too_much(tmp_path, change, text):
    path = tmp_path / "w"
    weights.write_entries(path, {"a": np.zeros(5, np.float32)}, {models.NOTE: json.dumps(NOTE | change)})
    with pytest.raises(DataError) as caught:
        models.load(path, "classify")
    assert str(caught.value) == f"classify: {path} {text}"


def test_weights_without_a_note(tmp_path):
    weights.write_entries(tmp_path / "w", {"a": np.zeros(5, np.float32)})
    with pytest.raises(DataError) as caught:
        models.load(tmp_path / "w", "classify")
    assert str(caught.value) == (f"classify: {tmp_path / 'w'} does not tell which network its weights are for; give a "
                                 "file that faltung train has written")


# ---------------------------------------------------------------- one kernel

@pytest.fixture
def pair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = np.random.default_rng(4).integers(0, 256, (50, 60), np.uint8)
    images.write("before.png", before)
    images.write("after.npy", ft.correlate(before.astype(float), kernels.sobel().astype(float), "same"))
    return tmp_path


def test_a_kernel_grows_and_is_named(pair, capsys):
    status, out, err = run("train kernel before.png after.npy --size 3", capsys)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("step 1: residual ")
    assert lines[4].startswith("step 2: residual ")
    assert lines[-2] == "nearest   sobel:axis=1 (likeness 1.0000 of 1)"
    assert lines[-1] == "written to kernel-training: kernel.npy, growth.png"
    np.testing.assert_allclose(np.load("kernel-training/kernel.npy"), kernels.sobel(), atol=1e-3)
    strip = images.read("kernel-training/growth.png")
    assert strip.shape[0] == 96 + 12
    assert run("apply before.png -k kernel-training/kernel.npy -o out.tif --dtype float32", capsys)[0] == 0


def test_on_a_terminal_it_grows_in_place(pair, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    assert cli.main(["train", "kernel", "before.png", "after.npy", "--size", "3", "--epochs", "20"]) == 0
    frames = terminal.getvalue().split("\x1b[4A")
    assert len(frames) > 4
    assert all(frame.count("\n") == 4 for frame in frames[:-1])


# ---------------------------------------------------------------- pictures

def test_a_bar_on_a_terminal(place, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert cli.main([*QUICK.split(), "-o", "t"]) == 0
    assert "] 4/4  epoch 4  loss 0." in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_many_classes_are_listed():
    counts = np.eye(30, dtype=int) * 5
    names = [f"c{number}" for number in range(30)]
    assert pictures.confusion(counts, names) == "no confusions"
    counts[3, 4], counts[7, 2] = 2, 3
    assert pictures.confusion(counts, names) == (
        "most confused:\n  c7 taken for c2: 3 of 8\n  c3 taken for c4: 2 of 7")


def test_a_curve_without_a_test():
    history = [Epoch(1, 0.5, 0.5, float("nan"), float("nan"), 1.0)]
    assert "o" not in pictures.curve(history).partition("\n")[2]


def test_without_matplotlib(place, capsys, monkeypatch):
    monkeypatch.setattr(pictures, "can_draw", lambda: False)
    status, out, err = run(f"{QUICK} -o t", capsys)
    assert (status, err) == (0, "")
    assert out.endswith("written to t: weights.safetensors, kernels.png\ncurve and matrix as pictures need "
                        "Matplotlib; pip "
                        'install "faltung[show]"\n')


def test_kernels_of_colour(tmp_path):
    taps = np.zeros((2, 3, 2, 2))
    taps[0, 0, 0, 0], taps[1] = 4, -1
    pictures.kernels_png(tmp_path / "k.png", taps, side=4)
    drawn = images.read(tmp_path / "k.png")
    assert drawn.shape == (16, 26, 3)
    assert drawn[6, 6].tolist() == [255, 128, 128]
    assert drawn[6, 16].tolist() == [0, 0, 0]
