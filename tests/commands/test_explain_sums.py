"""``faltung explain sums``: the lines of `faltung.explain`, from numbers, names and files."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

import faltung as ft
from faltung import images, kernels
from faltung.commands import explain_sums
from grid.command import run


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_lines(capsys):
    assert run("explain sums --signal 1,2,3 --kernel 1,1 --mode same --border reflect", capsys) == (0, (
        "convolve: 3 outputs, each a sum of 2 products; border reflect\n"
        "y[0] = [border: x[1]=2]*1 + 1*1 = 3\n"
        "y[1] = 1*1 + 2*1 = 3\n"
        "y[2] = 2*1 + 3*1 = 5\n"), "")


@pytest.mark.parametrize(("line", "wanted"), [
    ("--signal 1,2;3,4 --kernel sobel --operation correlate --at 1x1",
     lambda: ft.explain(ft.correlate, [[1, 2], [3, 4]], kernels.named("sobel"), at=(1, 1))),
    ("--signal photo.png --kernel gaussian:sigma=1 --mode same --at 3x4 --full",
     lambda: ft.explain(ft.convolve, images.read("photo.png"), kernels.named("gaussian:sigma=1"), "same", at=(3, 4),
                        full=True)),
    ("--signal heart.csv --kernel 0.5,-1 --stride 2 --dilation 2 --limit 2",
     lambda: ft.explain(ft.convolve, [1, 2, 4, 8], [0.5, -1], stride=2, dilation=2, limit=2)),
    ("--signal 1,2,4 --kernel taps.npy --mode valid", lambda: ft.explain(ft.convolve, [1, 2, 4], [3, 1], "valid"))])
def test_operands(capsys, line, wanted):
    images.write("photo.png", np.random.default_rng(0).integers(0, 256, (8, 9), np.uint8))
    with open("heart.csv", "w") as file:  # noqa: PTH123
        file.write("1,2,4,8\n")
    np.save("taps.npy", [3, 1])
    words = [word.replace(";", "; ") for word in line.split()]
    status = ft.cli.main(["explain", "sums", *words])
    printed = capsys.readouterr()
    assert (status, printed.err) == (0, "")
    assert printed.out == f"{wanted()}\n"


def test_terminals_have_colours(capsys, monkeypatch):
    pytest.importorskip("rich")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert ft.cli.main(["explain", "sums", "--signal", "1,2,3", "--kernel", "1,1"]) == 0
    assert "\x1b[" in screen.getvalue()
    assert "[border: 0]*1" in screen.getvalue()
    monkeypatch.setattr(explain_sums, "_print_coloured", lambda told: False)
    plain = Terminal()
    monkeypatch.setattr(sys, "stdout", plain)
    assert ft.cli.main(["explain", "sums", "--signal", "1,2,3", "--kernel", "1,1"]) == 0
    assert "\x1b[" not in plain.getvalue()


@pytest.mark.parametrize(("line", "text"), [
    ("--signal 1,a --kernel 1",
     "--signal 1,a: not rows of numbers; write them as '1,2; 3,4', or name a .npy, .txt, .csv or picture file"),
    ("--signal 1,2;3 --kernel 1",
     "--signal 1,2;3: not rows of numbers; write them as '1,2; 3,4', or name a .npy, .txt, .csv or picture file"),
    ("--signal 1 --kernel 1,,x", "--kernel 1,,x: not rows of numbers; write them as '1,2; 3,4', or name a kernel or "
     "file"),
    ("--signal 1 --kernel 1 --operation match", "explain: operation 'match' is unknown; use convolve or correlate"),
    ("--signal 1,2 --kernel 1 --at 5", "explain: output (5,) is outside the result (2,); use 0 to 1 along axis 0")])
def test_refusals(capsys, line, text):
    assert run(f"explain sums {line}", capsys) == (2, "", f"faltung: {text}\n")
