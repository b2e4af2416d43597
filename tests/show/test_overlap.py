"""Two functions slid over each other: the picture's numbers are the engine's, its labels stay apart."""

from __future__ import annotations

import numpy as np
import pytest

from faltung import continuous as ct
from faltung.errors import FaltungError
from faltung.show.overlap import Overlap, curve, even_shifts, overlap, seen
from faltung.show.scene import staged
from looking import check_scene

PAIRS = [("box", "triangle"), ("gaussian(0.5)", "exp(-t) for t > 0"), ("sin(3*t) on [-3, 3]", "t on [0, 1]")]


def drawn(scene, width=800):
    """The scene's artists at each step, moved there: (show, above, below)."""
    stage, show = staged(scene, width, "light")
    above, below = stage.figure.axes
    return show, above, below


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize(("f", "g"), PAIRS)
def test_the_picture_shows_the_engines_numbers(f, g, flip):
    one, other = ct.parse(f), ct.parse(g)
    result = (ct.convolve if flip else ct.correlate)(one, other)
    scene = Overlap(f, g, flip=flip)
    show, above, below = drawn(scene)
    for step in range(0, scene.steps, 7):
        artists = show(step)
        assert list(map(id, artists)) == list(map(id, show(step)))
        t = scene.shifts[step]
        _, fixed, moving, *_ = above.lines
        np.testing.assert_array_equal(fixed.get_ydata(), one(fixed.get_xdata()))
        x, y = moving.get_data()
        inside = (x > np.nextafter(x[0], 9)) & (x < np.nextafter(x[-1], -9))
        wanted = other(t - x) if flip else other(x - t)
        middle = np.abs(y - wanted) < 1e-9
        assert middle[inside].mean() > 0.9  # at jumps the sides differ
        area = sum(0.5 * float(np.sum(np.diff(xy[:, 0]) * (xy[1:, 1] + xy[:-1, 1])))
                   for xy in (patch.get_xy() for patch in above.patches))
        assert abs(area - result(t)) < 2e-3 * max(one.scale * other.scale, 1)
        label = f"shaded area = {ct_told(result(t))}  at  t = {ct_told(t)}"
        assert above.get_title(loc="left") == label
        _, whole, trace, _, dot = below.lines
        np.testing.assert_array_equal(whole.get_ydata(), result(whole.get_xdata()))
        assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (t, result(t))
        assert trace.get_xdata()[-1] == t
        assert trace.get_xdata().max() == t
        assert ct_told(result(t)) in scene.words(step).replace("-", "\N{MINUS SIGN}")


def ct_told(value):
    return f"{0.0 if abs(value) < 5e-13 else value:.4g}".replace("-", "\N{MINUS SIGN}")


@pytest.mark.parametrize(("f", "g"), PAIRS)
def test_labels_stay_apart(f, g):
    check_scene(Overlap(f, g))


def test_correlation_with_long_names_and_small_windows():
    check_scene(Overlap("box(width=2, center=3, height=100) + triangle(3)", "box(2*t - 1) * exp(-t^2)", flip=False),
                steps=(50,), widths=(240, 4000))


def test_shifts_are_round_and_cover_all():
    scene = Overlap("box", "triangle")
    assert scene.steps == 121
    assert scene.shifts[[0, 60, -1]].tolist() == [-1.5, 0, 1.5]
    assert 0.3 in even_shifts(-1, 2)
    for low, high in ((-1e-9, 2e-9), (-3e7, 1e8), (5, 5.1)):
        shifts = even_shifts(low, high)
        assert 48 <= len(shifts) <= 123
        assert shifts[0] <= low < high <= shifts[-1]


def test_flat_tails_are_not_looked_at():
    assert seen(ct.box()) == (-0.5, 0.5)
    low, high = seen(ct.exponential())
    assert low == 0
    assert 5 < high < 7


def test_jumps_have_two_sides():
    x, y = curve(ct.box(), -1, 1)
    left, right = (y[np.abs(x - end) < 1e-9].tolist() for end in (-0.5, 0.5))
    assert (left, right) == ([0, 1], [1, 1, 0])  # the last piece contains its end


def test_the_figure():
    figure = overlap(ct.box(), ct.box(), 0.25, width=400, theme="dark")
    assert figure.axes[0].get_title(loc="left") == "area = 0.75  at  t = 0.25"
    same = overlap("triangle", "triangle", 0, flip=False)
    assert same.axes[0].get_title(loc="left") == "shaded area = 0.6667  at  t = 0"
    overlap("0*box", "box")


ERRORS = {
    "g": (("box", 3), {}, "overlap: g is of type int, neither a Function nor a text; make one with "
          'continuous.function(g, (start, end)), or write "1 - abs(t) on [-1, 1]"'),
    "parse": (("box +", "box"), {}, 'overlap: this function does not parse: expected a number, a name or "("\n'
              "  box +\n       ^"),
    "none": (("box", "box"), {"shifts": []}, "overlap: 0 shifts are given; give 1 to 2000"),
    "nan": (("box", "box"), {"shifts": [np.nan]}, "shifts[0]=nan must be finite; leave it out"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_shown_is_refused(name):
    operands, options, text = ERRORS[name]
    with pytest.raises(FaltungError) as caught:
        Overlap(*operands, **options)
    assert str(caught.value).removeprefix("overlap: ") == text.removeprefix("overlap: ")


def test_a_shift_is_a_number():
    with pytest.raises(FaltungError, match=r"^overlap: shift='x' is not a real number; give a float$"):
        overlap("box", "box", "x")
