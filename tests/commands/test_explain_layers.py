"""``faltung explain layer`` and ``faltung explain network``."""

import numpy as np
import pytest

from faltung import images
from faltung.commands import models
from faltung.layers.data import Normalisation
from faltung.show.reading import TIMES
from grid.command import run


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = models.Model("small", ("bar", "dot", "ring"), (1, 8, 8), Normalisation((100.0,), (50.0,)))
    models.save(model, model.build(3), tmp_path / "weights.safetensors")
    images.write(tmp_path / "photo.png", np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8))
    return tmp_path


def test_a_layer_in_words(place, capsys):
    status, out, err = run("explain layer --input 5 --kernel 3 --stride 2 --padding 1", capsys)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "input 5, kernel 3, stride 2, padding 1, dilation 1",
        "0  y[0] = w[1] x[0] + w[2] x[1]; 3 taps, 1 on the border (0)",
        "1  y[1] = w[0] x[1] + w[1] x[2] + w[2] x[3]; 3 taps",
        "2  y[2] = w[0] x[3] + w[1] x[4]; 3 taps, 1 on the border (0)",
    ]
    status, out, err = run("explain layer --input 4x4 --kernel 3x3 --stride 2x1 --padding 1 --transposed "
                           "--output-padding 1x0 --step 31", capsys)
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == (f"input 4{TIMES}4, kernel 3{TIMES}3, transposed, stride 2{TIMES}1, padding 1, "
                                   f"dilation 1, output padding 1{TIMES}0")
    status, out, err = run("explain layer --input 3x3 --kernel 3x3 --padding same --border reflect --step 0", capsys)
    assert (status, err) == (0, "")
    assert out.splitlines()[1].startswith("0  y[0, 0] = w[0, 0] x[1, 1] + w[0, 1] x[1, 0] + w[0, 2] x[1, 1] + ")


def test_a_layer_as_a_picture(place, capsys):
    status, out, err = run("explain layer --input 7x7 --kernel 3x3 --dilation 2 --padding same --border wrap --step 3 "
                           "--width 500 --theme dark -o layer.png", capsys)
    assert (status, err) == (0, "")
    assert out.startswith("layer -> layer.png: step 3 of 0 to 48, ")
    assert images.read(place / "layer.png").shape[1] == 500
    status, out, err = run("explain layer --input 3x4x4 --kernel 2 --border 1.5 --padding 1 -o layer.svg", capsys)
    assert (status, err) == (0, "")
    assert "border, 1.5" in (place / "layer.svg").read_text()


def test_a_network_in_words_and_as_a_picture(place, capsys):
    status, out, err = run("explain network weights.safetensors photo.png", capsys)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Sequential on photo.png"
    assert [line.split(",")[0] for line in lines[1:-1]] == [
        "0  conv1", "1  relu1", "2  conv2", "3  relu2", "4  pool", "5  flatten", "6  fc"]
    assert lines[-1].startswith("7  Probabilities of the classes, by softmax of the scores: ")
    status, out, err = run("explain network weights.safetensors photo.png --invert --layer relu2 -o maps.png", capsys)
    assert (status, err) == (0, "")
    assert out.startswith("network -> maps.png: step 3 of 0 to 7, ")
    assert images.read(place / "maps.png").shape[1] == 800


def test_what_a_network_sees(place, capsys):
    status, out, err = run("explain network weights.safetensors photo.png --fields", capsys)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"receptive fields of Sequential on 8{TIMES}8"
    assert [line.split(",")[0] for line in lines[1:]] == ["0  conv1", "1  conv2", "2  pool"]
    status, out, err = run("explain network weights.safetensors photo.png --fields --layer conv2 -o fields.svg", capsys)
    assert (status, err) == (0, "")
    assert "rows 2 to 6, columns 2 to 6" in (place / "fields.svg").read_text()


@pytest.mark.parametrize(("line", "text"), [
    ("explain layer --input 700x700 --kernel 3x3",
     "faltung: arithmetic: input 700x700 is larger than 40 cells a side; use 40x40 or less\n"),
    ("explain layer --input 7xseven --kernel 3x3",
     "faltung: --input 7xseven: not whole numbers; write them with x between, as 512x512\n"),
    ("explain layer --input 7 --kernel 3 --padding some",
     'faltung: arithmetic: padding "some" is not known; use an integer, a (before, after) pair for each axis, "same", '
     '"same_lower", "valid", "causal" or "full"\n'),
    ("explain layer --input 7 --kernel 3 -o none/layer.png",
     "faltung: show: none/layer.png: folder none does not exist; make it first (mkdir -p)\n"),
    ("explain network photo.png photo.png",
     "faltung: explain: photo.png is damaged or no safetensors file (of {size} bytes, the header claims "
     "727905341920923785, and 16777216 is the most); save or fetch it again\n"),
    ("explain network weights.safetensors none.png", "faltung: read: none.png does not exist; check the path\n"),
    ("explain network weights.safetensors photo.png --layer conv3",
     'faltung: feature_maps: there is no layer "conv3" that makes something new; use one of conv1, relu1, conv2, '
     "relu2, pool, flatten, fc\n"),
])
def test_errors(place, capsys, line, text):
    status, out, err = run(line, capsys)
    assert (status, out) == (2, "")
    assert err == text.replace("{size}", str((place / "photo.png").stat().st_size))
    assert sorted(entry.name for entry in place.iterdir()) == ["photo.png", "weights.safetensors"]
