"""Grids of layer arithmetic: what is drawn is what the engine reads."""

import itertools
import re

import numpy as np
import pytest

import faltung as ft
from faltung.errors import BorderError, FaltungError, ShapeError
from faltung.show.grids import Arithmetic, arithmetic
from faltung.show.reading import MINUS, TIMES
from faltung.show.scene import staged
from looking import check_scene

BORDERS = (0, 3, "edge", "reflect", "symmetric", "wrap")


def parameters(seed, count):
    """Seeded parameters of layers, plain and transposed, along one, two and three axes."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        ndim = int(rng.integers(1, 4))
        size = {1: 9, 2: 6, 3: 4}[ndim]

        def pick(low, high, n=ndim):
            return tuple(int(value) for value in rng.integers(low, high + 1, n))

        kernel = pick(1, 4 if ndim < 3 else 2)
        options = {"stride": pick(1, 3 if ndim < 3 else 2), "dilation": pick(1, 2)}
        if number % 3 == 2:
            options["transposed"] = True
            options["padding"] = tuple(int(rng.integers(0, taps)) for taps in kernel)
            options["output_padding"] = tuple(int(rng.integers(0, max(pair)))
                                              for pair in zip(options["stride"], options["dilation"], strict=True))
        else:
            words = ("same", "same_lower", "causal", "full")
            options["padding"] = words[int(rng.integers(4))] if rng.random() < 0.5 else pick(0, 2)
            options["border"] = BORDERS[int(rng.integers(len(BORDERS)))]
        reach = ((taps - 1) * far for taps, far in zip(kernel, options["dilation"], strict=True))
        yield tuple(max(extent, far + 1) for extent, far in zip(pick(2, size), reach, strict=True)), kernel, options


def collections(figure, gid):
    """Artists of one name by the axes in which they stand."""
    found = {}
    for axes in figure.axes:
        for artist in axes.collections:
            if artist.get_gid() == gid:
                found[axes.get_gid()] = artist
    return found


def centres(artist):
    """Middles (row, column) of the cells of an artist."""
    return [tuple(float(value) for value in path.vertices[:4].mean(0)[::-1]) for path in artist.get_paths()]


def drawn_taps(figure, ndim):
    """Positions of all frames, those on samples and those on zeros."""
    places = []
    for gid in ("taps", "idle taps"):
        found = {(int(name.split()[1]), row, column) for name, artist in collections(figure, gid).items()
                 for row, column in centres(artist)}
        assert all(place == tuple(round(value, 6) for value in place) for place in found)
        places.append({tuple(map(round, place[3 - ndim:])) for place in found})
    return places


def compute(image, weights, options):
    """The engine's outputs for one channel."""
    options = dict(options)
    function = ft.conv_transpose if options.pop("transposed", False) else ft.conv
    return function(image[None, None], weights[None, None], **options)[0, 0]


