"""The benchmarks' own arithmetic: cases are computed rightly, results are judged and written; no times are judged."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from benchmarks import ours, peak, report, roofline, speed_page
from benchmarks.cases import Case, select
from benchmarks.catalogue import CASES, by_name
from benchmarks.checking import fault, operands, reference
from benchmarks.harness import Result, Timing
from benchmarks.peers import PEERS
from benchmarks.transforms import Forward
from benchmarks.verdicts import GOALS, Figures, slower_with_two, summarise

from faltung.algorithms.fourier.columns import positions

SMALL = ["layer-1x64to128-3x3-56-s2", "transposed-1x64to3-4x4-64-s2", "input_grad-layer-8x1to16-3x3-28",
         "weight_grad-layer-8x1to16-3x3-28", "image-gaussian 2-512-float32", "image-whole 11x11-512-uint8",
         "signal-1e3-3-float32", "volume-3x3x3-64-float32", "match-32-512-uint8-masked",
         "missing-gaussian 2-512-float32", "blur 1-512-uint8", "edges-512-float32", "pyramid 5-512-uint8",
         "integers-1e5-1000-20bits"]


def test_cases_have_names_of_their_own_and_goals():
    assert len({case.name for case in CASES}) == len(CASES)
    assert {case.family for case in CASES} == set(GOALS)
    assert {case.family for case in CASES if case.quick} == set(GOALS)


@pytest.mark.parametrize("name", SMALL)
def test_our_answer_is_the_reference(name):
    case = by_name(name)
    given = operands(case)
    (form, call), = ours.forms(case, given, 1).items()
    assert form
    assert fault(case, call(), reference(case, given)) == ""


def test_a_wrong_answer_is_found():
    case = by_name("signal-1e3-3-float32")
    given = operands(case)
    expected = reference(case, given)
    assert fault(case, expected + 1, expected).startswith("error")
    assert fault(case, expected[1:], expected) == "shape (1001,), expected (1002,)"


def test_operations_and_traffic():
    layer = Case("", "", "conv", (2, 4, 9, 8), (6, 2, 3, 3), stride=2, padding=1, groups=2)
    assert layer.forward_shape == (2, 6, 5, 4)
    assert layer.flops == 2 * (2 * 6 * 5 * 4) * (2 * 3 * 3)
    assert layer.bytes_moved == 4 * (2 * 4 * 9 * 8 + 6 * 2 * 3 * 3 + 2 * 6 * 5 * 4)
    back = Case("", "", "conv_transpose", (1, 6, 5, 4), (6, 2, 2, 2), stride=2, groups=2)
    assert back.forward_shape == (1, 4, 10, 8)
    assert Case("", "", "convolve", (10,), (3,)).forward_shape == (12,)
    assert Case("", "", "match", (10, 9), (3, 3)).forward_shape == (8, 7)
    assert next(case.name for case in select(CASES, "depthwise*,none", quick=True)).startswith("depthwise-1x32")


@pytest.fixture
def figures():
    """A case won, one lost, one without a peer; two threads of one are slower."""
    def result(case, threads, **seconds):
        return Result(case, threads, [Timing(name, "form", value, value, 3, 1) for name, value in seconds.items()])

    results = [result("signal-1e3-3-float32", 1, faltung=1e-3, numpy=2e-3, scipy=4e-3),
               result("signal-1e3-3-float32", 2, faltung=2e-3, numpy=8e-3),
               result("signal-1e4-31-float32", 1, faltung=2e-3, numpy=1e-3),
               result("blur 1-512-uint8", 1, faltung=1e-3)]
    results[0].timings.append(Timing("torch", error="not installed: torch"))
    machine = {"cpu": "a processor", "quiet": "yes", "peak_f32_gflops": {"1": 100.0, "2": 200.0},
               "bandwidth_gbytes_per_s": {n: {"524288": 100.0, "inf": 20.0} for n in "12"}}
    return Figures({(r.case, r.threads): r for r in results}, machine)


def test_families_are_judged(figures):
    one, two = summarise(figures)
    assert (one.family, one.threads, one.mean, one.met) == ("signals", 1, pytest.approx(1), False)
    assert one.least == ("signal-1e4-31-float32", "numpy", 0.5)
    assert list(one.lost) == ["signal-1e4-31-float32"]
    assert (two.mean, two.met) == (pytest.approx(4), True)
    assert slower_with_two(figures) == {"signal-1e3-3-float32": 0.5}
    assert figures.roof_s(by_name("signal-1e3-3-float32"), 1) == pytest.approx(4 * (1000 + 3 + 1002) / 100e9)


def test_what_direct_reaches_of_the_roofline():
    """Arithmetic, traffic and what is small are counted apart; the goal is the program's, whole calls stand beside."""
    def point(name, arithmetic_s, traffic_s, program, whole):
        bound_s = max(arithmetic_s, traffic_s)
        return asdict(roofline.Point(name, "float32", arithmetic_s, traffic_s, bound_s / program, bound_s / whole))

    points = [point("layer", 1e-3, 1e-4, 0.9, 0.8), point("filter", 1e-3, 1e-4, 0.7, 0.6),
              point("image", 1e-4, 1e-3, 0.81, 0.5), point("signal", 1e-6, 1e-5, 0.2, 0.1)]
    text = roofline.markdown({"peak_gflops": {"float32": 117.2}, "points": points})
    assert "(GFLOP/s: float32 117; bytes where" in text
    assert text.splitlines()[-3:] == ["| arithmetic | 2 | 85% | 1 | 80% | 0 | 70% | filter 70% |",
                                      "| traffic | 1 | 80% | 1 | 81% | 0 | 50% |  |",
                                      "| traffic, small | 1 |  | 0 | 20% | 0 | 10% | signal 20% |"]


