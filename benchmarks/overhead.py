"""Measure what surrounds the kernel: call overhead, import, first call, whole process, peak memory.

`python -m benchmarks.overhead` prints a Markdown table and writes overhead.json.  Everything about a fresh
process is measured in fresh processes; each figure is a median, except first calls cold, which are few.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness import UNSET, no_collection

RUNS = 7
"""Fresh processes for each figure; a first one, not counted, warms the file cache."""


@dataclass(frozen=True)
class Figure:
    """One measured figure and what it may be at most; no limit where a figure only explains another."""

    name: str
    value: float | None
    unit: str
    limit: float | None = None
    error: str = ""

    @property
    def verdict(self) -> str:
        """Return met, MISSED or nothing."""
        if self.value is None:
            return "not measured"
        return "" if self.limit is None else "met" if self.value <= self.limit else "MISSED"


def guarded(name: str, unit: str, limit: float | None, measure: Callable[[], float]) -> Figure:
    """Return the figure, or the reason why it could not be measured."""
    try:
        return Figure(name, measure(), unit, limit)
    except Exception as error:  # noqa: BLE001  # one figure that fails does not hide the others
        return Figure(name, None, unit, limit, f"{type(error).__name__}: {error}".splitlines()[0][:200])


# Calls in this process ------------------------------------------------------------------------------------------


def per_call_us(call: Callable[[], Any], repeats: int = 2000, rounds: int = 15) -> float:
    """Return the median time of a call in microseconds."""
    for _ in range(200):
        call()
    samples = []
    with no_collection():
        for _ in range(rounds):
            start = time.perf_counter()
            for _ in range(repeats):
                call()
            samples.append((time.perf_counter() - start) / repeats * 1e6)
    return median(samples)


def call_figures() -> list[Figure]:
    """Time a problem so small (8 samples by 3 taps) that the kernel's few nanoseconds do not count."""
    return [
        guarded("plan(x), 8 samples by 3 taps", "us", 5.0, lambda: per_call_us(_tiny_plan())),
        guarded("plan(x), 8x8 by 3x3, reflect", "us", 5.0, lambda: per_call_us(_tiny_image_plan())),
        guarded("convolve(x, k), seen shape", "us", 25.0, lambda: per_call_us(_tiny_convolve())),
        guarded("for comparison: np.convolve(x, k)", "us", None, lambda: per_call_us(_tiny_numpy())),
        guarded("Conv2d(x) beyond its plan", "us", 2.0, lambda: per_call_us(_layer_without_plan())),
        guarded("Linear(x) beyond its plan", "us", 2.0, lambda: per_call_us(_linear_without_plan())),
    ]


class _Free:
    """A plan that costs nothing."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Return the result."""
        return self.result

    once = __call__


def _layer_without_plan() -> Callable[[], Any]:
    """Return a layer's call with a plan that costs nothing."""
    import numpy as np

    import faltung as ft

    layer, x = ft.layers.Conv2d(3, 4, 3, seed=1), np.ones((1, 3, 8, 8), np.float32)
    y = np.ones((1, 4, 6, 6), np.float32)
    layer._plans[x.shape, ft.get_threads()] = _Free(y), y.shape, False
    return lambda: layer(x, training=True)


def _linear_without_plan() -> Callable[[], Any]:
    import numpy as np

    import faltung as ft

    layer, rows = ft.layers.Linear(84, 10, seed=1), np.ones((64, 84), np.float32)
    scores = np.ones((1, 64, 10), np.float32)
    layer._forward_plans[64, ft.get_threads()] = _Free(scores), scores.shape, False
    return lambda: layer(rows, training=True)


def _tiny() -> tuple[Any, Any]:
    import numpy as np

    return np.arange(8, dtype=np.float32), np.array([1, 2, 3], np.float32)


def _tiny_plan() -> Callable[[], Any]:
    import faltung as ft

    x, k = _tiny()
    plan = ft.plan(ft.convolve, ft.Like(x.shape, x.dtype), k)
    return lambda: plan(x)


