"""Functions as people type them: what they give, what is refused and where, and that nothing else ever happens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faltung import continuous as ct
from faltung.continuous import grammar, named
from faltung.errors import FaltungError

SAME = {
    "box": ct.box(),
    "box(width=2)": ct.box(2),
    "box(2, 1, height=3)": ct.box(2, 1, height=3),
    "((box))": ct.box(),
    "triangle( 3 , center = -1 )": ct.triangle(3, -1),
    "gaussian(0.5)": ct.gaussian(0.5),
    "exponential(rate=2, start=1)": ct.exponential(2, 1),
    "b_spline(3)": ct.b_spline(3),
    "t^2 on [0, 1]": ct.polynomial([0, 1], [[0, 0, 1]]),
    "x**2 on [0, 1]": ct.polynomial([0, 1], [[0, 0, 1]]),
    "1 - abs(t) on [-1, 1]": ct.triangle(),
    "max(0, 1 - abs(t)) on [-2, 2]": ct.polynomial([-2, -1, 0, 1, 2], [[0], [0, 1], [1, -1], [0]]),
    "min(t, 1) on [0, 2]": ct.polynomial([0, 1, 2], [[0, 1], [1]]),
    "t on [0, 1], 2 - t on [1, 2]": ct.triangle(center=1),
    "2*(t on [0, 1]; 2 - t on [1, 2])": 2 * ct.triangle(center=1),
    "1 on [-pi/2, pi/2]": ct.box(np.pi),
    "t^2 for 0 < t < 1": ct.polynomial([0, 1], [[0, 0, 1]]),
    "t^2 for 1 ≥ t ≥ 0": ct.polynomial([0, 1], [[0, 0, 1]]),
    "box for t > 0": ct.box(0.5, 0.25),
    "box for 0 > t": ct.box(0.5, -0.25),
    "triangle on [0, inf]": ct.polynomial([0, 1], [[1, -1]]),
    "exp(-t) for t > 0": ct.exponential(),
    "exp(-t) on [0, inf]": ct.exponential(),
    "exp(t) for t < 0": ct.exponential().reverse(),
    "exp(-t^2/2)/sqrt(2*pi)": ct.gaussian(),
    "exp(-abs(t))": ct.function(lambda t: np.exp(-np.abs(t)), (-50, 50)),
    "sin(t)*cos(t) + tanh(t)/2 on [0, 1]": ct.function(lambda t: np.sin(t) * np.cos(t) + np.tanh(t) / 2, (0, 1)),
    "log(t)/t on [1, 2]": ct.function(lambda t: np.log(t) / t, (1, 2)),
    "2^t on [0, 1]": ct.function(lambda t: 2**t, (0, 1)),
    "-2^2 * box": -4 * ct.box(),
    "2^-1 * box": 0.5 * ct.box(),
    "--box": ct.box(),
    "box + shift(box, 1)": ct.box(2, 0.5),
    "box - box": 0 * ct.box(),
    "box/2*4": 2 * ct.box(),
    "t*box": ct.polynomial([-0.5, 0.5], [[-0.5, 1]]),
    "triangle^2": ct.triangle() * ct.triangle(),
    "box(2*t - 1)": ct.box(0.5, 0.5),
    "exponential(-t)": ct.exponential().reverse(),
    "stretch(box, 3)": ct.box(3),
    "scale(box, 3)": 3 * ct.box(),
    "reverse(exponential)": ct.exponential().reverse(),
    "convolve(box, box)": ct.triangle(),
    "correlate(box, shift(box, 1))": ct.triangle(center=-1),
    "autocorrelate(box)": ct.triangle(),
    "1e0·box": ct.box(),
}


@pytest.mark.parametrize(("text", "wanted"), SAME.items())
def test_a_text_gives_its_function(text, wanted):
    made = ct.parse(text)
    x = np.random.default_rng(1).uniform(*wanted.support, 1000)
    np.testing.assert_allclose(made(x), wanted(x), rtol=0, atol=5e-15 * max(1, wanted.scale))
    assert abs(made(wanted.support[0] - 0.01)) < 1e-15 > abs(made(wanted.support[1] + 0.01))


def test_polynomials_are_exact_pieces():
    made = ct.parse("t^3 - 2*t on [-1, 2]")
    assert (made.degree, len(made.series)) == (3, 1)
    assert ct.parse("1 - abs(t - 1/4) on [-1, 1]").breakpoints.tolist() == [-1, 0.25, 1]


POINTED = {
    "box + * 2": ('does not parse: expected a number, a name or "("', 6),
    "": ('does not parse: expected a number, a name or "("', 0),
    "box +": ('does not parse: expected a number, a name or "("', 5),
    "on [0, 1]": ('does not parse: expected a number, a name or "("', 0),
    "boxx": ('does not parse: the name "boxx" is not known; did you mean box?', 0),
    "2 * zz": (f'does not parse: the name "zz" is not known; known are {", ".join(named.NAMES)}', 4),
    "box 2": ('does not parse: expected an operator, "on", "for", "," or the end', 4),
    "2t": ('does not parse: expected an operator, "on", "for", "," or the end', 1),
    "(box": ('does not parse: expected ")"', 4),
    "box(1 2)": ('does not parse: expected ","', 6),
    "t on 0, 1": ('does not parse: expected "["', 5),
    "t on [0 1]": ('does not parse: expected ","', 8),
    "t on [0, 1": ('does not parse: expected "]"', 10),
    "t on [0, t]": ("does not parse: expected a number, or inf", 9),
    "t for 2": ('does not parse: expected "<" or ">"', 7),
    "t for 2 < 3": ('does not parse: expected "t"', 10),
    "t for 0 < t > 3": ('does not parse: expected "<", as before', 12),
    "box @ 2": ('does not parse: the character "@" means nothing here', 4),
    "sin": ('does not parse: expected "(" after sin', 3),
    "漢 @": ('does not parse: the character "@" means nothing here', 3),  # a wide letter takes two columns
    "sin(t)": ("cannot be made: it does not vanish towards -inf; say where it ends, as in t^2 on [0, 1]", 0),
    "exp(-t)": ("cannot be made: it does not vanish towards -inf; say where it ends, as in t^2 on [0, 1]", 0),
    "3": ("cannot be made: it does not vanish towards -inf; say where it ends, as in t^2 on [0, 1]", 0),
    "t for t > 0": ("cannot be made: it does not vanish towards inf; say where it ends, as in t^2 on [0, 1]", 2),
    "t on [1, 0]": ("cannot be made: the interval [1, 0] has no length; its end must lie after its start", 2),
    "box on [4, 5]": ("cannot be made: the interval [4, 0.5] has no length; its end must lie after its start", 4),
    "box + 1": ("cannot be made: a function that is zero outside an interval and one without an end cannot be added; "
                "say where each ends, as in (1 on [0, 1]) + box", 4),
    "1 / box": ("cannot be made: a function that is zero outside an interval cannot divide; divide by a number or by t",
                2),
    "box / 0": ("cannot be made: nothing can be divided by 0", 4),
    "box ^ t": ("cannot be made: a function that is zero outside an interval has powers 1 to 20, in whole numbers", 4),
    "2 ^ box": ("cannot be made: an exponent is a number or a formula of t, not a function that ends", 2),
    "abs(box)": ("cannot be made: its argument is a number or a formula of t, not a function that ends", 0),
    "10^400 * box": ("cannot be made: this gives inf, and numbers must be finite", 2),
    "box(-1)": ("cannot be made: box: width=-1.0 must be greater than 0", 0),
    "box(1, 2, 3, 4)": ("cannot be made: box takes at most 3 arguments, not 4", 0),
    "box(size=2)": ("cannot be made: box has no size; it has width, center, height", 0),
    "box(2, width=2)": ("cannot be made: box is given width twice", 0),
    "box(1, t)": ("cannot be made: box: center is a number, or give box one formula a t + b alone", 0),
    "box(triangle)": ("cannot be made: box: width is a number", 0),
    "box(t^2)": ("cannot be made: a function is taken of a t + b only, as in box(2*t - 1)", 0),
    "b_spline": ("cannot be made: b_spline needs its degree, as in b_spline(3)", 0),
    "b_spline(2.5)": ("cannot be made: b_spline: degree=2.5 must be a whole number of at least 0", 0),
    "b_spline(t)": ("cannot be made: b_spline needs its degree, as in b_spline(3)", 0),
    "shift(box, t)": ("cannot be made: shift takes a function and a number", 0),
    "shift(box)": ("cannot be made: shift takes 2 arguments, not 1", 0),
    "sin(x=1)": ("cannot be made: sin takes no argument by name; leave x= out", 0),
    "box, triangle": ("cannot be made: this piece lies over an earlier one, on [-0.5, 0.5]; add them with +", 5),
    "t, box": ("cannot be made: pieces side by side need their intervals, as in t on [0, 1], 2 - t on [1, 2]", 3),
    "1/t on [-1, 1]": ("cannot be made: it gives inf at x=0.0 in [-1.0, 1.0]; use a shorter interval, or a smoother "
                       "formula", 4),
    "1/t on [1, 2]*2": ('does not parse: expected an operator, "on", "for", "," or the end', 13),
    "gaussian^10": ("cannot be made: this makes 1 pieces of degree 820, and 20000 coefficients and degree 600 are the "
                    "most; use simpler functions", 8),
}


@pytest.mark.parametrize(("text", "told"), POINTED.items())
def test_what_is_refused_is_pointed_at(text, told):
    reason, column = told
    with pytest.raises(FaltungError) as caught:
        ct.parse(text)
    assert str(caught.value) == f"parse: this function {reason}\n  {text}\n  {' ' * column}^"


def test_too_long_and_too_deep():
    with pytest.raises(FaltungError) as caught:
        ct.parse("t" * 501)
    assert str(caught.value) == "parse: this function has 501 characters, and 500 are the most; make it shorter"
    deep = "(" * 41 + "box" + ")" * 41
    with pytest.raises(FaltungError) as caught:
        ct.parse(deep, caller="explain")
    shown = f"...{deep[4:76]}..."
    assert str(caught.value) == ("explain: this function does not parse: parentheses and powers within each other go "
                                 f"40 deep at most\n  {shown}\n  {' ' * (3 + 40 - 4)}^")
    assert ct.parse("(" * 40 + "box" + ")" * 40).support == (-0.5, 0.5)


def test_long_texts_are_shown_around_the_place():
    text = "box + " * 40 + "* " + "+ box" * 20
    with pytest.raises(FaltungError) as caught:
        ct.parse(text)
    _, line, caret = str(caught.value).split("\n")
    assert len(line) == 72 + len("  ......")
    assert line.startswith("  ...")
    assert line.endswith("...")
    assert line[caret.index("^")] == "*"


def test_signs_that_cannot_be_shown_keep_their_place():
    with pytest.raises(FaltungError) as caught:
        ct.parse("box\t\n+\x07")
    assert str(caught.value) == ('parse: this function does not parse: the character "?" means nothing here\n'
                                 "  box  +?\n        ^")


WORDS = (*named.NAMES, *grammar.KEYWORDS, "+", "-", "*", "/", "^", "(", ")", "[", "]", ",", "=", "<", ">", "0", "1",
         "2.5", "1e9", "on [0, 1]", "on [-1, 2]", "for t > 0", "width=", "box", "t", "(t)", "(box)", "@", "é")


def made_or_refused(text):
    """A function, or None for an error of ours."""
    try:
        made = ct.parse(text)
    except FaltungError as error:
        return None if str(error).startswith("parse: this function ") else error
    return made


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(WORDS), max_size=10).map(" ".join)))
def test_any_text_gives_a_function_or_an_error_of_ours(text):
    made = made_or_refused(text)
    assert made is None or np.isfinite(made.integral())


SUMS = st.recursive(
    st.sampled_from(["t", "1", "2.5", "pi", "box", "triangle(2)", "gaussian", "exponential(3)", "exp(-t^2)"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/^"), inner).map(" ".join), inner.map("({})".format),
        inner.map("abs({})".format), inner.map("sin({})".format), inner.map("reverse({})".format),
        st.tuples(inner, inner).map(lambda two: f"convolve({two[0]}, {two[1]})"),
        inner.map("({} on [-1, 1])".format), inner.map("({} for t > 0)".format), inner.map("shift({}, 2)".format)),
    max_leaves=6)


@settings(max_examples=150, deadline=None)
@given(SUMS)
def test_what_the_grammar_allows_gives_a_function_or_an_error_of_ours(text):
    made = made_or_refused(text)
    assert made is None or isinstance(made, ct.Function)
