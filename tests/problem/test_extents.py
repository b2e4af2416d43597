"""Windows and paddings, against formulas written out by hand."""

import itertools

import numpy as np
import pytest

from faltung.problem.extents import (
    Window,
    anchored_first,
    layer_padding,
    layer_window,
    mode_window,
    parse_padding,
    per_axis,
    pick,
    transposed_padding,
    transposed_window,
)

SIZES = list(itertools.product(range(1, 8), range(6)))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_modes_are_slices_of_the_full_result(stride):
    for image, reach in SIZES:
        full = np.arange(-reach, image)
        parts = {"full": full, "same": full[reach // 2:][:image], "causal": full[:image], "valid": full[reach:image]}
        for mode, part in parts.items():
            if mode == "valid" and reach >= image:
                continue
            window = mode_window(mode, image, reach, stride)
            starts = window.start + window.stride * np.arange(window.length)
            assert starts.tolist() == part[::stride].tolist()


def test_same_begins_where_scipy_centres():
    assert [-mode_window("same", 9, taps - 1).start for taps in (1, 2, 3, 4, 5)] == [0, 1, 1, 2, 2]


@pytest.mark.parametrize("flipped", [False, True])
def test_the_anchor_tap_sits_on_the_output_sample(flipped):
    for taps, dilation in itertools.product((1, 2, 3, 4), (1, 2)):
        reach = (taps - 1) * dilation
        for anchor in range(taps):
            start = mode_window("same", 9, reach, first=anchored_first(anchor, taps, dilation, flipped=flipped)).start
            seen = taps - 1 - anchor if flipped else anchor
            assert start + seen * dilation == 0


def test_outputs_are_python_slices():
    for image, reach in SIZES:
        window = mode_window("full", image, reach, 2)
        starts = (window.start + window.stride * np.arange(window.length)).tolist()
        for part in (slice(None), slice(1, -1), slice(-3, None, 2), slice(2, 100, 3), slice(4, 1)):
            chosen = pick(window, part)
            assert (chosen.start + chosen.stride * np.arange(chosen.length)).tolist() == starts[part]


def test_no_outputs_means_all():
    assert pick(Window(1, 2, 3), None) == Window(1, 2, 3)


def test_same_padding_is_tensorflows_with_stride_and_torchs_without():
    for image, reach, stride in itertools.product(range(1, 12), range(7), (1, 2, 3)):
        total = max(reach + 1 - stride, 0) if image % stride == 0 else max(reach + 1 - image % stride, 0)
        before, after = layer_padding("same", image, reach, stride)
        assert (before, before + after) == (total // 2, total)
        assert layer_padding("same_lower", image, reach, stride) == (after, before)
        if reach + 1 <= image + before + after:
            assert layer_window(image, reach, stride, (before, after)).length == -(-image // stride)


def test_named_paddings():
    assert [layer_padding(name, 10, 4, 1) for name in ("valid", "causal", "full")] == [(0, 0), (4, 0), (4, 4)]


def test_a_layer_has_torchs_extent():
    for image, reach, stride, before, after in itertools.product((5, 8), (0, 2, 4), (1, 2, 3), (0, 2), (0, 1)):
        window = layer_window(image, reach, stride, (before, after))
        assert window == Window(-before, (image + before + after - reach - 1) // stride + 1, stride)
        assert len(range(-before, image + after - reach, stride)) == window.length


def test_a_transposed_layer_has_torchs_extent():
    for image, reach, stride, pad, extra in itertools.product((1, 4), (0, 2, 3), (1, 2, 3), (0, 1), (0, 1)):
        window = transposed_window(image, reach, stride, (pad, pad), extra)
        assert window.length == (image - 1) * stride - 2 * pad + reach + extra + 1
        assert window.start == pad - reach


@pytest.mark.parametrize("name", ["valid", "same", "same_lower", "causal", "full"])
def test_a_named_transposed_padding_undoes_the_layer_of_that_name(name):
    for image, reach, stride in itertools.product((3, 6), (0, 1, 2, 4), (1, 2, 3)):
        sides = transposed_padding(name, image, reach, stride)
        outputs = transposed_window(image, reach, stride, sides, 0).length
        if outputs < 1 or outputs + sum(layer_padding(name, outputs, reach, stride)) <= reach:
            continue
        assert layer_window(outputs, reach, stride, layer_padding(name, outputs, reach, stride)).length == image
        if name.startswith("same"):
            assert outputs == image * stride
            assert sides[0] == layer_padding(name, outputs, reach, stride)[0]


def test_parameters_per_axis():
    assert per_axis("conv", "stride", np.int64(2), 2) == (2, 2)
    assert per_axis("conv", "stride", np.array([1, 2]), 2) == (1, 2)
    assert per_axis("conv", "output_padding", 0, 1, least=0) == (0,)


@pytest.mark.parametrize(("padding", "expected"), [
    (2, ((2, 2), (2, 2))),
    ((1, 2), ((1, 1), (2, 2))),
    (((1, 2), (0, 3)), ((1, 2), (0, 3))),
    (("same", (0, 1)), ("same", (0, 1))),
    ("causal", ("causal", "causal")),
    (np.array([[1, 2], [3, 4]]), ((1, 2), (3, 4))),
])
def test_all_forms_of_a_padding(padding, expected):
    assert parse_padding("conv", padding, 2) == expected
