"""``faltung explain functions``, ``signal`` and ``image``: stills, words, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import faltung as ft
from faltung import cli
from grid.command import run as run_line
from grid.pairs import pairs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ft.write("photo.png", np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8))
    np.save("beat.npy", np.array([1, 2, 3, 2, 1]))
    (tmp_path / "long.csv").write_text("\n".join(str(round(float(v), 3)) for v in np.sin(np.arange(900) / 9)))
    return tmp_path


def run(words, capsys):
    """Run with arguments that may hold blanks: exit status, output, errors."""
    try:
        status = cli.main(words)
    except SystemExit as end:
        status = end.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err


ARTICLE = "explain signal --signal 0,0,0,1,2,3,2,1,0,0 --kernel 1,2,3,2,1"
STILLS = {
    "functions": ["explain", "functions", "box", "1 - abs(t) on [-1, 1]"],
    "itself": ["explain", "functions", "t on [0, 1]", "--correlate", "--shift", "0.5"],
    **{name: f"explain {line}".split() for name, line in {
        "signal": ARTICLE.removeprefix("explain "),
        "match": f"{ARTICLE.removeprefix('explain ')} --operation match --width 400 --theme dark",
        "long": "signal --signal long.csv --kernel beat.npy --mode same --border reflect",
        "image": "image photo.png --kernel sobel --at 5x6 --size 6x8 --border edge --step 3",
        "channel": "image photo.png -k gaussian:sigma=1,size=3 --channel 1 --mode valid --operation convolve",
    }.items()},
}


@pytest.mark.parametrize(("name", "suffix"), pairs(STILLS, [".png", ".svg", ".pdf"], together=1))
def test_stills(folder, capsys, name, suffix):
    status, out, err = run([*STILLS[name], "-o", f"out{suffix}"], capsys)
    assert (status, err) == (0, "")
    assert out.startswith(f"{STILLS[name][1]} -> out{suffix}: step ")
    start = (folder / f"out{suffix}").read_bytes()[:20]
    assert {".png": b"PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix] in start


def test_the_article_in_words(capsys):
    status, out, _ = run_line(ARTICLE, capsys)
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "Convolution of a signal"
    assert lines[8] == (" 7  y[7] = 1*1 + 2*2 + 3*3 + 2*2 + 1*1 = 19, the highest: here the signal is most like the "
                        "flipped kernel.")
    results = [int(line.split(" = ")[2].split(",")[0]) for line in lines[1:]]
    assert results == [0, 0, 0, 1, 4, 10, 16, 19, 16, 10, 4, 1, 0, 0]


def test_functions_in_words(capsys):
    status, out, _ = run(["explain", "functions", "box", "box", "--shift", "0.25"], capsys)
    assert status == 0
    assert out.splitlines()[1] == ("0  t = 0.25: the area under f(tau) times g(t - tau), flipped and shifted, is 0.75, "
                                   "and so is (f * g)(t).")


def test_an_image_in_words(folder, capsys):
    status, out, _ = run_line("explain image photo.png --kernel sobel:axis=1 --step 7 --channel 0", capsys)
    value = ft.correlate(ft.read("photo.png")[:, :, 0], ft.kernels.sobel(1), "same", border="reflect")[14, 26]
    assert status == 0
    assert out.rstrip().endswith(f" = {value}")
    assert "y[14, 26] = " in out


REFUSED = {
    "caret": (["functions", "box + * 2", "box"],
              'explain: this function does not parse: expected a number, a name or "("\n  box + * 2\n        ^'),
    "second": (["functions", "box", "bux"],
               'explain: this function does not parse: the name "bux" is not known; did you mean box?\n  bux\n  ^'),
    "numbers": (["signal", "--signal", "a,b", "--kernel", "1"],
                "--signal a,b: not numbers; write them as 0,1,2.5, or name a .npy, .txt or .csv file"),
    "file": (["signal", "--signal", "no.npy", "--kernel", "1"], "kernel file no.npy does not exist; check the path"),
    "large": (["image", "photo.png", "-k", "sobel", "--size", "40x40"],
              "numbers: size 40x40 is out of range; use 1x1 to 20x20 cells, and at= to say where"),
    "place": (["image", "photo.png", "-k", "sobel", "--at", "5"],
              "numbers: at=(5,) lies outside the image 40x50; give a row and a column in it"),
    "kernel": (["image", "photo.png", "-k", "sobl"], "kernel 'sobl' is unknown; did you mean sobel?"),
    "step": (["image", "photo.png", "-k", "sobel", "--step", "999"],
             "show: step 999 is not there; 'An image as its numbers' has steps 0 to 143"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(folder, capsys, name):
    words, text = REFUSED[name]
    assert run(["explain", *words, "-o", "out.png"], capsys) == (2, "", f"faltung: {text}\n")
    assert not (folder / "out.png").exists()