@pytest.mark.parametrize(("image", "kernel", "options"), list(parameters(5, 27)))
def test_the_frames_lie_where_the_engine_reads(image, kernel, options):
    scene = Arithmetic(image, kernel, **options)
    reading, ndim = scene.reading, len(image)
    samples = np.arange(1, np.prod(image) + 1, dtype=np.int64).reshape(image) * 1000 + 7
    weights = 2 ** np.arange(np.prod(kernel), dtype=np.int64).reshape(kernel)
    wanted = compute(samples, weights, options)
    assert wanted.shape == reading.problem.output
    stage, show = staged(scene, 400, "light")
    for step in sorted({0, scene.first, scene.steps // 3, scene.steps - 1}):
        show(step)
        met, idle = drawn_taps(stage.figure, ndim)
        taps = dict(reading.taps(reading.output(step)))
        assert met | idle == set(taps)
        total = 0
        for position in met:
            cell = reading.cell(position)
            total += int(weights[taps[position]] * (cell.value if cell.place is None else samples[cell.place]))
        assert total == wanted[reading.output(step)]


@pytest.mark.parametrize("options", [
    {"stride": 2, "padding": 1}, {"padding": (2, 1), "border": "reflect"}, {"padding": "same", "dilation": 2},
    {"transposed": True, "stride": (3, 2), "padding": 1, "output_padding": 1}])
def test_one_hot_images_reach_the_outputs_whose_frames_lie_on_them(options):
    scene = Arithmetic((5, 4), (3, 2), **options)
    reading = scene.reading
    stage, show = staged(scene, 800, "light")
    reached = {}
    for step in range(scene.steps):
        show(step)
        for position in drawn_taps(stage.figure, 2)[0]:
            reached.setdefault(reading.cell(position).place, set()).add(reading.output(step))
    for place in np.ndindex(5, 4):
        image = np.zeros((5, 4))
        image[place] = 1
        outputs = compute(image, np.ones((3, 2)), options)
        assert {tuple(map(int, at)) for at in np.argwhere(outputs)} == reached.get(place, set())


def test_cells_say_which_sample_or_number_the_border_shows():
    for border in ("edge", "reflect", "symmetric", "wrap"):
        figure = arithmetic((4, 5), 3, padding=2, border=border)
        axes = figure.axes[0]
        numbers = np.pad(np.arange(20).reshape(4, 5), 2, mode=border)
        texts = {tuple(map(round, text.get_position()[::-1])): text.get_text() for text in axes.texts}
        assert len(texts) == numbers.size
        for (row, column), number in np.ndenumerate(numbers):
            assert texts[row - 2, column - 2] == f"{number // 5},{number % 5}"
    axes = arithmetic(6, 3, padding=1, border=-2.5).axes[0]
    assert [text.get_text() for text in axes.texts] == [f"{MINUS}2.5", *"012345", f"{MINUS}2.5"]


def test_the_output_grows_cell_by_cell():
    scene = Arithmetic((7, 7), 3, stride=2, padding=1)
    stage, show = staged(scene, 800, "light")
    order = list(itertools.product(range(4), range(4)))
    for step in range(scene.steps):
        moving = show(step)
        assert {artist.get_gid() for artist in moving} >= {"taps", "idle taps", "made", "now", "words", "link"}
        assert centres(collections(stage.figure, "made")["output 0"]) == order[:step]
        assert centres(collections(stage.figure, "now")["output 0"]) == [order[step]]
    volume = Arithmetic((3, 3, 3), 2)
    stage, show = staged(volume, 800, "light")
    show(5)
    made = collections(stage.figure, "made")
    assert [len(artist.get_paths()) for artist in made.values()] == [4, 1]


def test_kinds_of_cells():
    figure = arithmetic((3, 3), 3, transposed=True, stride=2)
    count = {gid: len(collections(figure, gid)["input 0"].get_paths()) for gid in ("samples", "gaps", "border")}
    # Positions -2 to 6: samples at 0, 2, 4; border at -2 and 6; zeros where either is odd.
    assert count == {"samples": 9, "gaps": 81 - 25, "border": 16}
    figure = arithmetic((6, 6), 3, stride=2, padding=1)
    # The last column of the padding is not read, and drawn all the same.
    assert len(collections(figure, "border")["input 0"].get_paths()) == 64 - 36


@pytest.mark.parametrize(("image", "kernel", "options"), list(parameters(6, 12)))
def test_the_formula_counts_the_outputs(image, kernel, options):
    shape = Arithmetic(image, kernel, **options).reading
    figure = arithmetic(image, kernel, **options)
    texts = [text.get_text().strip("$") for text in figure.texts if text.get_gid() == "formula"]
    numbers = [text.split("=")[-2:] for text in texts if text.count("=") > 1]
    assert {int(count) for _, count in numbers} == set(shape.problem.output)
    for formula, count in numbers:
        python = re.sub(r"\\left\\lfloor\\dfrac\{(.*)\}\{(\d+)\}\\right\\rfloor", r"((\1) // \2)", formula)
        assert eval(python.replace("\\cdot", "*")) == int(count)


@pytest.mark.parametrize(("image", "kernel", "options"), [
    ((7, 7), (3, 3), {"stride": 2, "padding": 1}), ((7, 7), 3, {"dilation": 2, "padding": "same", "border": "wrap"}),
    ((4, 4), 3, {"transposed": True, "stride": 2, "padding": 1, "output_padding": 1}),
    (9, 3, {"padding": "causal", "dilation": 2}), ((3, 4, 4), 2, {"padding": 1, "border": 4}), ((40, 40), 5, {}),
    ((5, 9), (2, 4), {"stride": (1, 2), "padding": ((0, 1), (2, 3)), "dilation": (3, 1), "border": (("edge", 0), 5)})])
def test_labels_keep_apart(image, kernel, options):
    scene = Arithmetic(image, kernel, **options)
    check_scene(scene, (0, scene.steps - 1) if kernel == (3, 3) else (scene.first,))


def test_words():
    scene = Arithmetic((7, 7), 3, stride=2, padding=1)
    assert scene.title == f"input 7{TIMES}7, kernel 3{TIMES}3, stride 2, padding 1, dilation 1"
    assert scene.words(0) == ("y[0, 0] = w[1, 1] x[0, 0] + w[1, 2] x[0, 1] + w[2, 1] x[1, 0] + w[2, 2] x[1, 1]; "
                              "9 taps, 5 on the border (0)")
    scene = Arithmetic(4, 3, transposed=True, stride=2, padding=1, output_padding=1)
    assert scene.title == "input 4, kernel 3, transposed, stride 2, padding 1, dilation 1, output padding 1"
    assert scene.words(7) == "y[7] = w[2] x[3]; 3 taps, 1 on the border (0), 1 on zeros between samples"
    assert Arithmetic((9, 9), 5).words(0) == ("y[0, 0] = w[0, 0] x[0, 0] + w[0, 1] x[0, 1] + w[0, 2] x[0, 2] + ... + "
                                              "w[4, 4] x[4, 4]; 25 taps")
    scene = Arithmetic(4, 2, padding=((1, 0),), border=-1)
    assert scene.title == "input 4, kernel 2, stride 1, padding (1, 0), dilation 1, border -1"
    assert scene.words(0) == f"y[0] = w[0] \N{MIDDLE DOT} {MINUS}1 + w[1] x[0]; 2 taps, 1 on the border ({MINUS}1)"
    assert Arithmetic(2, 1, padding=1).words(0) == "y[0] = 0; 1 tap, 1 on the border (0)"


@pytest.mark.parametrize(("call", "kind", "text"), [
    (lambda: Arithmetic((500, 500), 3), FaltungError,
     "arithmetic: input 500x500 is larger than 40 cells a side; use 40x40 or less"),
    (lambda: Arithmetic((5, 5), 41), FaltungError,
     "arithmetic: kernel 41x41 is larger than 40 cells a side; use 40x40 or less"),
    (lambda: Arithmetic((13, 4, 4), 3), FaltungError,
     "arithmetic: input 13x4x4 is larger than 12 cells a side; use 12x12x12 or less"),
    (lambda: Arithmetic(30, 3, transposed=True, stride=2), FaltungError,
     "arithmetic: axis 0 has 63 cells with all that the taps reach, and 40 is the most with 1 axis; use a smaller "
     "input, padding, dilation or stride"),
    (lambda: Arithmetic((5, 5), 3, padding=30), FaltungError,
     "arithmetic: axis 0 has 65 cells with all that the taps reach, and 40 is the most with 2 axes; use a smaller "
     "input, padding, dilation or stride"),
    (lambda: Arithmetic((2, 2, 2, 2), 3), FaltungError,
     "arithmetic: input=(2, 2, 2, 2) and kernel=3 must be extents along 1, 2 or 3 axes, as (7, 7) and (3, 3)"),
    (lambda: Arithmetic("7x7", 3), FaltungError,
     "arithmetic: input='7x7' and kernel=3 must be extents along 1, 2 or 3 axes, as (7, 7) and (3, 3)"),
    (lambda: Arithmetic((7, 7), (3, 3, 3)), ShapeError,
     "arithmetic: kernel has 3 entries (3, 3, 3), but 2 axes are convolved; give one integer, or one for each axis"),
    (lambda: Arithmetic(7, 3, transposed=True, border="reflect"), FaltungError,
     "arithmetic: border='reflect' has no meaning with transposed=True, where nothing but zeros stands outside; leave "
     "it out"),
    (lambda: Arithmetic(7, 3, output_padding=1), FaltungError,
     "arithmetic: output_padding=1 has a meaning with transposed=True only; leave it out, or use padding="),
    (lambda: Arithmetic(7, 3, border="mirror"), BorderError,
     'arithmetic: border "mirror" is not known; use a number, "edge", "reflect", "symmetric" or "wrap" (what others '
     'call "mirror" is "reflect" here)'),
    (lambda: Arithmetic((2, 2), 3), ShapeError,
     "arithmetic: kernel (1, 1, 3, 3) is larger than the padded image (1, 1, 2, 2) along spatial axis 0 (3 > 2 + 0 + "
     "0); use a larger padding or a smaller dilation"),
    (lambda: arithmetic(5, 3, 3), FaltungError,
     "show: step 3 is not there; 'input 5, kernel 3, stride 1, padding 0, dilation 1' has steps 0 to 2"),
    (lambda: Arithmetic(12, 1, padding="same", stride=0), ShapeError,
     "arithmetic: stride is 0 along axis 0, but must be at least 1"),
])
def test_errors_in_full(call, kind, text):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text
