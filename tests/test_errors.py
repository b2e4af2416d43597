"""Every wrong argument, with the whole text of its error."""

import re

import numpy as np
import pytest

import faltung as ft
from faltung.errors import (
    BorderError,
    CodegenError,
    DTypeError,
    FaltungError,
    ImageError,
    PlanError,
    ShapeError,
)
from faltung.planning.planner import ALGORITHMS, listed

METHODS = listed(("auto", *ALGORITHMS), "or")
X, K = np.ones((5, 9)), np.ones((3, 3))
FEATURES, WEIGHTS = np.ones((1, 4, 6, 6)), np.ones((8, 4, 3, 3))
NUMBERS = "use bool, an integer of 8 to 64 bits, float16, bfloat16, float32, float64, complex64 or complex128"
U8 = np.full(4, 200, np.uint8)


def test_all_errors_have_one_root():
    assert all(issubclass(error, FaltungError) for error in (
        BorderError, CodegenError, DTypeError, ImageError, PlanError, ShapeError))
    assert issubclass(ShapeError, ValueError)
    assert issubclass(DTypeError, TypeError)
    assert issubclass(BorderError, ValueError)
    assert issubclass(PlanError, ValueError)


def row(call, error, text):
    return pytest.param(call, error, text, id=text[:70])