def _tiny_image_plan() -> Callable[[], Any]:
    import numpy as np

    import faltung as ft

    x, k = np.ones((8, 8), np.float32), np.ones((3, 3), np.float32)
    plan = ft.plan(ft.correlate, ft.Like(x.shape, x.dtype), k, "same", border="reflect")
    return lambda: plan(x)


def _tiny_convolve() -> Callable[[], Any]:
    import faltung as ft

    x, k = _tiny()
    return lambda: ft.convolve(x, k)


def _tiny_numpy() -> Callable[[], Any]:
    import numpy as np

    x, k = _tiny()
    return lambda: np.convolve(x, k)


# Fresh processes ------------------------------------------------------------------------------------------------

_FIRST_CALL = """
import time
import numpy as np
start = time.perf_counter()
import llvmlite.binding
llvmlite_s = time.perf_counter() - start
import faltung as ft
{operands}
start = time.perf_counter()
{call}
print(time.perf_counter() - start, llvmlite_s)
"""

_FIRST_CALLS = {
    "image 512x512 by 3x3, reflect": (
        "x = np.ones((512, 512), np.float32); k = np.arange(9, dtype=np.float32).reshape(3, 3)",
        "ft.correlate(x, k, 'same', border='reflect')",
    ),
    "layer 64 to 64, 3x3, 56x56": (
        "x = np.ones((1, 64, 56, 56), np.float32); w = np.ones((64, 64, 3, 3), np.float32)",
        "ft.conv(x, w, padding=1)",
    ),
}
"""Two shapes whose kernel itself takes 2 ms at most; the figure includes it."""

_WHOLE = {
    "faltung": "import numpy as np; import faltung as ft; ft.convolve(np.ones(100_000), np.ones(31))",
    "scipy.signal": "import numpy as np; from scipy import signal; signal.convolve(np.ones(100_000), np.ones(31))",
}

COMPILES_SOURCES = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
"""Would have every process compile the sources, where those of an installed package are compiled already."""


def environment(cache: Path | None = None, **more: str) -> dict[str, str]:
    """Return the environment of a fresh process, with its own object cache if asked for."""
    env = {key: value for key, value in os.environ.items() if key not in (*UNSET, *COMPILES_SOURCES)}
    if cache:
        env["FALTUNG_CACHE_DIR"] = str(cache)
    return {**env, **more}


def run(code: str, env: dict[str, str]) -> str:
    """Run code in a fresh process and return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
    return done.stdout


def process_ms(*codes: str, env: dict[str, str]) -> list[float]:
    """Return the median duration of whole processes, interleaved, in milliseconds."""
    samples: list[list[float]] = [[] for _ in codes]
    for turn in range(RUNS + 1):
        for code, found in zip(codes, samples, strict=True):
            start = time.perf_counter()
            run(code, env)
            if turn:
                found.append((time.perf_counter() - start) * 1e3)
    return [median(found) for found in samples]


def import_figures() -> list[Figure]:
    """Compare processes that import NumPy only with others that import faltung and llvmlite too."""
    numpy, llvmlite = "import numpy", "import numpy, llvmlite.binding"

    def added() -> float:
        base, ours = process_ms(numpy, "import numpy, faltung", env=environment())
        return ours - base

    def other() -> float:
        base, theirs = process_ms(numpy, llvmlite, env=environment())
        return theirs - base

    return [guarded("import faltung, beyond numpy", "ms", 60.0, added),
            guarded("for comparison: import llvmlite.binding, beyond numpy", "ms", None, other)]


def first_call_figures() -> list[Figure]:
    """Time the first call of a shape in fresh processes: with an empty object cache, then with a filled one."""
    figures = []
    for name, (operands, call) in _FIRST_CALLS.items():
        code = _FIRST_CALL.format(operands=operands, call=call)
        figures.append(guarded(f"first call cold, {name}", "ms", 80.0, partial(_first_ms, code, warm=False)))
        figures.append(guarded(f"first call warm, {name}", "ms", 10.0, partial(_first_ms, code, warm=True)))
    return figures


def _first_ms(code: str, *, warm: bool) -> float:
    """Return the median of the first call; llvmlite is imported before, so that its own import stands aside."""
    with tempfile.TemporaryDirectory() as folder:
        cache, samples = Path(folder, "cache"), []
        for turn in range(RUNS + 1):
            if not warm:
                shutil.rmtree(cache, ignore_errors=True)
            elapsed = float(run(code, environment(cache)).split()[0])
            if turn:
                samples.append(elapsed * 1e3)
    return median(samples)


def process_figures() -> list[Figure]:
    """Compare whole processes that convolve one array; the object cache is warm, as from the second run on."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder, "cache"))
        try:
            ours, theirs = process_ms(*_WHOLE.values(), env=env)
        except RuntimeError as error:
            return [Figure("whole process, one convolve", None, "ms", None, str(error))]
        cold = guarded("whole process, one convolve, cache empty", "ms", theirs, _cold_process_ms)
    return [Figure("whole process, one convolve (limit: the same with scipy.signal)", ours, "ms", theirs), cold]


