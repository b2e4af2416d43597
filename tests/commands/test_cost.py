"""``faltung cost``: the tables of `faltung.cost`, pictures on request, and the full text of every refusal."""

from __future__ import annotations

import pytest

import faltung as ft
from faltung import costs
from faltung.commands import cost as command
from faltung.commands import models
from faltung.costs.rates import Rates
from faltung.layers import zoo
from faltung.layers.data import Normalisation
from grid.command import run


def rates(threads):
    return Rates("some machine", threads, 1e11 * threads, 3e9, ((1 << 18, 8e10), (1 << 26, 2e10)), 5e-6)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = costs.cost
    monkeypatch.setattr(costs, "cost", lambda *arguments, **options: plain(*arguments, rates=rates, **options))
    return tmp_path


@pytest.mark.parametrize(("line", "function", "operands", "options"), [
    ("conv --image 1x8x14x14 --kernel 16x8x3x3 --padding 1 --stride 2 --threads 1", ft.conv,
     ((1, 8, 14, 14), (16, 8, 3, 3)), {"padding": 1, "stride": 2, "threads": 1}),
    ("correlate --image 64x48 --kernel 5x3 --mode same --border reflect --dilation 2x1 --threads 1", ft.correlate,
     ((64, 48), (5, 3)), {"mode": "same", "border": "reflect", "dilation": (2, 1), "threads": 1}),
    ("convolve --image 100 --kernel 7 --dtype int16 --kernel-dtype int8 --method direct --threads 1", ft.convolve,
     None, {"method": "direct", "threads": 1}),
    ("conv_transpose --image 1x2x8 --kernel 2x3x4 --padding same --stride 2 --threads 1", ft.conv_transpose,
     ((1, 2, 8), (2, 3, 4)), {"padding": "same", "stride": 2, "threads": 1})])
def test_operations(capsys, line, function, operands, options):
    status, out, err = run(f"cost {line}", capsys)
    likes = [ft.Like(shape) for shape in operands] if operands else [ft.Like(100, "int16"), ft.Like(7, "int8")]
    assert (status, err) == (0, "")
    assert out == f"{costs.cost(function, *likes, **options)}\n"


def test_a_named_kernel(capsys):
    status, out, _ = run("cost correlate --image 64x64 --kernel gaussian:sigma=2", capsys)
    assert status == 0
    assert out.startswith("cost of correlate: image 64x64 float32, kernel 17x17, output 80x80 float64")


def test_networks_by_name_and_by_weights(capsys):
    _, out, _ = run("cost network lenet5 --input 1x1x28x28", capsys)
    assert out.startswith("cost of Sequential for an input of 1x1x28x28")
    network = zoo.lenet5(3, size=28)
    model = models.Model("lenet5", ("a", "b", "c"), (1, 28, 28), Normalisation((0.0,), (1.0,)))
    models.save(model, network, "weights.safetensors")
    status, out, _ = run("cost network weights.safetensors", capsys)
    assert status == 0
    assert out == f"{costs.cost(network, (1, 1, 28, 28))}\n"


@pytest.mark.parametrize(("line", "told"), [
    ("correlate --image 64x64 --kernel 5x5 -o a.png", "cost -> a.png: growth"),
    ("correlate --image 64x64 --kernel 5x5 --roofline -o a.svg --theme dark --width 400", "cost -> a.svg: roofline"),
    ("network lenet5 --input 1x1x28x28 -o a.pdf", "cost -> a.pdf: roofline")])
def test_pictures(capsys, folder, line, told):
    status, out, err = run(f"cost {line}", capsys)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == told
    assert (folder / told.split()[2].rstrip(":")).stat().st_size > 1000


@pytest.mark.parametrize(("line", "text"), [
    ("foo --image 3 --kernel 3",
     "cost: operation 'foo' is unknown; use one of convolve, correlate, conv, conv_transpose or network"),
    ("conv resnet", "cost: conv takes no name of a network, but 'resnet' is given"),
    ("conv --kernel 3", "cost: conv needs --image, as in --image 7x7"),
    ("conv --image 3", "cost: conv needs --kernel, as in --kernel 7x7"),
    ("correlate --image 3 --kernel 3 --padding 1",
     "cost: correlate has no --padding; it has --mode, --border, --stride, --dilation"),
    ("correlate --image 3,3 --kernel 3", "--image 3,3: not whole numbers; write them with x between, as 512x512"),
    ("correlate --image 3 --kernel 3 -o a.gif", "cost: a.gif has no suffix of a picture; use .png, .svg, .pdf"),
    ("network", "cost: network needs its name (small, lenet5, resnet, mobilenet_v2) or a file of weights"),
    ("network vgg --input 1x3x8x8",
     "cost: network 'vgg' is neither one of small, lenet5, resnet, mobilenet_v2 nor a file"),
    ("network resnet",
     "cost: network resnet needs --input as batch, channels, height and width, as in --input 1x3x32x32"),
])
def test_refusals(capsys, line, text):
    assert run(f"cost {line}", capsys) == (2, "", f"faltung: {text}\n")


def test_the_example_of_the_help_runs(capsys):
    line = next(line for line in command.DESCRIPTION.splitlines() if "faltung cost conv" in line)
    assert run(line.split(maxsplit=1)[1], capsys)[0] == 0