@pytest.mark.parametrize(("call", "error", "text"), [
    # extents
    row(lambda: ft.correlate(X, np.ones((7, 7)), "valid"), ShapeError,
        'correlate: kernel (7, 7) is larger than image (5, 9) along axis 0 (7 > 5) in mode "valid"; '
        'use mode="same" or give a border'),
    row(lambda: ft.convolve(X, K, "valid", dilation=(1, 5)), ShapeError,
        'convolve: kernel (3, 3) is larger than image (5, 9) along axis 1 (11 > 9) once dilated in mode "valid"; '
        'use mode="same" or give a border'),
    row(lambda: ft.convolve(X, np.ones((0, 3))), ShapeError,
        "convolve: kernel (0, 3) is empty along axis 0; it must have at least one tap"),
    row(lambda: ft.convolve(X, np.ones((0, 3)), axes=1), ShapeError,
        "convolve: kernel (0, 3) is empty along axis 0; it must have at least one tap"),
    row(lambda: ft.convolve(np.ones((5, 0)), K), ShapeError,
        "convolve: image (5, 0) is empty along axis 1; an axis that is convolved needs samples"),
    row(lambda: ft.convolve(3.0, 4.0), ShapeError,
        "convolve: image () and kernel () must have at least one axis; pass arrays, not scalars"),
    row(lambda: ft.convolve(X, np.ones(3)), ShapeError,
        "convolve: kernel (3,) has 1 axes, but image (5, 9) has 2; name those to be convolved with axes=, or give "
        "both as many"),
    row(lambda: ft.convolve(np.ones((2, 5, 9)), K, axes=1), ShapeError,
        "convolve: kernel (3, 3) has 2 axes, but must have as many as axes=1 names (1) or as image (2, 5, 9) has (3)"),
    row(lambda: ft.convolve(X, np.ones((3, 3)), axes=1), ShapeError,
        "convolve: image (5, 9) and kernel (3, 3) do not broadcast along axis 0 (5 and 3), which is not convolved; "
        "one of the extents must be 1, or both the same"),
    # axes
    row(lambda: ft.convolve(X, K, axes=2), ShapeError,
        "convolve: axis 2 is outside an image of 2 axes; use -2 to 1"),
    row(lambda: ft.convolve(X, K, axes=(0, -2)), ShapeError,
        "convolve: axes (0, -2) must name at least one axis, and none twice"),
    row(lambda: ft.convolve(X, K, axes=()), ShapeError,
        "convolve: axes () must name at least one axis, and none twice"),
    row(lambda: ft.convolve(X, K, axes=0.5), ShapeError,
        "convolve: axes must be an integer or a sequence of integers, not 0.5"),
    # steps
    row(lambda: ft.convolve(X, K, stride=0), ShapeError,
        "convolve: stride is 0 along axis 0, but must be at least 1"),
    row(lambda: ft.convolve(X, K, stride=(1, -2)), ShapeError,
        "convolve: stride is -2 along axis 1, but must be at least 1"),
    row(lambda: ft.convolve(X, K, stride=1.5), ShapeError,
        "convolve: stride must be an integer, or one for each axis, not 1.5"),
    row(lambda: ft.convolve(X, K, stride=(1, 2, 3)), ShapeError,
        "convolve: stride has 3 entries (1, 2, 3), but 2 axes are convolved; give one integer, or one for each axis"),
    row(lambda: ft.convolve(X, K, dilation=0), ShapeError,
        "convolve: dilation is 0 along axis 0, but must be at least 1"),
    row(lambda: ft.convolve(X, K, dilation=(1, "2")), ShapeError,
        "convolve: dilation must be an integer, or one for each axis, not '2'"),
    # words
    row(lambda: ft.convolve(X, K, "sane"), ShapeError,
        'convolve: mode "sane" is not known; use "full", "same", "valid" or "causal"'),
    row(lambda: ft.convolve(X, K, 1), ShapeError,
        'convolve: mode 1 is not known; use "full", "same", "valid" or "causal"'),
    row(lambda: ft.convolve(X, K, border="nearest"), BorderError,
        'convolve: border "nearest" is not known; use a number, "edge", "reflect", "symmetric" or "wrap" '
        '(what others call "nearest" is "edge" here)'),
    row(lambda: ft.convolve(X, K, border=(0, 1, 2)), BorderError,
        "convolve: border has 3 entries (0, 1, 2), but 2 axes are convolved; give one border, one for each axis, "
        "or one (before, after) pair for each axis"),
    row(lambda: ft.convolve(X, K, method="fast"), PlanError,
        'convolve: method "fast" is not known; use ' + METHODS),
    row(lambda: ft.convolve(X, K, overflow="clip"), DTypeError,
        'convolve: overflow "clip" is not known; use "raise", "wrap" or "saturate"'),
    # anchor and outputs
    row(lambda: ft.convolve(X, K, anchor=1), ShapeError,
        'convolve: anchor 1 has a meaning in mode "same" only, not in mode "full"'),
    row(lambda: ft.convolve(X, K, "same", anchor=(0, 3)), ShapeError,
        "convolve: anchor 3 along axis 1 is outside the kernel of 3 taps; use 0 to 2"),
    row(lambda: ft.convolve(X, K, "same", anchor=-1), ShapeError,
        "convolve: anchor is -1 along axis 0, but must be at least 0"),
    row(lambda: ft.convolve(X, K, "same", outputs=slice(3)), ShapeError,
        'convolve: outputs are slices into the full result; use them with mode="full", not "same"'),
    row(lambda: ft.convolve(X, K, outputs=(slice(3),)), ShapeError,
        "convolve: outputs has 1 entries (slice(None, 3, None),), but 2 axes are convolved; give one slice, or one "
        "for each axis"),
    row(lambda: ft.convolve(X, K, outputs=(1, 2)), ShapeError,
        "convolve: outputs must be a slice, or one for each axis, not 1"),
    row(lambda: ft.convolve(X, K, outputs=3), ShapeError,
        "convolve: outputs must be a slice, or one for each axis, not 3"),
    row(lambda: ft.convolve(X, K, outputs=slice(None, None, -1)), ShapeError,
        "convolve: outputs slice(None, None, -1) along axis 0 has step -1, but must be at least 1"),
    # dtypes
    row(lambda: ft.convolve(np.array([1, None]), [1]), DTypeError,
        f"convolve: x has dtype object, which is not supported; {NUMBERS}"),
    row(lambda: ft.convolve(["a"], [1]), DTypeError, f"convolve: x has dtype <U1, which is not supported; {NUMBERS}"),
    row(lambda: ft.convolve([1], ["a"]), DTypeError, f"convolve: k has dtype <U1, which is not supported; {NUMBERS}"),
    row(lambda: ft.convolve(X, K, dtype="bool"), DTypeError,
        'convolve: dtype "bool" cannot be an output; use an integer of 8 to 64 bits, float16, bfloat16, float32, '
        'float64, '
        "complex64 or complex128"),
    row(lambda: ft.convolve(X, K, dtype="float31"), DTypeError,
        'convolve: dtype "float31" cannot be an output; use an integer of 8 to 64 bits, float16, bfloat16, float32, '
        'float64, '
        "complex64 or complex128"),
    row(lambda: ft.convolve(X, K * 1j, dtype="float64"), DTypeError,
        "convolve: dtype float64 cannot hold a complex128 result; use a complex dtype, or take the part of the result "
        "that is wanted"),
    # out
    row(lambda: ft.convolve(X, K, "same", out=np.ones((5, 8))), ShapeError,
        "convolve: out (5, 8) must have the shape of the result (5, 9)"),
    row(lambda: ft.convolve(X, K, "same", out=np.ones((5, 9), np.float32)), DTypeError,
        "convolve: out has dtype float32, but the result has float64; pass such an array, or ask for another dtype"),
    row(lambda: ft.convolve(X, K, "same", out=np.broadcast_to(1.0, (5, 9))), ShapeError,
        "convolve: out (5, 9) is read-only; pass an array that can be written"),
    row(lambda: ft.convolve(X, K, "same", out=[1, 2]), DTypeError,
        "convolve: out must be an array or a tensor that can be written, not a list"),
    # overflow
    row(lambda: ft.convolve(U8, U8, dtype="uint8"), OverflowError,
        'convolve: a sum does not fit the output dtype uint8 (0 to 255); '
        'use dtype="int16", overflow="wrap" or overflow="saturate"'),
    row(lambda: ft.convolve([2**62, 2**62], [1, 1]), OverflowError,
        "convolve: a sum does not fit the output dtype int64 (-9223372036854775808 to 9223372036854775807); "
        'use dtype="float64", overflow="wrap" or overflow="saturate"'),
    # layers
    row(lambda: ft.conv(np.ones((4, 6)), WEIGHTS), ShapeError,
        "conv: image (4, 6) has 2 axes, but must have batch, channels and at least one spatial axis"),
    row(lambda: ft.conv(FEATURES, np.ones((8, 4, 3))), ShapeError,
        "conv: kernel (8, 4, 3) has 3 axes, but image (1, 4, 6, 6) has 4; give it as (channels_out, channels_in / "
        "groups, *taps)"),
    row(lambda: ft.conv_transpose(FEATURES, np.ones((8, 4, 3))), ShapeError,
        "conv_transpose: kernel (8, 4, 3) has 3 axes, but image (1, 4, 6, 6) has 4; "
        "give it as (channels_in, channels_out / groups, *taps)"),
    row(lambda: ft.conv(FEATURES, WEIGHTS, groups=3), ShapeError,
        "conv: groups 3 must divide the image's channels (4)"),
    row(lambda: ft.conv(FEATURES, np.ones((7, 2, 3, 3)), groups=2), ShapeError,
        "conv: groups 2 must divide the kernel's output channels (7)"),
    row(lambda: ft.conv(FEATURES, WEIGHTS, groups=0), ShapeError,
        "conv: groups must be an integer of at least 1, not 0"),
    row(lambda: ft.conv(FEATURES, WEIGHTS, groups=2), ShapeError,
        "conv: kernel (8, 4, 3, 3) has 4 channels in along axis 1, but must have the image's channels "
        "divided by groups (4 / 2 = 2)"),
    row(lambda: ft.conv_transpose(FEATURES, np.ones((3, 4, 3, 3))), ShapeError,
        "conv_transpose: kernel (3, 4, 3, 3) has 3 channels in along axis 0, but must have the image's channels (4)"),
    row(lambda: ft.conv(FEATURES, np.ones((8, 4, 9, 3)), padding=1), ShapeError,
        "conv: kernel (8, 4, 9, 3) is larger than the padded image (1, 4, 6, 6) along spatial axis 0 (9 > 6 + 1 + 1); "
        "use a larger padding or a smaller dilation"),
    row(lambda: ft.conv(FEATURES, np.ones((8, 4, 0, 3))), ShapeError,
        "conv: kernel (8, 4, 0, 3) is empty along axis 2; it must have at least one tap"),
    row(lambda: ft.conv(np.ones((1, 4, 0, 6)), WEIGHTS), ShapeError,
        "conv: image (1, 4, 0, 6) is empty along axis 2; an axis that is convolved needs samples"),
    row(lambda: ft.conv(FEATURES, WEIGHTS, np.ones(4)), ShapeError,
        "conv: bias (4,) must have one value for each output channel (8,)"),
    row(lambda: ft.conv(FEATURES.astype(int), WEIGHTS.astype(int), np.ones(8)), DTypeError,
        "conv: bias of dtype float64 cannot be added to a int64 result; convert the image or the kernel to a wider "
        "kind, "
        "or the bias to a narrower one"),
    row(lambda: ft.conv(FEATURES, WEIGHTS, stride=0), ShapeError, "conv: stride is 0 along axis 0, but must be at "
                                                                  "least 1"),
    row(lambda: ft.conv(FEATURES, WEIGHTS, padding="some"), ShapeError,
        'conv: padding "some" is not known; use an integer, a (before, after) pair for each axis, '
        '"same", "same_lower", "valid", "causal" or "full"'),
    row(lambda: ft.conv(FEATURES, WEIGHTS, padding=-1), ShapeError, "conv: padding is -1 along axis 0, but must be "
                                                                    "at least 0"),
    row(lambda: ft.conv(FEATURES, WEIGHTS, padding=((1, 2, 3), 1)), ShapeError,
        "conv: padding (1, 2, 3) is not known; use an integer, a (before, after) pair for each axis, "
        '"same", "same_lower", "valid", "causal" or "full"'),
    row(lambda: ft.conv(FEATURES, WEIGHTS, padding=(1, 2, 3)), ShapeError,
        "conv: padding has 3 entries (1, 2, 3), but 2 axes are convolved; give one padding, or one for each axis"),
    row(lambda: ft.conv(FEATURES, WEIGHTS, layout="NCHW"), ShapeError,
        'conv: layout "NCHW" is not known; use "channels_first" or "channels_last"'),
    row(lambda: ft.conv(FEATURES, WEIGHTS, activation="swish"), PlanError,
        'conv: activation "swish" is not known; use None, "relu", "relu6", "sigmoid", "tanh", "silu" or "gelu"'),
    row(lambda: ft.conv(FEATURES.astype(int), WEIGHTS.astype(int), activation="gelu"), DTypeError,
        'conv: activation "gelu" has no meaning for a int64 result; convert the image to a float, or use "relu" or '
        '"relu6"'),
    row(lambda: ft.conv(FEATURES * 1j, WEIGHTS, activation="relu"), DTypeError,
        'conv: activation "relu" has no meaning for a complex128 result; use None'),
    row(lambda: ft.conv_transpose(FEATURES, np.ones((4, 2, 3, 3)), stride=2, output_padding=2), ShapeError,
        "conv_transpose: output_padding is 2 along axis 0, but must be smaller than the stride or the dilation (2 "
        "and 1)"),
    row(lambda: ft.conv_transpose(FEATURES, np.ones((4, 2, 3, 3)), padding=4), ShapeError,
        "conv_transpose: padding (4, 4) along axis 0 removes all of the 8 outputs; use less"),
    # plans and lags
    row(lambda: ft.plan(ft.autocorrelate, X), PlanError,
        "plan: autocorrelate cannot be planned; pass convolve, correlate, conv or conv_transpose (any other function "
        "keeps the plans of its sums by itself: just call it again)"),
    *(row(lambda option=option: ft.plan(ft.convolve, X, K, **option), PlanError,
          f"plan: {next(iter(option))} cannot be planned, for a call with missing values takes several sums, which "
          f"depend on what is missing; call convolve(x, k, ..., {next(iter(option))}=...), which keeps the plans of "
          "its sums by itself")
      for option in ({"where": X}, {"nan_policy": "omit"}, {"min_weight": 0.5}, {"return_weights": True})),
    row(lambda: ft.plan(ft.convolve, X), PlanError,
        "plan: convolve does not take these arguments (missing a required argument: 'k')"),
    row(lambda: ft.plan(ft.convolve, X, K, padding=1), PlanError,
        "plan: convolve does not take these arguments (got an unexpected keyword argument 'padding')"),
    row(lambda: ft.plan(ft.convolve, X, K, out=X), PlanError,
        "plan: out belongs to the call of the plan, not to the plan; pass plan(x, out=...)"),
    row(lambda: ft.plan(ft.convolve, X, K, method="fast"), PlanError,
        'convolve: method "fast" is not known; use ' + METHODS),
    row(lambda: ft.autocorrelate(np.ones(4), max_lag=4), ShapeError,
        "autocorrelate: max_lag is 4 along axis 0, but 4 samples have lags up to 3 only"),
    row(lambda: ft.autocorrelate(np.ones(4), max_lag=-1), ShapeError,
        "autocorrelate: max_lag is -1 along axis 0, but must be at least 0"),
    row(lambda: ft.autocorrelate([]), ShapeError,
        "autocorrelate: image (0,) must have at least one axis, and samples along each"),
])
def test_wrong_arguments(call, error, text):
    for _ in range(2):  # a wrong call is never remembered as a right one
        with pytest.raises(error, match=f"^{re.escape(text)}$"):
            call()