def _cold_process_ms() -> float:
    samples = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            run(_WHOLE["faltung"], environment(Path(folder, "cache")))
            samples.append((time.perf_counter() - start) * 1e3)
    return median(samples)


# Memory ---------------------------------------------------------------------------------------------------------

def peak_resident_mib() -> float:
    """Return the highest resident size so far since the mark was last cleared, in MiB (Linux only)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def clear_peak() -> None:
    """Set the high-water mark back to the present resident size."""
    Path("/proc/self/clear_refs").write_text("5")


def workspace_mib(k: int, threads: int) -> float:
    """Return by how much a first big call raises the peak beyond an output that is resident already.

    A small call of the same kernel has loaded the code and started the workers before, so that only arrays count.
    """
    import numpy as np

    import faltung as ft

    taps = np.arange(k * k, dtype=np.float32).reshape(k, k) + 1
    options = {"border": "reflect", "threads": threads}
    x, out = np.ones((4096, 4096), np.float32), np.zeros((4096, 4096), np.float32)
    out[:] = 1
    small = ft.plan(ft.correlate, ft.Like((256, 256), "float32"), taps, "same", **options)
    small(x[:256, :256].copy())
    plan = ft.plan(ft.correlate, ft.Like(x.shape, "float32"), taps, "same", **options)
    clear_peak()
    before = peak_resident_mib()
    plan(x, out=out)
    return peak_resident_mib() - before


def memory_figures() -> list[Figure]:
    """Measure the workspace of a 4096x4096 image (64 MiB) by two kernels, one thread and two."""
    def measure(k: int, threads: int) -> float:
        code = f"from benchmarks.overhead import workspace_mib; print(workspace_mib({k}, {threads}))"
        return float(run(code, environment()))

    return [guarded(f"peak memory beyond arrays, 4096x4096 by {k}x{k}, threads {n}", "MiB", 4.0 * n,
                    partial(measure, k, n)) for k in (3, 15) for n in (1, 2)]


GROUPS = {"calls": call_figures, "import": import_figures, "first": first_call_figures,
          "process": process_figures, "memory": memory_figures}


def table(figures: list[Figure]) -> str:
    """Return the Markdown table."""
    rows = [f"| {f.name} | {'' if f.value is None else f'{f.value:.3g} {f.unit}'} | "
            f"{'' if f.limit is None else f'{f.limit:.3g} {f.unit}'} | {f.verdict} {f.error} |" for f in figures]
    return "\n".join(["| figure | measured | at most | |", "|---|---|---|---|", *rows])


def main(words: list[str]) -> int:
    """Measure, print and save; return 1 if a limit is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--only", default=",".join(GROUPS), help=f"of {', '.join(GROUPS)}")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/results"), help="folder of overhead.json")
    options = parser.parse_args(words)
    figures = [figure for name in options.only.split(",") for figure in GROUPS[name]()]
    print(table(figures))
    options.output.mkdir(parents=True, exist_ok=True)
    data = [{**asdict(figure), "verdict": figure.verdict} for figure in figures]
    (options.output / "overhead.json").write_text(json.dumps(data, indent=1) + "\n")
    (options.output / "overhead.md").write_text(table(figures) + "\n")
    return int(any(figure.verdict == "MISSED" for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
