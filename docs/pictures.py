"""Draw the pictures of the documentation into docs/pictures, or into the folder that is named: ``make docs``.

Two runs on one machine give the same bytes.  Names on the command line choose some of the pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import faltung as ft
from faltung import kernels, layers, show
from faltung.costs.rates import Rates
from faltung.layers import zoo
from faltung.layers.data import Data, digits, split
from faltung.layers.kernel_learning import learn_kernel
from faltung.layers.training import Epoch, Trainer, evaluate
from faltung.show.grids import Arithmetic
from faltung.show.overlap import Overlap
from faltung.show.sliding import Sliding

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
SIGNAL, PATTERN = [0, 0, 0, 1, 2, 3, 2, 1, 0, 0], [1, 2, 3, 2, 1]
WIDE = 1000
"""Of photographs, and of what is too full for outlines."""


# ---------------------------------------------------------------- what is looked at

@cache
def hi() -> Any:
    """The small picture of 16 by 16 pixels."""
    return np.loadtxt(ROOT / "examples" / "hi.txt", dtype=np.uint8)


@cache
def photograph() -> Any:
    """A man with a camera, 512 by 512 pixels."""
    from skimage import data

    return data.camera()


def hidden() -> tuple[Any, Any]:
    """A pattern, hidden in noise three times, at three volumes."""
    rng = np.random.default_rng(3)
    pattern = np.hanning(31) * np.sin(np.arange(31) / 2.2)
    signal = 0.16 * rng.normal(size=240)
    for place, volume in ((25, 0.7), (110, 1.4), (190, 1.0)):
        signal[place:place + 31] += volume * pattern
    return signal, pattern


def beat() -> Any:
    """A beat of 25 samples under noise that is stronger than it."""
    rng = np.random.default_rng(8)
    return np.exp(-(((np.arange(150) % 25) - 8) / 3) ** 2) + 0.55 * rng.normal(size=150)


def smooth() -> Any:
    """A curve with noise."""
    rng = np.random.default_rng(0)
    return np.sin(np.arange(200) / 12) + 0.3 * rng.normal(size=200)


def coins() -> tuple[Any, Any]:
    """Coins on a table, and one of them."""
    from skimage import data

    table = data.coins()
    return table, table[98:158, 20:80]


@cache
def trained() -> tuple[layers.Sequential, Trainer, list[Epoch], Data]:
    """A small network that has learned the digits."""
    learn, test = split(digits())
    network = zoo.small(seed=0)
    trainer = Trainer(network, learn, test, epochs=15, optimiser=layers.Adam(network, rate=0.003))
    return network, trainer, trainer.run(), test


def example_rates(threads: int) -> Rates:
    """A machine as it might be, so that the picture does not depend on the one that draws it."""
    return Rates("example", threads, 1e11 * threads, 3e9, ((1 << 18, 8e10), (1 << 22, 5e10), (1 << 25, 2.5e10)), 3e-6)


def costs(*shape: int, size: int = 7) -> Any:
    """Of a filter."""
    return ft.cost(ft.correlate, ft.Like(shape), ft.Like((size,) * len(shape)), "same", rates=example_rates)


def layer_cost() -> Any:
    """Of a layer in the middle of a network."""
    return ft.cost(ft.conv, ft.Like((1, 64, 56, 56)), ft.Like((64, 64, 3, 3)), padding=1, rates=example_rates)


# ---------------------------------------------------------------- pictures

def _autocorrelation() -> Any:
    scene = Sliding(beat(), beat())
    lag = len(beat()) - 1 + 25
    return show.picture(scene, int(np.abs(scene.shown - lag).argmin()))


def _confusion() -> Any:
    network, trainer, _, test = trained()
    return show.confusion(evaluate(network, test, trainer.normalisation).confusion, test.classes, width=640)


def _growing() -> Any:
    before = photograph()[128:384, 128:384]
    return show.kernel_growing(learn_kernel(before, ft.filter(before, kernels.gaussian(1.2, size=7)), 7))


FIGURES: dict[str, Callable[[], Any]] = {
    "overlap.svg": lambda: show.overlap("box", "triangle", 0.4),
    "match-signal.svg": lambda: show.scores(*hidden(), threshold=0.75),
    "autocorrelation.svg": _autocorrelation,
    "numbers.png": lambda: show.numbers(hi(), kernels.sobel(), width=WIDE),
    "hi-sobel.svg": lambda: show.filtered(hi(), "sobel"),
    "filtered-box.png": lambda: show.filtered(photograph(), "box:size=9", width=WIDE),
    "filtered-sobel.png": lambda: show.filtered(photograph(), "sobel", width=WIDE),
    "match-image.png": lambda: show.scores(*coins(), threshold=0.6, width=WIDE),
    "kernel-volume.svg": lambda: show.kernel(kernels.sobel(0, ndim=3)),
    "kernel-gabor.svg": lambda: show.kernel("gabor"),
    "kernel-box.svg": lambda: show.kernel(kernels.box(9, ndim=1)),
    "kernel-bell.svg": lambda: show.kernel(kernels.binomial(9, ndim=1)),
    "kernel-fir.svg": lambda: show.kernel("fir", scale="dB"),
    "filtered-signal.svg": lambda: show.filtered(smooth(), "savitzky_golay:size=21"),
    "growing.svg": _growing,
    "grid-valid.svg": lambda: show.arithmetic((5, 5), (3, 3), width=640),
    "grid-same.svg": lambda: show.arithmetic((5, 5), (3, 3), padding=1, width=640),
    "grid-stride.svg": lambda: show.arithmetic((5, 5), (3, 3), stride=2, padding=1, width=640),
    "grid-dilation.svg": lambda: show.arithmetic((7, 7), (3, 3), dilation=2, width=640),
    "grid-transposed.svg": lambda: show.arithmetic((3, 3), (3, 3), stride=2, padding=1, transposed=True, width=640),
    "grid-volume.png": lambda: show.arithmetic((4, 4, 4), (3, 3, 3), padding=1, width=960),
    "borders.png": lambda: show.borders(photograph()[:256, :256], "box:size=61", width=WIDE),
    "growth.svg": lambda: show.growth(costs(512, 512)),
    "roofline.svg": lambda: show.roofline(costs(2048, 2048, size=3), costs(512, 512, size=15), layer_cost()),
    "learning.svg": lambda: show.learning(trained()[2]),
    "confusion.svg": _confusion,
    "feature-maps.png": lambda: show.feature_maps(trained()[0], trained()[3].images[0], width=WIDE,
                                                  normalisation=trained()[1].normalisation),
    "learned-kernels.svg": lambda: show.learned_kernels(trained()[0]),
    "receptive-field.svg": lambda: show.receptive_field(trained()[0], (1, 1, 8, 8)),
}
FILMS: dict[str, Callable[[], Any]] = {
    "overlap.gif": lambda: (Overlap("box", "triangle"), {"width": 480, "rate": 10, "steps": range(0, 121, 2)}),
    "sliding.gif": lambda: (Sliding(SIGNAL, PATTERN, "convolve"), {"width": 640, "rate": 1.5}),
    "layer.gif": lambda: (Arithmetic((5, 5), (3, 3), stride=2, padding=1), {"width": 640, "rate": 1.5}),
}


def draw(name: str, folder: Path) -> None:
    """Draw one picture into a folder."""
    if name in FILMS:
        scene, options = FILMS[name]()
        show.animate(scene, folder / name, **options)
        return
    # Letters as outlines: pages show these files wherever they are read, with or without their font.
    show.write(FIGURES[name](), folder / name, outlines=True)


def main() -> None:
    """Draw all, or those that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="pictures (default: all)")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--list", action="store_true", help="print the names, and draw nothing")
    options = parser.parse_args()
    if options.list:
        print("\n".join([*FIGURES, *FILMS]))
        return
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.names or [*FIGURES, *FILMS]:
        draw(name, options.output)
        print(f"{name}: {(options.output / name).stat().st_size / 1e3:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
