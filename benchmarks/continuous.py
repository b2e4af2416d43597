"""Functions convolved: time and error.  Run as ``python -m benchmarks.continuous``."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from faltung import continuous as ct

ROUNDS = 9
POINTS = 200


def smooth(degree: int, low: float, high: float, seed: int) -> ct.Function:
    """A smooth function of this very degree: coefficients that fall by 0.7 decades in ten, to 1e-7 at 100."""
    rng = np.random.default_rng(seed)
    series = rng.uniform(0.5, 1, degree + 1) * rng.choice([-1, 1], degree + 1) * 0.85 ** np.arange(degree + 1)
    return ct.polynomial([low, high], [series], basis="legendre")


def error(f: ct.Function, g: ct.Function, h: ct.Function) -> float:
    """The greatest error at random points, against Gauss's rule, in units of ``max|f| max|g| L``."""
    places = np.random.default_rng(0).uniform(*h.support, POINTS)
    wanted = np.array([by_quadrature(f, g, t) for t in places])
    width = min(f.support[1] - f.support[0], g.support[1] - g.support[0])
    return float(np.abs(h(places) - wanted).max() / (f.scale * g.scale * width))


def by_quadrature(f: ct.Function, g: ct.Function, t: float) -> float:
    cuts = np.concatenate([f.breakpoints, t - g.breakpoints])
    low, high = max(f.support[0], t - g.support[1]), min(f.support[1], t - g.support[0])
    cuts = np.unique(np.concatenate([[low, high], cuts[(cuts > low) & (cuts < high)]]))
    order = (f.degree + g.degree) // 2 + 1
    x, w = np.polynomial.legendre.leggauss(order) if order not in RULES else RULES[order]
    RULES[order] = x, w
    s = cuts[:-1, None] + np.diff(cuts)[:, None] * (x + 1) / 2
    return float((np.diff(cuts) / 2) @ ((f(s) * g(t - s)) @ w))


RULES: dict[int, tuple[np.ndarray, np.ndarray]] = {}


def best_ms(call: Callable[[], object]) -> float:
    best = np.inf
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return 1e3 * best


def cases() -> list[tuple[str, ct.Function, ct.Function]]:
    even = np.random.default_rng(1).standard_normal((2, 1001))
    return [
        ("degree 100 and 100, equal lengths", smooth(100, -1, 1, 0), smooth(100, -1, 1, 1)),
        ("degree 100 and 100, lengths 1.5 to 1", smooth(100, 0, 1.5, 0), smooth(100, 0, 1, 1)),
        ("degree 100 and 100, lengths 10 to 1", smooth(100, 0, 10, 0), smooth(100, 0, 1, 1)),
        ("degree 100 and 100, lengths 50 to 1", smooth(100, 0, 50, 0), smooth(100, 0, 1, 1)),
        ("degree 400 and 400, equal lengths", smooth(400, -1, 1, 0), smooth(400, -1, 1, 1)),
        ("degree 400 and 400, lengths 3 to 1", smooth(400, 0, 3, 0), smooth(400, 0, 1, 1)),
        ("gaussian and gaussian", ct.gaussian(), ct.gaussian(2)),
        ("gaussian and exponential", ct.gaussian(), ct.exponential()),
        ("1001 even samples and gaussian", ct.samples(np.arange(1001) / 10, even[0]), ct.gaussian()),
        ("1001 and 1001 even samples", ct.samples(np.arange(1001) / 10, even[0]),
         ct.samples(np.arange(1001) / 10, even[1])),
    ]


def main() -> None:
    print(f"{'case':40} {'first ms':>9} {'best ms':>9} {'error':>9}   pieces, degree")
    for name, f, g in cases():
        start = time.perf_counter()
        h = ct.convolve(f, g)
        first = 1e3 * (time.perf_counter() - start)
        best = best_ms(lambda f=f, g=g: ct.convolve(f, g))
        print(f"{name:40} {first:9.2f} {best:9.2f} {error(f, g, h):9.1e}   {len(h.breakpoints) - 1}, {h.degree}")


if __name__ == "__main__":
    main()