def test_bounds_count_the_multiply_adds_that_the_sums_need(monkeypatch):
    monkeypatch.setattr(peak, "lanes_of", lambda kind="float32": 16)
    kinds = {name: roofline.multiplied(case := by_name(name), operands(case)) for name in (
        "image-random 3x3-512-uint8", "image-whole 3x3-512-uint8", "signal-1e3-3-float64", "signal-1e3-3-float32")}
    assert list(kinds.values()) == ["float32", "bytes", "float64", "float32"]


def test_points_are_measured(monkeypatch):
    monkeypatch.setattr(roofline, "ROUNDS", 1)
    one = roofline.measure(by_name("signal-1e3-3-float32"), {"float32": 100.0})
    assert one.arithmetic_s == pytest.approx(by_name(one.case).flops / 100e9)
    assert 0 < one.program_s <= one.whole_s
    assert one.traffic_s > 0
    assert roofline.measure(by_name("blur 1-512-uint8"), {}) is None


def test_copies_copy():
    copies = peak.Copies(1000)
    for call in copies.calls:
        call()


def test_timed_transforms_are_transforms():
    forward = Forward(64, "float32")
    forward()
    plane = forward.plane
    bands = forward.spectrum.view("float32").reshape(plane.bands, -1, 2, plane.lanes)[:, :64]
    rows = bands[:, positions(plane.splits(1))]
    found = (rows[:, :, 0] + 1j * rows[:, :, 1]).swapaxes(1, 2).reshape(32, 64)
    # two columns are told apart without halving, and frequency 0 shares its lane with another
    assert found[1:] == pytest.approx(2 * np.fft.fft2(forward.tile)[1:32], abs=1e-3)


def test_results_are_saved_and_read_back(figures, tmp_path):
    report.save(tmp_path / "results.json", figures, {"numpy": "2"})
    assert report.load(tmp_path / "results.json") == (figures, {"numpy": "2"})
    assert "- torch: not installed: torch" in report.markdown(figures, {})


def test_the_page_and_the_readme_are_written(figures, tmp_path):
    report.save(tmp_path / "results.json", figures, {"numpy": "2"})
    rows = [{"threads": 1, "faltung_s": 2.0, "torch_s": 3.0, "faltung_mib": 5.0, "torch_mib": 9.0}]
    (tmp_path / "training.json").write_text(json.dumps(rows))
    choices = [{"kind": kind, "regret": regret, "planning_us": 100.0} for kind, regret in (("line", 1), ("image", 1.2))]
    (tmp_path / "planning.json").write_text(json.dumps(choices))
    tile = {"extent": 64, "dtype": "float32", "gflops": {"faltung": 50.0, "scipy": 5.0}, "verdict": "met"}
    (tmp_path / "transforms.json").write_text(json.dumps([tile]))
    text = speed_page.page(tmp_path)
    assert "1 of 2 targets are met; 2 of 3 comparisons are won." in text
    assert "| signals | 1 | 2 | 1.00 | 0.50 | signal-1e4-31-float32 | numpy | 1 | 3, 1 | **no** |" in text
    assert "| signal-1e4-31-float32 | 1 | form | 2 | numpy (form) | 1 | 0.50 |" in text
    assert "| 1 | 2.00 | 3.00 | 1.50 | 5.0 | 9.0 |" in text
    assert "| all | 2 | 1.100 | 1.20 | 100 | 100 |" in text
    assert "| 64x64 | float32 | 50.0 | 5.0 | met |" in text
    face = f"before {speed_page.BEGIN} old {speed_page.END} after"
    assert speed_page.readme(face, summarise(figures)).startswith("before <!-- speed")
    assert "old" not in speed_page.readme(face, summarise(figures))


def test_charts_are_drawn(figures):
    pytest.importorskip("matplotlib")
    assert list(speed_page.charts(figures)) == ["families", "signals"]


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_says_what_it_cannot_do(name):
    """Nobody does this, so no library is imported."""
    assert PEERS[name](Case("", "", "something else", (9, 9), (3, 3)), operands(by_name(SMALL[0])), 1) == {}
